import json
import runpy
from pathlib import Path

import polars as pl
import pytest

from deepenough.cli import main
from deepenough.records import COSTS

MADE_UP = Path(__file__).parents[1] / "report" / "made_up.py"


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("cli") / "photos"
    runpy.run_path(str(MADE_UP))["write_study"](folder, images=40)
    return folder


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as left:
        main([str(argument) for argument in arguments])
    return int(left.value.code or 0)


def test_report_writes_both_files_and_says_where(study, capsys):
    assert run("report", study) == 0
    said = capsys.readouterr().out
    assert "ResNet-101" in said
    assert str(study / "report.html") in said
    assert (study / "report.md").is_file()


def test_report_answers_in_json(study, capsys):
    assert run("report", study, "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["html"] == str(study / "report.html")
    assert answer["html_bytes"] == (study / "report.html").stat().st_size


def test_report_exits_with_two_and_one_line_when_there_is_no_verdict(tmp_path, capsys):
    assert run("report", tmp_path) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert "verdict.json" in captured.err


def test_verify_passes_on_a_fresh_report_and_says_what_it_looked_at(study, capsys):
    run("report", study)
    capsys.readouterr()
    assert run("verify", study) == 0
    said = capsys.readouterr().out
    assert said.count("ok ") == 5
    assert "from the outcomes of 40 images in 24 runs" in said


def test_verify_exits_with_two_and_names_what_differs(study, capsys, tmp_path):
    run("report", study)
    page = (study / "report.html").read_text(encoding="utf-8")
    (tmp_path / "report.html").write_text(page.replace("They differ on", "They differed on"), encoding="utf-8")
    capsys.readouterr()
    assert run("verify", tmp_path / "report.html", "--json") == 2
    captured = capsys.readouterr()
    answer = json.loads(captured.out[: captured.out.index("\n}") + 2])
    assert answer["agrees"] is False
    assert captured.err.count("\n") == 1
    assert "a page that agrees with its data" in captured.err


def test_verify_refuses_what_is_no_report(tmp_path, capsys):
    assert run("verify", tmp_path) == 2
    assert "report.html: expected a report" in capsys.readouterr().err


def test_report_leaves_pictures_out_when_asked(study, capsys):
    assert run("report", study, "--no-images") == 0
    assert "<img" not in (study / "report.html").read_text(encoding="utf-8")
    assert run("verify", study) == 0


def test_report_refuses_costs_of_other_contenders(study, capsys, tmp_path):
    costs = pl.read_parquet(study / "costs.parquet").with_columns(contender=pl.lit("vgg16"))
    costs.write_parquet(tmp_path / "costs.parquet")
    assert run("report", study, "--costs", tmp_path) == 2
    said = capsys.readouterr().err
    assert "costs.parquet: expected costs of this study's contenders at its scales; got vgg16" in said


@pytest.mark.parametrize(
    ("column", "values"),
    [
        *[(name, pl.lit("x")) for name, kind in COSTS.items() if kind != pl.String],
        *[(name, pl.lit(1)) for name, kind in COSTS.items() if kind == pl.String],
        ("latency_s", pl.struct(p50=pl.lit("soon"), p95=pl.lit(1.0))),
        ("latency_s", pl.struct(median=pl.lit(1.0))),
        ("scale", pl.lit(2**40)),
    ],
)
def test_report_refuses_costs_whose_columns_are_of_another_kind(column, values, study, capsys, tmp_path):
    pl.read_parquet(study / "costs.parquet").with_columns(values.alias(column)).write_parquet(tmp_path / "c.parquet")
    assert run("report", study, "--costs", tmp_path / "c.parquet") == 2
    said = capsys.readouterr().err
    assert f"c.parquet: expected a column {column} of " in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("values", "expected", "got"),
    [
        ({"contender": pl.lit(None)}, "the column contender without gaps", "an empty cell"),
        ({"latency_s": pl.lit(None)}, "the column p50 without gaps", "an empty cell"),
        ({"scale": pl.lit(None)}, "the column scale without gaps", "an empty cell"),
        (
            {"latency_s": pl.struct(p50=pl.lit(float("nan")), p95=pl.lit(1.0))},
            "numbers above zero in the column p50",
            "nan",
        ),
        (
            {"latency_s": pl.struct(p50=pl.lit(1.0), p95=pl.lit(float("inf")))},
            "numbers above zero in the column p95",
            "inf",
        ),
        ({"batch": pl.lit(0)}, "numbers above zero in the column batch", "0"),
        ({"macs": pl.lit(-5)}, "numbers above zero in the column macs", "-5"),
    ],
)
def test_report_refuses_costs_that_no_machine_can_have(values, expected, got, study, capsys, tmp_path):
    pl.read_parquet(study / "costs.parquet").with_columns(**values).write_parquet(tmp_path / "c.parquet")
    assert run("report", study, "--costs", tmp_path / "c.parquet") == 2
    said = capsys.readouterr().err
    assert f"c.parquet: expected {expected}; got {got}; measure them again" in said
    assert said.count("\n") == 1


def test_report_takes_costs_whose_numbers_are_wider_or_missing(study, tmp_path):
    wider = pl.read_parquet(study / "costs.parquet").with_columns(
        pl.col("scale").cast(pl.Int64), pl.col("images_per_s").cast(pl.Float32), peak_bytes=pl.lit(None)
    )
    wider.write_parquet(tmp_path / "c.parquet")
    assert run("report", study, "--costs", tmp_path / "c.parquet") == 0
