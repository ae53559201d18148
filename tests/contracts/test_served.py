"""What a network of every task does in use: exported, held against the study, and asked about files."""

from __future__ import annotations

import json
import shutil

import pytest

from deepenough import cli
from deepenough.records import OUTCOMES, SCORES, read_table
from deepenough.tasks.registry import TASKS, answers_kind

LABELLED = ("classification", "multilabel")
MENDS = tuple(sorted(task for task in TASKS if answers_kind(task).mends))
only = pytest.mark.parametrize


@pytest.fixture
def run(capsys):
    """A command, its exit code, and what it wrote on standard output and error."""

    def call(*arguments):
        with pytest.raises(SystemExit) as left:
            cli.main([str(argument) for argument in arguments])
        written = capsys.readouterr()
        return left.value.code, written.out, written.err

    return call


@pytest.fixture
def study(finished, tmp_path, tiny_networks):
    """A copy of the finished study's folder, its networks tiny."""
    del tiny_networks
    return shutil.copytree(finished[0], tmp_path / "study")


def exported(run, study, *options):
    code, out, err = run("export", study, "--json", "--threads", "1", *options)
    assert code == 0, err + out
    return json.loads(out)


def as_tested(study):
    """The files of the test pictures by sample id."""
    from deepenough.studies.finished import open_finished

    opened = open_finished(study)
    rows = opened.samples.filter(split="test")
    return {sample: opened.prepared.entries[sample].location for sample in rows["sample_id"]}


def own(study, about, table="scores.parquet", form=SCORES):
    wanted = {name: about[name] for name in ("contender", "seed", "scale")}
    return read_table(study / table, form).filter(**wanted)


def asked(run, model, *images):
    code, out, err = run("predict", model, *images, "--json", "--probabilities")
    assert code == 0, err
    return [json.loads(line) for line in out.splitlines()]


def held_to_the_study(run, study, name, done, tmp_path):
    """Answers to the raw test files, against what the study recorded of them; it computed in fp32."""
    files, about = as_tested(study), done["about"]
    if name in MENDS:
        return
    answers = {line["sample_id"]: line for line in asked(run, done["path"], *files.values())}
    scores = own(study, about)
    if name in LABELLED:
        known = dict(scores.select("sample_id", "prediction").iter_rows())
        assert {sample: answers[sample]["prediction"] for sample in known} == known
        return
    kept = own(study, about, "outcomes.parquet", OUTCOMES)
    if name == "verification":
        for sample, vector in kept.select("sample_id", "embedding").iter_rows():
            assert answers[sample]["embedding"] == pytest.approx(list(vector), abs=1e-5)
        return
    for sample, boxes, shares, labels in kept.select("sample_id", "boxes", "scores", "labels").iter_rows():
        found, count = answers[sample]["boxes"], sum(label >= 0 for label in labels)
        assert len(found) == count
        for one, box, share, label in zip(found, boxes, shares, labels, strict=False):
            assert one["prediction"] == ("bright", "dark")[label]
            assert [one[side] for side in ("left", "top", "right", "bottom")] == pytest.approx(list(box), abs=1e-3)
            assert one["confidence"] == pytest.approx(share, abs=1e-5)


@pytest.mark.slow
def test_torch_form_answers_from_raw_files_as_the_study_recorded(run, study, name, tmp_path):
    done = exported(run, study, "--to", "torch")
    parity = done["held"]["parity"]
    assert parity["equal"] == parity["samples"] > 0
    assert parity["recorded"] in (None, parity["samples"])
    assert parity["value"] == pytest.approx(parity["recorded_value"], abs=1e-4)
    held_to_the_study(run, study, name, done, tmp_path)


@pytest.mark.slow
def test_onnx_form_is_proven_on_the_test_and_answers_as_the_study_recorded(run, study, name, tmp_path):
    if answers_kind(name).bound_to_torch:
        code, _, err = run("export", study, "--to", "onnx", "--threads", "1")
        assert code == 2
        assert answers_kind(name).bound_to_torch in err
        assert not list(study.rglob("model.*"))
        return
    done = exported(run, study, "--to", "onnx")
    parity = done["held"]["parity"]
    assert parity["equal"] + parity["ties"] == parity["samples"] > 0
    assert parity["largest"] < 1e-4  # in fp32, by another runtime
    assert parity["value"] == pytest.approx(parity["recorded_value"], abs=1e-2)
    held_to_the_study(run, study, name, done, tmp_path)
