"""`deepenough cost`."""

from __future__ import annotations

import json

import pytest

from deepenough import cli
from deepenough.records import COSTS, read_table


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as left:
        cli.main(["cost", *arguments])
    captured = capsys.readouterr()
    return left.value.code, captured.out, captured.err


@pytest.fixture(autouse=True)
def _short(monkeypatch):
    from deepenough.cost import timing

    monkeypatch.setattr(timing, "_FEWEST", {"single": 2, "batch": 1})
    monkeypatch.setitem(timing.measure.__kwdefaults__, "budget_s", 1e-9)


def test_table_fits_in_80_columns_and_is_written_as_a_record(capsys, tmp_path):
    code, out, _ = run(capsys, "--scales", "32", "--batch", "2", "--classes", "2", "--out", str(tmp_path / "c.parquet"))
    table = read_table(tmp_path / "c.parquet", COSTS)
    assert code == 0
    printed, _, written = out.partition("Written to")
    assert all(len(line) <= 80 for line in printed.splitlines())
    assert written.strip() == str(tmp_path / "c.parquet")
    assert table["contender"].to_list() == ["resnet50", "resnet101"] * 2


def test_json_lists_a_row_a_contender_scale_and_batch(capsys):
    code, out, _ = run(capsys, "resnet50", "--scales", "32", "--batch", "2", "--json")
    rows = json.loads(out)
    assert code == 0
    assert [(row["contender"], row["scale"], row["batch"]) for row in rows] == [
        ("resnet50", 32, 1),
        ("resnet50", 32, 2),
    ]
    assert rows[0]["latency_s"].keys() == {"p50", "p95"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--scales", "64;128"], "--scales: expected image sides in pixels"),
        (["--scales", "16"], "at least 32 px; got 16 x 16 px"),
        (["--precision", "fp8"], "--precision: expected fp32 or bf16; got 'fp8'"),
        (["--device", "tpu"], "--device: expected cpu or cuda; got 'tpu'"),
        (["--batch", "0"], "--batch: expected at least 1; got 0"),
        (["resnet51"], "did you mean resnet50?"),
        (["--classes", "0"], "at least 1; got 0"),
    ],
)
def test_wrong_option_is_one_line(capsys, arguments, words):
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (2, "")
    assert words in " ".join(err.split())
