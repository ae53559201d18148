"""What a search found: its record, its winner, and the winner's own study with fresh seeds."""

from __future__ import annotations

from typing import Any

from deepenough.data import PixelFolder
from deepenough.networks.digests import structure_sha256
from deepenough.records import read_json, verdict_from_json, write_json
from deepenough.studies.contenders import contender, require_contenders
from deepenough.studies.executor import Executor
from deepenough.studies.listener import Listener
from deepenough.studies.run import run_study
from deepenough.studies.store import StudyFolder
from deepenough.studies.study import Study, save_study
from deepenough.studies.tune.asked import BESIDE
from deepenough.studies.tune.laying import Laid
from deepenough.tasks.tested import tested_network


def conclude(laid: Laid) -> tuple[dict[str, Any], bool]:
    """The record of a search, also written to `tune.json`; its `winner` is None where no trial came to its end.

    Returns:
        The record, and whether another process still trained when it was first looked: then the winner is that one's to
        confirm. The record itself is written again as long as one that it says to be training has ended meanwhile, so
        that of two processes that end together neither leaves one in which the other trains.
    """
    record = _written(laid)
    others = bool(record["still_running"])
    while not set(record["still_running"]) <= set(laid.proposals.running()):
        record = _written(laid)
    return record, others


def _written(laid: Laid) -> dict[str, Any]:
    record = _record(laid, laid.proposals.known())
    write_json(laid.folder / "tune.json", record)
    return record


def _record(laid: Laid, trials: list[dict[str, Any]]) -> dict[str, Any]:
    done = [each for each in trials if each["status"] == "trained"]
    last, metric, study = str(laid.rungs[-1]), laid.bench.setting.task.metric, laid.bench.study
    winner = max(done, key=lambda each: (each["rungs"][last]["mean"], -each["number"]), default=None)
    if winner is not None:
        save_study(winners_study(laid, winner), laid.folder / "confirm.yaml")
    return {
        "metric": metric.name,
        "unit": metric.unit,
        "multiplier": metric.multiplier,
        "budget": laid.asked.budget.bounds,
        "sampler": laid.asked.sampler,
        "epochs": study.epochs,
        "rungs": list(laid.rungs),
        "sides": list(laid.space.sides),
        "samples": len(laid.bench.val.sample_ids),
        "trials": trials,
        "still_running": [each["number"] for each in trials if each["status"] == "running"],
        "importances": laid.proposals.importances(),
        "winner": None if winner is None else winner["number"],
        "contender": None if winner is None else contender(winner["contender"]).name,
        "price": None if winner is None else {name: winner[name] for name in (*_PRICES,) if name in winner},
    }


_PRICES = ("macs", "parameters", "latency_ms")


def winners_study(laid: Laid, winner: dict[str, Any]) -> Study:
    """The study of a winner beside ResNet-50 and ResNet-101, at its image side, as all trials were trained."""
    side, study = winner["side"], laid.bench.study
    names = require_contenders((winner["contender"], *BESIDE))
    changes = {"contenders": names, "train_scale": side, "scales": (side,), "weights": "none"}
    return study.model_copy(update={**changes, "seeds": study.seeds or 3})


def confirm(
    laid: Laid,
    record: dict[str, Any],
    listener: Listener,
    *,
    command: str = "",
    shared: PixelFolder | None = None,
    executor: Executor | None = None,
) -> dict[str, Any]:
    """Train the winner with fresh seeds beside ResNet-50 and ResNet-101, decide as any study does, and add it up.

    The trained network's structure is held against the trial's: the winner that is compared is the one that won.

    Returns:
        The record with `confirmed`: the folder, the winner's structure, and every pair with the winner at its scale.

    Raises:
        RuntimeError: another network was trained than the one that won.
    """
    winner = next(each for each in record["trials"] if each["number"] == record["winner"])
    folder = laid.folder / "confirm"
    study = winners_study(laid, winner)
    run_study(study, folder, listener=listener, command=command, shared=shared, executor=executor)
    name, store = study.contenders[0], StudyFolder(folder)
    weights = store.cell(f"{name}-seed0").weights
    network = tested_network(laid.bench.setting.task, contender(name).network, weights)
    if structure_sha256(network) != winner["structure_sha256"]:
        raise RuntimeError(f"{weights} is not the network of trial {winner['number']}")
    verdict = read_json(store.verdict)
    found = verdict_from_json(verdict)
    whole = {
        **record,
        "confirmed": {
            "folder": "confirm",
            "structure_sha256": winner["structure_sha256"],
            "answer": found.answer,
            "difference": found.difference,
            "interval": list(found.interval),
            "small": found.small,
            "big": found.big,
            "scale": found.scale,
            "pairs": [each for each in verdict["pairs"] if name in (each["small"], each["big"])],
            "contenders": [each for each in verdict["contenders"] if each["scale"] == found.scale],
        },
    }
    for place in (laid.folder, folder):
        write_json(place / "tune.json", whole)
    return whole
