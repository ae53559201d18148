"""What each network starts from: public weights, a file, or nothing; and how pictures are prepared for it.

`auto` takes public weights of one recipe for all contenders, or of none: a pre-trained network beside a fresh one, or
two recipes beside each other, would be compared in that and not in what they are made of.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path

from deepenough.data import Preprocessing
from deepenough.errors import StudyError, WeightsError
from deepenough.networks import check_weights
from deepenough.networks.catalogue import entry, skeleton
from deepenough.networks.keras_files import ENDINGS as KERAS_ENDINGS
from deepenough.networks.origins import (
    fetch,
    find,
    folders,
    is_public,
    named_public,
    public_weights,
    reachable,
    require_reachable,
)
from deepenough.networks.public import IMAGENET_MEAN, IMAGENET_STD, KERAS, RECIPES, Preparation, Public
from deepenough.networks.weight_files import metadata_of
from deepenough.studies.contenders import contender, lineage
from deepenough.studies.study import Study

FEW_TRAINING_IMAGES = 10_000
_NAMED = 8  # networks that a sentence names, at most
_PREPARATION = "preparation"  # key of a weights file's metadata

Tell = Callable[[str], None]


def starting_weights(request: Study, tell: Tell) -> dict[str, str]:
    """The origin of each start: by contender or network, every file there and fitting; empty where all are fresh.

    Args:
        request: its `weights` are `auto`, `none`, an origin for all, or origins by contender or network.
        tell: told what was chosen or fetched, one line each.

    Raises:
        StudyError: a name that takes no part, or weights made for differently scaled pixels.
        WeightsError: weights that are not there and cannot be fetched, or do not fit.
    """
    networks = tuple(dict.fromkeys(contender(name).network for name in request.contenders))
    given = request.weights
    if given == "auto" and request.source != "digits":
        given, why = _automatic(networks)
        if given or request.recipe.train != "head":  # a probe does not start from scratch, it is refused
            tell(why)
    elif isinstance(given, str):
        given = {} if given in ("auto", "none") else dict.fromkeys(networks, given)
    takers = tuple(dict.fromkeys((*lineage(request.contenders).trained, *networks)))
    for name in given:
        if name not in takers:
            raise StudyError(f"weights: {name}", f"one of the contenders {', '.join(takers)}", name)
    starts = {name: _settled(name, origin, tell) for name, origin in given.items() if origin != "none"}
    _shared(starts)
    return starts


def file_of(name: str, origin: str, tell: Tell) -> Path:
    """The file of a start on this machine; public weights that are not here are fetched.

    Raises:
        WeightsError: it is not there, or cannot be fetched.
    """
    if not is_public(origin):
        path = Path(origin)
        if not path.is_file():
            raise WeightsError(origin, f"a file with weights for {name}", "no such file")
        return path
    weights = named_public(entry(contender(name).network), origin)
    return find(weights) or _fetched(name, weights, tell)


def preprocessing_of(study: Study) -> Preprocessing:
    """How pictures are prepared for a study: as its starting weights want it; `crop` of the study goes first."""
    shared = _shared(study.starts)
    crop = shared.crop if study.crop is None else study.crop
    return Preprocessing(mean=shared.mean, std=shared.std, interpolation=shared.interpolation, crop=crop)


def preparation_note(preprocessing: Preprocessing, side: int) -> dict[str, str]:
    """Metadata with which weights carry the preparation of their pictures, trained at `side` pixels."""
    values = {key: getattr(preprocessing, key) for key in ("mean", "std", "interpolation", "crop")}
    return {_PREPARATION: json.dumps(asdict(Preparation(**values, side=side)))}


def start_of(study: Study, name: str) -> str | None:
    """The origin of a contender's start in a resolved study, None where it is fresh."""
    known = contender(name)
    return study.starts.get(known.trained, study.starts.get(known.network))


def describe_start(study: Study) -> str:
    """What the networks of a resolved study start from, one line."""
    if not study.starts:
        return "from scratch"
    said = ", ".join(f"{name} from {_short(origin)}" for name, origin in study.starts.items())
    norm = preprocessing_of(study)
    scaling = "ImageNet's mean and deviation"
    if (norm.mean, norm.std) != (IMAGENET_MEAN, IMAGENET_STD):
        means, deviations = (", ".join(f"{value:.4f}" for value in values) for values in (norm.mean, norm.std))
        scaling = f"mean {means}, deviation {deviations}"
    prepared = [_preparation(name, origin) for name, origin in study.starts.items()]
    sides = sorted({each.side for each in prepared if each is not None and each.side is not None})
    at = f", made at {' and '.join(map(str, sides))} px" if sides else ""
    return f"{said}; pictures {norm.interpolation}, crop {norm.crop:.3g}, {scaling}{at}"


