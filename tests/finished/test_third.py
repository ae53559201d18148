"""Third answers of a finished study, from the library, on the command line and in the report."""

import json

import polars as pl
import pytest

from deepenough import cli, report
from deepenough.errors import InputError, RecordError, SourceError, StudyError
from deepenough.records import SCORES, read_json, read_table, third_from_json
from deepenough.report import proof
from deepenough.studies import third
from deepenough.studies.finished import open_finished
from deepenough.studies.third import third_answers


@pytest.fixture(autouse=True)
def _few_timed(monkeypatch):
    monkeypatch.setattr(third, "TIMED", 2)


def answers(study, **wish):
    return third_answers(open_finished(study), budget_s=0.0, **wish)


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as left:
        cli.main([str(each) for each in arguments])
    said = capsys.readouterr()
    return left.value.code, said.out, said.err


def test_answers_are_decided_timed_and_kept_and_the_report_has_them_again(study):
    found = answers(study, share=0.5)
    assert [each.contender for each in found.contenders] == ["resnet50", "resnet101", "cascade", "average"]
    assert len(found.pairs) == 4
    assert found.timing.predicted_s == pytest.approx(found.timing.small_s + found.timing.share * found.timing.big_s)
    recorded = {entry["contender"]: entry["mean"] for entry in read_json(study / "verdict.json")["contenders"]}
    for name in ("resnet50", "resnet101"):  # the same outcomes as the verdict's
        assert found.result(name).mean == pytest.approx(recorded[name])
    rows = read_table(study / "third.parquet", SCORES)
    assert 100 * rows.filter(pl.col("contender") == "cascade")["score"].mean() == pytest.approx(
        found.result("cascade").mean
    )
    assert third_from_json(read_json(study / "third.json")) == found
    page, text = report.write(study)
    assert "Third answers: both networks together" in text.read_text("utf-8")
    assert [look.wrong for look in proof.looks(page)] == [()] * 6


def test_average_of_stored_runs_is_made_without_the_pictures_when_the_cache_is_there(study, pictures, monkeypatch):
    monkeypatch.setattr("deepenough.studies.finished.open_source", lambda *_a, **_k: pytest.fail("opened the source"))
    assert answers(study).result("average") is not None


def test_pictures_are_named_when_they_are_in_no_cache_and_not_where_they_were(study, tmp_path):
    for path in (study / "cache").iterdir():
        path.unlink()
    for name in ("cat", "dog"):
        (tmp_path / "moved" / name).mkdir(parents=True)
        (tmp_path / "moved" / name / "x.png").write_bytes(b"")
    finished = open_finished(study, source=str(tmp_path / "moved"))
    with pytest.raises(SourceError, match=r"the study's picture .*--source"):
        third_answers(finished)


def test_neither_weights_nor_pictures_are_needed_when_networks_are_not_asked(study):
    for path in [*(study / "cache").iterdir(), *study.glob("cells/*/weights.safetensors")]:
        path.unlink()
    found = answers(study, networks=False)
    assert found.timing is None
    assert len(found.pairs) == 2
    with pytest.raises(InputError):
        answers(study)


def test_weights_are_refused_when_they_are_not_the_ones_that_were_tested(study):
    cell = next(study.glob("cells/resnet50-seed0"))
    (cell / "weights.safetensors").write_bytes((study / "cells/resnet50-seed1/weights.safetensors").read_bytes())
    with pytest.raises(RecordError, match="the checksum differs"):
        answers(study)


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        ({"share": 1.5}, "a share from 0 to 1"),
        ({"within": -1.0}, "points from 0 to 100"),
        ({"within": 1.0, "share": 0.5}, "one of --within and --share"),
    ],
)
def test_numbers_out_of_range_are_refused(study, wish, said):
    with pytest.raises(StudyError, match=said):
        answers(study, networks=False, **wish)


def test_command_says_and_keeps_the_answers_and_verdict_repeats_them(study, capsys):
    code, said, _ = run(capsys, "cascade", study, "--share", "0.5", "--no-networks")
    assert code == 0
    assert "A cascade asks ResNet-50 first and ResNet-101 only where ResNet-50 is unsure" in " ".join(said.split())
    assert max(len(line) for line in said.splitlines() if str(study) not in line) <= 80
    code, again, _ = run(capsys, "verdict", study)
    assert "A cascade asks ResNet-50 first" in again
    code, changed, _ = run(capsys, "verdict", study, "--margin", "1")
    assert code == 0
    assert "are to another question" in " ".join(changed.split())
    report.write(study)
    assert "make them anew with" in (study / "report.md").read_text("utf-8")


def test_command_answers_in_json(study, capsys):
    code, said, _ = run(capsys, "cascade", study, "--no-networks", "--json")
    assert code == 0
    assert json.loads(said)["small"] == "resnet50"


def test_command_refuses_a_folder_that_holds_no_study(tmp_path, capsys):
    code, _, said = run(capsys, "cascade", tmp_path)
    assert code == 2
    assert "the folder of a finished study" in said
