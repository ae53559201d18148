import json
import runpy
from pathlib import Path

import polars as pl
import pytest

from deepenough.cli import main

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