def caveats_of_start(study: Study, training: int) -> list[str]:
    """What a resolved study cannot know for how its networks began, in sentences.

    Args:
        study: resolved.
        training: pictures to train on.
    """
    starts = {name: start_of(study, name) for name in study.contenders}
    if study.source == "digits":
        return ["The pictures are scikit-learn's 8 x 8 digits: they prove the pipeline and say little about depth."]
    if not study.starts:
        said = (
            f"The networks were trained from scratch on {training:,} images: so few say little about depth, and with "
            "public pre-trained weights the difference may be another."
        )
        return [said] if training < FEW_TRAINING_IMAGES else []
    given = ", ".join(sorted(study.starts))
    said = [f"Starting weights were given for {given}: the verdict holds given these weights."]
    fresh = ", ".join(name for name, origin in starts.items() if origin is None)
    if fresh:
        said.append(f"{fresh} started from scratch beside them: the starts are compared too, not the networks alone.")
    recipes = {
        named_public(entry(contender(name).network), origin).recipe
        for name, origin in starts.items()
        if origin is not None and is_public(origin)
    }
    if len(recipes) > 1:
        listed = ", ".join(sorted(recipes))
        said.append(f"The starting weights are of several recipes ({listed}): they are compared too.")
    return said


def _settled(name: str, origin: str, tell: Tell) -> str:
    """An origin as it is stored: by its full name or absolute path, its file there and fitting."""
    network = contender(name).network
    if is_public(origin):
        origin = named_public(entry(network), origin).origin
    else:
        path = Path(origin.removeprefix("keras:"))
        origin = str(path.resolve() if path.is_file() else path)
    found = file_of(name, origin, tell)  # first: what is not there is said before a network is made
    check_weights(skeleton(network), found)
    return origin


def _automatic(networks: tuple[str, ...]) -> tuple[dict[str, str], str]:
    """Origins of one recipe for all networks, or none, and the sentence that says which and why."""
    known = {name: public_weights(entry(name)) for name in networks}
    shared = [recipe for recipe in RECIPES if all(recipe in recipes for recipes in known.values())]
    scratch = "all start from scratch, and few images from scratch say little about depth"
    if not shared:
        few = ", ".join(networks if len(networks) <= _NAMED else networks[:2])
        few += "" if len(networks) <= _NAMED else f" and {len(networks) - 2} more"
        return {}, f"weights: no public ones of one recipe are known for {few}; {scratch}"
    here = [recipe for recipe in shared if all(find(recipes[recipe]) for recipes in known.values())]
    chosen = here or _obtainable(shared, known)
    if not chosen:
        nowhere = f"public ones ({', '.join(shared)}) are neither on this machine nor reachable"
        by_hand = f"put the files of one recipe into {folders()[0]} to start from them (docs/weights.md)"
        return {}, f"weights: {nowhere}; {scratch}; {by_hand}"
    why = f"weights: all start from public ones of one recipe, {chosen[0]}; --weights none would start from scratch"
    return {name: recipes[chosen[0]].origin for name, recipes in known.items()}, why


def _obtainable(shared: list[str], known: Mapping[str, Mapping[str, Public]]) -> list[str]:
    """The recipes whose missing files can all be fetched now."""
    missing = {
        recipe: [recipes[recipe] for recipes in known.values() if find(recipes[recipe]) is None] for recipe in shared
    }
    answered = reachable({each.origin + each.file: each for some in missing.values() for each in some}.values())
    return [recipe for recipe, some in missing.items() if all(each in answered for each in some)]


def _fetched(name: str, weights: Public, tell: Tell) -> Path:
    require_reachable(weights, f"weights: {name}")
    tell(f"weights: fetching {weights.url}")
    return fetch(weights)


def _preparation(name: str, origin: str) -> Preparation | None:
    """What the weights say of their pictures; None for a file that says nothing."""
    if is_public(origin):
        return named_public(entry(contender(name).network), origin).preparation
    if Path(origin).suffix in KERAS_ENDINGS:
        return KERAS
    said = metadata_of(Path(origin)).get(_PREPARATION)
    if said is None:
        return None
    values = json.loads(said)
    return Preparation(**{**values, "mean": tuple(values["mean"]), "std": tuple(values["std"])})


def _shared(starts: Mapping[str, str]) -> Preparation:
    """The preparation for all: pixels must be scaled alike; where resizing differs, it is our own default."""
    found = {name: _preparation(name, origin) for name, origin in starts.items()}
    scaled = {(each.mean, each.std): name for name, each in ((n, p or Preparation()) for n, p in found.items())}
    if len(scaled) > 1:
        expected = "starting weights made for pixels scaled alike, since all contenders see the same pictures"
        raise StudyError("weights", expected, f"other means or deviations for {' and '.join(scaled.values())}")
    mean, std = next(iter(scaled), (IMAGENET_MEAN, IMAGENET_STD))
    resized = {(each.interpolation, each.crop) for each in found.values() if each is not None}
    interpolation, crop = next(iter(resized)) if len(resized) == 1 else ("bicubic", 1.0)
    return Preparation(mean=mean, std=std, interpolation=interpolation, crop=crop)


def _short(origin: str) -> str:
    return origin if is_public(origin) else Path(origin).name
