"""`learning_rate: auto`: each contender's peak is found before its first training, and recorded.

Range tests say where rates are of use, short trainings which of them is best.

The tests see training pictures only, in orders and crops that no seed of a study has. What they found is kept in
`learning_rates.json`, so that a study that goes on trains with what it began with.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from typing import Any

from deepenough.data import TestPixels
from deepenough.data.streams import Batch, TrainingStream
from deepenough.errors import RecordError
from deepenough.records import read_json, write_json
from deepenough.search.finder import find_rate
from deepenough.search.ranges import MOST_STEPS, STEPS, TESTS, FoundRate
from deepenough.studies.bench import Bench
from deepenough.studies.contenders import contender
from deepenough.studies.local import starting_network
from deepenough.training import Cell, Seeds, Setting, derive_seed


def settle_rates(bench: Bench) -> Bench:
    """The bench with each contender's own learning rate, found now or by an earlier run; as it is where none is asked.

    Where the loss falls in no test the default rate stays, which is said and kept.
    """
    if bench.study.recipe.learning_rate != "auto" or bench.study.recipe.train == "head":
        return bench
    names = bench.design.lineage.trained
    found = recorded_rates(bench)
    missing = [name for name in names if name not in found]
    if missing:
        bench.listener.stage("finding learning rates", total=MOST_STEPS * len(missing))
    for name in missing:
        found[name] = asdict(_find(bench, name))
        write_json(bench.store.rates, found)  # at once: what took minutes is not lost by a stop
        bench.listener.note(_in_words(name, found[name]))
    rates = {name: float(found[name]["rate"]) for name in names}
    environment = read_json(bench.store.environment)
    if environment.get("learning_rates") != rates:
        write_json(bench.store.environment, {**environment, "learning_rates": rates})
    own = {
        name: replace(bench.setting.recipe_of(name), learning_rate=rate * contender(name).regime.rate)
        for name, rate in rates.items()
    }
    setting: Setting = replace(bench.setting, recipes={**bench.setting.recipes, **own})
    return replace(bench, setting=setting)


def recorded_rates(bench: Bench) -> dict[str, dict[str, Any]]:
    """What was found, by contender; a torn file is told and its tests made again, with the same result on a CPU."""
    if not bench.store.rates.is_file():
        return {}
    try:
        found = read_json(bench.store.rates)
        return {str(name): asdict(FoundRate.from_json(each)) for name, each in found.items()}
    except (RecordError, AttributeError, KeyError, TypeError, ValueError) as error:
        bench.listener.note(f"{bench.store.rates}: {error}; the learning rates are found again")
        return {}


def _find(bench: Bench, name: str) -> FoundRate:
    seeds, setting = Seeds.of(0), bench.setting
    network = setting.machine.place(starting_network(bench, name, seeds))
    recipe = setting.recipe_of(name)
    plain = replace(recipe, learning_rate=recipe.learning_rate / contender(name).regime.rate)
    setting = replace(setting, recipes={name: plain})
    cell = Cell.begin(name, seeds, network, plain)

    taken = 0

    def progress() -> None:
        nonlocal taken
        taken += 1
        bench.listener.advance(1)
        bench.check_stop()

    tests = [batches_of_test(bench, name, test) for test in range(TESTS)]
    found = find_rate(cell, tests, setting, short=batches_of_test(bench, name, TESTS), progress=progress)
    bench.listener.advance(max(0, MOST_STEPS - taken))  # tests that ended early, trainings that were not needed
    return found


def batches_of_test(bench: Bench, name: str, test: int) -> Callable[[], Iterator[Batch]]:
    """The batches of a test, or of short trainings after `TESTS`, at the training scale whatever the schedule."""
    design, pixels = bench.design, bench.train
    assert not isinstance(pixels, TestPixels), "networks are trained on whole pictures, not on squares"
    stream = TrainingStream(
        pixels,
        bench.targets(pixels.sample_ids),
        design.augmentation_of(name),
        side=design.train_scale,
        batch=design.batch,
        epochs=math.ceil(STEPS / max(1, len(pixels) // design.batch)),
        seed=derive_seed("learning rate", test),
        workers=bench.study.workers,
        classes=len(bench.prepared.classes),
        teaching=bench.setting.task,
    )
    return stream.batches


def _in_words(name: str, found: dict[str, Any]) -> str:
    """What was found, one line.

    >>> _in_words("resnet50", {"rate": 0.001, "low": 1e-5, "high": 0.01, "agreement": 0.9, "note": ""})
    'resnet50: learning rate 0.001, found in 1e-05 to 0.01; the tests agree on 90 % of that'
    """
    said = f"{name}: learning rate {found['rate']:g}, found in {found['low']:.2g} to {found['high']:.2g}"
    said += f"; the tests agree on {100 * found['agreement']:.0f} % of that"
    return f"{said}; {found['note']}" if found["note"] else said


def caveat_of_rates(bench: Bench) -> list[str]:
    """That learning rates differ between the contenders, in a sentence; nothing where all have the same."""
    rates = {name: bench.setting.recipe_of(name).learning_rate for name in bench.design.lineage.trained}
    if bench.study.recipe.learning_rate != "auto" or len(set(rates.values())) < 2:
        return []
    listed = ", ".join(f"{contender(name).name} {rate:g}" for name, rate in rates.items())
    return [f"Each network was trained at a learning rate found for it ({listed}): it is compared together with that."]
