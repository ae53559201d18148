"""A search from what was asked for to its record: within its budget, proven, resumed, shared, confirmed."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

from deepenough import report
from deepenough.cost import count
from deepenough.errors import StudyError
from deepenough.networks import build
from deepenough.networks.digests import structure_sha256
from deepenough.records import read_json, write_json
from deepenough.report import proof as page_proof
from deepenough.search.budget import Budget
from deepenough.studies.contenders import contender
from deepenough.studies.listener import Silent
from deepenough.studies.store import hold
from deepenough.studies.study import make_study
from deepenough.studies.tune import Asked, lay_out, searched, trials
from deepenough.studies.tune.asked import claim
from deepenough.studies.tune.running import drawn, train

MACS = 120_000
TRAINED = 33  # of 48 pictures
ONE_PROCESS = """
import sys
from pathlib import Path
from deepenough.networks import config
config.STEM_CHANNELS, config.STAGE_WIDTHS = 8, (4, 4, 8, 8)
from deepenough.search.budget import Budget
from deepenough.studies.study import make_study
from deepenough.studies.tune import Asked, searched
study = make_study({"source": sys.argv[1], "train_scale": 32, "epochs": 4, "batch": 8, "workers": 0, "threads": 1,
                    "precision": "fp32", "images": False})
