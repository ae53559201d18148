"""A verdict from predictions that came from anywhere."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from deepenough.cli._options import DEFAULT_MARGIN
from deepenough.errors import InputError, RecordError

if TYPE_CHECKING:
    import polars as pl

    from deepenough.cli._redecide import Wish
    from deepenough.comparison.predictions import Reading
    from deepenough.records import Verdict


_SMALL_MARGIN = 0.1  # points


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """The files to decide from, and how to read them; None and empty where the files say it themselves."""

    paths: tuple[Path, ...] = ()
    runs: tuple[str, ...] = ()  # NAME=FILE
    form: str | None = None
    values: str = "labels"
    targets: Path | None = None
    classes: Path | None = None
    group_column: str | None = None
    common: bool = False
    missing: str = "refuse"
    list_unmatched: Path | None = None

    def refuse_beside(self, folder: Path) -> None:
        """Refuse options that say how to read predictions, beside a study's folder.

        Raises:
            InputError: if there are any.
        """
        named = self._named()
        if named:
            raise InputError(named, "files of predictions", f"a study's folder, {folder}", "leave the option out")

    def refuse_without(self, option: str) -> None:
        """Refuse options that say how to read predictions where `option` names none.

        Raises:
            InputError: if there are any.
        """
        named = self._named()
        if named:
            raise InputError(named, f"files of predictions, {option} FILE", "none", f"add {option}, or leave it out")

    def keeps_gaps(self) -> bool:
        """Whether samples that some run lacks are kept with the scores that there are.

        Raises:
            InputError: if `--missing` has another value, or `--common` leaves those samples out.
        """
        if self.missing not in ("refuse", "allow"):
            raise InputError("--missing", "refuse or allow", self.missing)
        if self.common and self.missing == "allow":
            got = "--missing allow, which keeps what --common leaves out"
            raise InputError("--common", "one way to deal with what some run lacks", got, "choose one")
        return self.missing == "allow"

    def _named(self) -> str:
        given = {
            "--run": self.runs,
            "--form": self.form,
            "--values": self.values != "labels",
            "--targets": self.targets,
            "--classes": self.classes,
            "--common": self.common,
            "--missing": self.missing != "refuse",
            "--list-unmatched": self.list_unmatched,
        }
        return ", ".join(option for option, value in given.items() if value)

    def reading(self) -> tuple[list[Path], Reading]:
        """All files in order, and how to read them.

        Raises:
            RecordError: if a run is not named as NAME=FILE, or an option has an unknown value.
        """
        from deepenough.comparison.predictions import Reading

        named: dict[Path, str] = {}
        for entry in self.runs:
            name, separator, file = entry.partition("=")
            if not (separator and name and file):
                raise RecordError("--run", "CONTENDER[@SCALE][:SEED]=FILE", repr(entry))
            if Path(file) in named:
                raise RecordError("--run", "one name for each file", f"a second one for {file}")
            named[Path(file)] = name
        twice = next((path for i, path in enumerate(self.paths) if path in (*self.paths[:i], *named)), None)
        if twice is not None and not twice.is_dir():
            raise RecordError(str(twice), "each file once", "the same file twice", "leave one out")
        reading = Reading(
            form=self.form,
            values=self.values,
            runs=named,
            targets=self.targets,
            classes=self.classes,
            group_column=self.group_column,
        )
        return list(dict.fromkeys([*self.paths, *named])), reading


@dataclass(frozen=True, slots=True)
class Settled:
    """A verdict, and how the files it rests on were read."""

    verdict: Verdict
    read_as: tuple[str, ...]


def from_predictions(files: Files, wish: Wish) -> Settled:
    """Decide from files of predictions in any form that `comparison.predictions` knows.

    Raises:
        InputError: (of its kinds) if a file cannot be used, samples do not match between runs, or the margin, metric,
            pair or scale do not fit what is there.
    """
    from deepenough.comparison import decide_study, measure_of
    from deepenough.comparison.predictions import gather, groups_of, settle

    paths, reading = files.reading()
    gaps = files.keeps_gaps()
    gathered = gather(paths, reading)
    scores, caveats = settle(gathered, common=files.common, gaps=gaps, listing=files.list_unmatched)
    measure = measure_of(scores, wish.metric)
    if gaps and measure.metric not in ("accuracy", "score"):
        expected, remedy = "accuracy or scores, means over samples", "decide on what all runs share: --common"
        raise InputError("--missing allow", expected, f"--metric {measure.metric}", remedy)
    refuse_positive(wish, measure.metric)
    margin = measure.margin(wish.margin, DEFAULT_MARGIN)
    scores = measured(scores, measure.metric, wish, gathered.where)
    verdict = decide_study(
        scores,
        margin=margin,
        validation=None,
        small=wish.small,
        big=wish.big,
        scale=wish.scale,
        metric=measure.metric,
        unit=measure.unit,
        multiplier=measure.multiplier,
        groups=groups_of(scores),
        caveats=[*([] if wish.margin is not None else no_margin()), *small_margin(wish, measure.metric), *caveats],
        gaps=gaps,
        paired_seeds=bool(wish.paired_seeds),
    )
    return Settled(verdict, gathered.read_as)


def measured(scores: pl.DataFrame, metric: str, wish: Wish, where: str) -> pl.DataFrame:
    """The scores under a metric: influence values for one that is no mean of scores, else as they are.

    Raises:
        InputError: if the metric that is wished for is not known, or the table lacks what it needs.
    """
    if metric in ("accuracy", "score"):
        return scores
    from deepenough.comparison.metrics import METRICS, with_metric

    if metric not in METRICS and wish.metric is None:  # what the study itself measured
        return scores
    return with_metric(scores, metric, positive=wish.positive, where=where)


def refuse_positive(wish: Wish, metric: str) -> None:
    """Refuse a class that is looked for where the metric looks for none.

    Raises:
        InputError: `--positive` with such a metric.
    """
    if wish.positive is None:
        return
    from deepenough.comparison.metrics import BY_RANK

    if metric not in BY_RANK:
        remedy = "leave --positive out, or choose the metric with --metric"
        raise InputError("--positive", f"a metric that looks for one class: {' or '.join(BY_RANK)}", metric, remedy)


def small_margin(wish: Wish, metric: str) -> list[str]:
    """The unit of a margin that may have been meant on a scale from 0 to 1."""
    if wish.margin is None or wish.margin >= _SMALL_MARGIN or metric in ("accuracy", "score"):
        return []
    return [
        f"The margin is in points, of which {metric} has 100 where it is 1: {wish.margin:g} is a gain of "
        f"{wish.margin / 100:g}. If a gain of {wish.margin:g} on the scale from 0 to 1 was meant, say "
        f"--margin {100 * wish.margin:g}."
    ]


def no_margin() -> list[str]:
    """The caveat of a verdict for which nobody named a margin."""
    return [f"No margin was declared, so {DEFAULT_MARGIN:g} points were taken; choose your own with --margin."]
