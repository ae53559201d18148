"""A paragraph on methods: what was done, from what the study left on disk, and nothing that it does not show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from deepenough.records import Verdict
from deepenough.report import words
from deepenough.report.evidence import Evidence
from deepenough.report.paper import sources
from deepenough.report.tables import data, machine, numbers

_AUGMENTATION = {
    "trivial_augment": "TrivialAugment",
    "erasing": "random erasing (probability {})",
    "mixup": "mixup (alpha {})",
    "cutmix": "CutMix (alpha {})",
}


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence and the keys of the works that it rests on."""

    text: str
    works: tuple[str, ...] = ()


def sentences(evidence: Evidence) -> list[Said]:
    """Data, training, test, statistics, cost and machine, each where the folder tells it."""
    study = _study(evidence.study)
    return [
        _compared(evidence.verdict),
        *_data(evidence, study),
        *_training(evidence, study),
        _tested(evidence.verdict),
        *_decided(evidence.verdict, study),
        *_cost(evidence),
        *_environment(evidence.environment),
    ]


def _study(text: str | None) -> Mapping[str, Any]:
    try:
        read = yaml.safe_load(text or "")
    except yaml.YAMLError:
        return {}
    return read if isinstance(read, dict) else {}


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _compared(verdict: Verdict) -> Said:
    contenders = list(dict.fromkeys(entry.contender for entry in verdict.contenders)) or [verdict.small, verdict.big]
    named = _listed([words.display_name(name) for name in contenders])
    return Said(f"We compared {named}", tuple(sources.of_networks(contenders)))


def _data(evidence: Evidence, study: Mapping[str, Any]) -> list[Said]:
    if evidence.samples is None:
        return []
    counts = dict(evidence.samples.group_by("split").len().iter_rows())
    parts = {"train": "to train on", "val": "to validate on", "test": "to test on"}
    amounts = [f"{numbers.count(counts[split])} {what}" for split, what in parts.items() if split in counts]
    classes = evidence.samples["target"].n_unique()
    text = f"The images, of {numbers.count(classes)} classes, were {_listed(amounts)}"
    left = 0 if evidence.quarantine is None else data.left_out(evidence.quarantine).height
    if left:
        text += f"; {words.plural(left, 'file')} left out of all networks alike"
    if evidence.samples["group"].null_count() < evidence.samples.height:
        text += "; images of one group were kept in one split and taken as dependent"
    digits = ("pedregosa2011",) if study.get("source") == "digits" else ()
    return [Said(text, digits)]


def _training(evidence: Evidence, study: Mapping[str, Any]) -> list[Said]:
    plan, recipe = dict(evidence.plan or {}), dict(study.get("recipe") or {})
    runs = sorted({len(seeds) for seeds in evidence.verdict.seeds.values()})
    often = _listed([numbers.count(amount) for amount in runs])
    if evidence.verdict.trained == "head":
        return [
            Said("A linear head alone was fitted on features of the starting weights, its penalty chosen on validation")
        ]
    start = plan.get("start") or "start not recorded"
    said = [Said(f"Each network was trained {often} times ({start}), with a seed each")]
    if {"epochs", "batch", "train_scale"} <= study.keys():
        said[0] = Said(
            f"{said[0].text}, for {words.plural(study['epochs'], 'epoch')} at {study['train_scale']} px in batches of "
            f"{numbers.count(study['batch'])}; networks of one seed saw the same images in the same order"
        )
    if not recipe:
        return said
    text = f"The optimiser was {recipe['optimizer']}"
    settings = {"learning rate": "learning_rate", "weight decay": "weight_decay", "label smoothing": "label_smoothing"}
    told = [
        f"{name} {numbers.shortest(recipe[key])}"
        for name, key in settings.items()
        if recipe.get(key) not in (None, "auto")
    ]
    if recipe.get("learning_rate") == "auto":
        told.insert(0, "a learning rate found for each network by range tests")
    if recipe.get("warmup_epochs"):
        told.append(f"warm-up {numbers.shortest(recipe['warmup_epochs'])} epochs")
    text += f" ({', '.join(told)}), with a cosine schedule"
    said.append(Said(text, tuple(sources.of_training({"recipe": recipe}))))
    return [*said, *_augmented(dict(study.get("augmentation") or {}))]