searched(Asked(study=study, budget=Budget(macs=400_000), trials=10), Path(sys.argv[2]), confirm=False)
"""
TIMES = ("training_s", "processor_s", "process")


@pytest.fixture(scope="module")
def pictures(place, photo, encode):
    """A folder of few pictures."""
    for number in range(48):
        path = place / "pictures" / ("cat", "dog", "owl")[number // 16] / f"{number % 16:03d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode(photo(number)))
    return place / "pictures"


@pytest.fixture(autouse=True, scope="module")
def _small(shrink):
    with pytest.MonkeyPatch.context() as patch:
        shrink(patch)
        yield


@pytest.fixture(scope="module")
def asked_of(pictures):
    def make(**values):
        own = {key: values.pop(key) for key in list(values) if key in Asked.__dataclass_fields__}
        plain = {"source": str(pictures), "train_scale": 32, "epochs": 3, "batch": 8, "seeds": 2, "images": False}
        plain |= {"workers": 0, "threads": 1, "precision": "fp32", "margin": 5.0, **values}
        return Asked(**{"study": make_study(plain), "budget": Budget(macs=MACS), "trials": 3, **own})

    return make


def without_times(record):
    return [{key: value for key, value in trial.items() if key not in TIMES} for trial in record["trials"]]


@pytest.fixture(scope="module")
def whole(place, asked_of):
    """The folder of a search that nothing disturbed."""
    searched(asked_of(), place / "whole", confirm=False)
    return place / "whole"


@pytest.fixture(scope="module")
def undisturbed(whole):
    return read_json(whole / "tune.json")


def test_every_trial_is_within_the_budget_and_is_the_network_that_its_record_says(undisturbed, whole):
    trained = [each for each in undisturbed["trials"] if each["status"] != "over_budget"]
    assert len(trained) == 3
    for each in trained:
        network = build(contender(each["contender"]).network, 3)
        assert each["macs"] == count(network, 32).macs <= MACS
        assert each["structure_sha256"] == structure_sha256(network)
        ran = read_json(whole / "trials" / f"{each['number']:04d}" / "trial.json")["ran"]
        assert ran["config_sha256"] == each["config_sha256"]
        assert ran["total_steps"] == ran["steps"] == 3 * (TRAINED // 8)
    assert len({each["config_sha256"] for each in trained}) == 3
    best = max(trained, key=lambda each: each["rungs"]["3"]["mean"])
    assert undisturbed["winner"] == best["number"]


@pytest.mark.slow
def test_a_killed_search_goes_on_to_the_same_record(undisturbed, asked_of, told, tmp_path):
    for stop_at in (5, 20):
        with pytest.raises(KeyboardInterrupt):
            searched(asked_of(), tmp_path / "killed", confirm=False, listener=told(stop_at=stop_at))
    again = searched(asked_of(), tmp_path / "killed", confirm=False)
    assert without_times(again) == without_times(undisturbed)
    assert again["winner"] == undisturbed["winner"]


def test_a_trial_that_trains_another_network_is_a_bug_that_is_seen(asked_of, tmp_path, monkeypatch):
    usual = trials.fresh_cell

    def another(bench, name, seeds):
        cell = usual(bench, name, seeds)
        cell.network.layer1[0].conv2.dilation = (2, 2)
        cell.network.layer1[0].conv2.padding = (2, 2)
        return cell

    monkeypatch.setattr(trials, "fresh_cell", another)
    with pytest.raises(RuntimeError, match=r"trained something else than .*structure_sha256"):
        searched(asked_of(), tmp_path / "s", confirm=False)


def test_a_trial_that_trains_at_another_rate_is_a_bug_that_is_seen(asked_of, tmp_path, monkeypatch):
    usual = trials.bench_for

    def another(bench, name, side):
        own = usual(bench, name, side)
        recipe = own.setting.recipe_of(name)
        return trials.replace(
            own, setting=trials.replace(own.setting, recipes={name: trials.replace(recipe, learning_rate=0.5)})
        )

    monkeypatch.setattr(trials, "bench_for", another)
    with pytest.raises(RuntimeError, match=r"trained something else than .*rates"):
        searched(asked_of(), tmp_path / "s", confirm=False)


def test_a_trial_that_diverges_is_kept_as_such_and_wins_nothing(asked_of, tmp_path):
    record = searched(asked_of(trials=1, recipe={"learning_rate": 1e30, "optimizer": "sgd"}), tmp_path / "s")
    assert [each["status"] for each in record["trials"]] == ["diverged"]
    assert record["winner"] is None


def test_another_search_in_the_folder_is_refused(whole, asked_of, tmp_path):
    with pytest.raises(StudyError, match=r"--out .*whole: expected the search that it holds; got budget .*500000"):
        searched(asked_of(budget=Budget(macs=500_000)), whole)
    shutil.copytree(whole, tmp_path / "more")
    more = searched(asked_of(trials=4), tmp_path / "more", confirm=False)  # more trials are the same search
    assert len([each for each in more["trials"] if each["status"] != "over_budget"]) == 4


@pytest.mark.slow
def test_a_store_is_shared_by_folders_and_refused_to_another_search(asked_of, tmp_path):
    store = f"sqlite:///{tmp_path / 's.db'}"
    searched(asked_of(storage=store, trials=1, epochs=1), tmp_path / "one", confirm=False)
    joined = searched(asked_of(storage=store, trials=2, epochs=1), tmp_path / "three", confirm=False)
    assert [each["number"] for each in joined["trials"]] == [
        0,
        1,
    ]  # a machine with a folder of its own shares the store
    assert [path.name for path in (tmp_path / "three" / "trials").iterdir()] == ["0001"]
    with pytest.raises(StudyError, match="--storage: expected the search that it holds; got seed 7"):
        searched(asked_of(storage=store, seed=7, epochs=1), tmp_path / "two", confirm=False)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"weights": "resnet50.safetensors"}, "--weights: expected none, since none fit; got 'resnet50.safetensors'"),
        ({"recipe": {"learning_rate": "auto"}}, "--learning-rate: expected a number"),
        ({"recipe": {"train": "head"}}, "recipe.train: expected all"),
        ({"sampler": "grid"}, "--sampler: expected tpe or random"),
    ],
)
def test_what_does_not_go_with_a_search_is_refused(asked_of, values, said):
    with pytest.raises(StudyError, match=said):
        asked_of(**values)


@pytest.mark.slow
def test_the_winner_is_trained_with_fresh_seeds_and_judged_beside_both_depths(asked_of, tmp_path):
    record = searched(asked_of(), tmp_path / "s", confirm=True)
    report.write(tmp_path / "s" / "confirm")
    winner = record["contender"]
    assert [each["contender"] for each in record["confirmed"]["contenders"]] == [winner, "resnet50", "resnet101"]
    assert {(each["small"], each["big"]) for each in record["confirmed"]["pairs"]} >= {(winner, "resnet101")}
    assert record["confirmed"]["structure_sha256"] == structure_sha256(build(contender(winner).network, 3))
    page = (tmp_path / "s" / "confirm" / "report.html").read_text(encoding="utf-8")
    assert "won a search" in page
    assert [
        fault for look in page_proof.looks(tmp_path / "s" / "confirm" / "report.html") for fault in look.wrong
    ] == []
    from deepenough.studies import run_study
    from deepenough.studies.study import load_study

    again = load_study(tmp_path / "s" / "confirm.yaml")  # the command that the record names goes on with the same study
    assert run_study(again, tmp_path / "s" / "confirm").answer == record["confirmed"]["answer"]


def test_a_search_that_began_before_an_entry_of_studies_was_there_goes_on(asked_of, tmp_path):
    asked = asked_of()
    claim(asked, tmp_path / "s")
    older = read_json(tmp_path / "s" / "request.json")
    assert older["study"].pop("scale_factors")
    write_json(tmp_path / "s" / "request.json", older)
    claim(asked, tmp_path / "s")
    write_json(tmp_path / "s" / "request.json", {**older, "study": {**older["study"], "epochs": 4}})
    with pytest.raises(StudyError, match="epochs 3 "):
        claim(asked, tmp_path / "s")


def test_a_trial_that_another_process_has_is_left_to_it_until_it_ends(whole, asked_of, tmp_path):
    shutil.copytree(whole, tmp_path / "s")
    laid = lay_out(asked_of(trials=9), tmp_path / "s", Silent(), lambda: None)
    assert laid.peak_bytes > 1 << 20  # what a task on a cluster asks for
    number, fitted = next(drawn(laid, lambda: False))
    assert laid.proposals.running() == [number]
    with hold(tmp_path / "s" / "trials" / f"{number:04d}"):
        assert next(drawn(laid, lambda: False))[0] == number + 1  # not taken up by who comes
        assert not train(laid, number, fitted)
    laid.proposals.end(laid.proposals.take_up(number), "ended", None)
    assert train(laid, number, fitted)
    assert not (tmp_path / "s" / "trials" / f"{number:04d}" / "trial.json").exists()  # nothing was trained anew


@pytest.mark.slow
def test_two_processes_share_a_search_and_train_each_trial_once(pictures, tmp_path):
    command = [sys.executable, "-c", ONE_PROCESS, str(pictures), str(tmp_path / "s")]
    both = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [each.communicate(timeout=150)[1] for each in both]
    assert [each.returncode for each in both] == [0, 0], said
    record = read_json(tmp_path / "s" / "tune.json")
    # which trials diverge depends on what the sampler saw when it drew them, and so on which process was faster
    counted = [each for each in record["trials"] if each["status"] in ("trained", "ended", "diverged")]
    assert len(counted) == 10
    assert {each["status"] for each in record["trials"]} <= {"trained", "ended", "diverged", "over_budget"}
    kept = [read_json(path / "trial.json") for path in sorted((tmp_path / "s" / "trials").iterdir())]
    assert [each["number"] for each in kept] == [each["number"] for each in record["trials"]]
    assert len({each["process"] for each in kept}) == 2
