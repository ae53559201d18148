"""The study file: what is read is what was written, and what does not fit is named with its place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepenough.errors import StudyError
from deepenough.studies.study import Study, load_study, make_study, save_study, seconds
from deepenough.tasks.registry import TASKS


def test_study_file_reads_back_to_the_same_study(tmp_path):
    study = make_study(
        {
            "source": "my photos/é",
            "seeds": 5,
            "scales": [96, 64, 64],
            "budget": "1h30m",
            "recipe": {"optimizer": "sgd", "learning_rate": 0.1},
            "augmentation": {"strength": "standard"},
            "weights": {"resnet50": "a.safetensors"},
        }
    )
    assert study.scales == (64, 96)
    save_study(study, tmp_path / "study.yaml")
    assert load_study(tmp_path / "study.yaml") == study


def test_looks_read_back_with_or_without_their_last_as_seeds(tmp_path):
    for seeds in (None, 8):
        study = make_study({"looks": [3, 5, 8], "seeds": seeds})
        assert (study.looks, study.seeds) == ((3, 5, 8), seeds)
        save_study(study, tmp_path / "study.yaml")
        assert load_study(tmp_path / "study.yaml") == study


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("seeds: many", "study.yaml: seeds: expected a whole number; got 'many'"),
        ("seeds: 0", "study.yaml: seeds: expected greater than or equal to 1; got 0"),
        ("margin: -1", "study.yaml: margin: expected greater than 0; got -1"),
        ("margin: .nan", "study.yaml: margin: expected less than or equal to 100; got nan"),
        ("train_scale: 16", "study.yaml: train_scale: expected greater than or equal to 32; got 16"),
        ("scales: [64, 8]", "study.yaml: scales, entry 2: expected greater than or equal to 32; got 8"),
        ("scales: []", "study.yaml: scales: expected at least one image side in pixels; got []"),
        ("contenders: [resnet50]", "at least two contenders, each once"),
        ("contenders: [resnet50, resnet50]", "at least two contenders, each once"),
        ("looks: [1, 3]", "study.yaml: looks, entry 1: expected greater than or equal to 2; got 1"),
        ("looks: [3]", "study.yaml: looks: expected two or more numbers of seeds, each larger than the one before"),
        ("looks: [3, 5, 5]", "study.yaml: looks: expected two or more numbers of seeds, each larger"),
        ("looks: [3, 101]", "study.yaml: looks, entry 2: expected less than or equal to 100; got 101"),
        ("looks: [3, 5.5]", "study.yaml: looks, entry 2: expected a whole number; got 5.5"),
        ("looks: often", "study.yaml: looks: expected a list; got 'often'"),
        (
            "{seeds: 8, looks: [3, 5]}",
            "study.yaml: looks: expected the last look after all 8 seeds, or seeds left out; got [3, 5]",
        ),
        (
            "{seeds: 2, paired_seeds: true}",
            "study.yaml: paired_seeds: expected false with fewer than 3 seeds; got True",
        ),
        ("{looks: [3, 5], paired_seeds: true}", "study.yaml: paired_seeds: expected false beside looks, whose error"),
        ("{recipe: {train: head}, paired_seeds: true}", "study.yaml: paired_seeds: expected false with a linear probe"),
        ("budget: soon", "study.yaml: budget: expected a duration such as 90s, 30m or 2h"),
        ("epoch: 3", "study.yaml: epoch: expected one of source, task,"),
        ("recipe: {optimiser: sgd}", "study.yaml: recipe.optimiser: expected one of optimizer, learning_rate,"),
        ("recipe: {optimizer: adam}", "study.yaml: recipe.optimizer: expected 'adamw', 'sgd' or 'lamb'; got 'adam'"),
        (
            "task: faces",
            f"study.yaml: task: expected one of {', '.join(TASKS)}; got 'faces'",
        ),
        ("source: 2020-13-45", "expected a study file in YAML"),
        ("[" * 3000, "expected a study file in YAML"),
        ("- a list", "study.yaml: expected keys and values, such as `source: my_photos`; got list"),
        ("", "study.yaml: expected keys and values"),
        ("a: [", "study.yaml: expected a study file in YAML; got a file that cannot be read"),
        ("source: !!python/object/apply:os.getcwd []", "expected a study file in YAML"),
    ],
)
def test_what_does_not_fit_is_named_with_its_place(text, message, tmp_path):
    (tmp_path / "study.yaml").write_text(text)
    with pytest.raises(StudyError) as caught:
        load_study(tmp_path / "study.yaml")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_study_file_that_is_missing_or_no_text_is_named(tmp_path):
    with pytest.raises(StudyError, match="expected a study file; got no such file"):
        load_study(tmp_path / "none.yaml")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(StudyError, match="expected a study file in YAML"):
        load_study(tmp_path / "binary.yaml")


@given(hours=st.integers(0, 99), minutes=st.integers(0, 99), rest=st.integers(1, 99))
def test_durations_add_up(hours, minutes, rest):
    assert seconds(f"{hours}h{minutes}m{rest}s") == 3600 * hours + 60 * minutes + rest


@pytest.mark.parametrize("text", ["", "0m", "-3m", "m", "30", "1m2h", "3 min", "1e3s"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(ValueError, match="a duration such as"):
        seconds(text)


def test_a_study_cannot_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        Study().seeds = 4