def _augmented(augmentation: Mapping[str, Any]) -> list[Said]:
    if not augmentation:
        return []
    parts = [f"random crops of at least {numbers.share(augmentation['min_area'], 0)} of the area"]
    parts += [f"mirroring (probability {numbers.shortest(augmentation['flip'])})"] if augmentation["flip"] else []
    parts += [
        numbers.filled(text.replace("{}", "{value}"), value=numbers.plain(augmentation[key]))
        for key, text in _AUGMENTATION.items()
        if augmentation.get(key)
    ]
    works = tuple(sources.of_training({"augmentation": augmentation}))
    return [Said(f"Training images were augmented by {_listed(parts)}", works)]


def _tested(verdict: Verdict) -> Said:
    sides = sorted({entry.scale for entry in verdict.contenders if entry.scale > 0})
    text = f"All were tested on the same {numbers.count(verdict.samples)} images"
    if not sides:
        return Said(text)
    chosen = {
        "validation": ", chosen on the validation images",
        "declared": ", declared beforehand",
        "test": ", picked on the test images themselves",
    }.get(verdict.scale_chosen_on, "")
    at = f" at image sides of {_listed([str(side) for side in sides])} px" if len(sides) > 1 else ""
    return Said(f"{text}{at}; the decision rests on {verdict.scale} px{chosen}")


def _decided(verdict: Verdict, study: Mapping[str, Any]) -> list[Said]:
    small, big = words.display_name(verdict.small), words.display_name(verdict.big)
    level = numbers.confidence(verdict.level)
    text = f"The difference in {verdict.metric} between {big} and {small} was estimated by {verdict.method}"
    said = [
        Said(f"{text}, with a {level} interval and a two-sided test", tuple(sources.of_method(verdict.method, 1))),
        Said(f"{_margin(verdict, study)}; {small} counts as enough where the whole interval lies below it"),
    ]
    if verdict.looks:
        looks = words.plural(len(verdict.looks), "time")
        said.append(Said(f"The results were looked at {looks}, as declared, with intervals of {level}"))
    if len(verdict.pairs) > 1:
        others = words.plural(len(verdict.pairs) - 1, "other comparison")
        said.append(Said(f"The p-values of {others} made were corrected by Holm's method", ("holm1979",)))
    return said


def _margin(verdict: Verdict, study: Mapping[str, Any]) -> str:
    """The margin, and whether it is the one that the study was begun with."""
    margin = numbers.amount(numbers.shortest(verdict.margin), verdict.unit)
    text = f"A gain below {margin} was held to be not worth its cost"
    declared = study.get("margin")
    if not isinstance(declared, int | float):
        return text
    if declared == verdict.margin:
        return f"{text}, as declared before training"
    return f"{text}, chosen after training in place of the {numbers.shortest(declared)} declared before"


def _cost(evidence: Evidence) -> list[Said]:
    if evidence.costs is None or evidence.costs.is_empty():
        return []
    return [Said(f"Latency is the median for one image, measured on {machine.where_measured(evidence.costs)}")]


def _environment(environment: Mapping[str, Any] | None) -> list[Said]:
    known = dict(environment or {})
    if "deepenough" not in known:
        return []
    packages = dict(known.get("packages") or {})
    with_ = f" with PyTorch {packages['torch']}" if "torch" in packages else ""
    text = f"All was done by deepenough {known['deepenough']} (source {known.get('source_hash', 'unknown')}){with_}"
    processor, precision = known.get("processor", "a processor"), known.get("precision", "fp32")
    text += f", on {processor} ({known.get('device', 'cpu')}) in {precision}"
    repeats = f"; repeatability: {known['repeatability']}" if "repeatability" in known else ""
    return [Said(text + repeats, ("paszke2019",) if with_ else ())]
