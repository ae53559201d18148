"""An audit of published figures in plain words: what they leave open, what follows, what does not."""

from __future__ import annotations

from collections.abc import Sequence

from deepenough.report.naming import display_name
from deepenough.report.tables import numbers
from deepenough.report.words import plural
from deepenough.stats.claims import Audit
from deepenough.stats.granularity import Figure, Fit
from deepenough.stats.pairings import MOST_IMAGES, SIGNIFICANT

Names = tuple[str, str]
_LISTED = 10


def headline(audit: Audit, names: Names) -> str:
    """The two figures and their difference in one sentence."""
    (ahead, high), (behind, low) = _by_accuracy(audit, names)
    images = "" if audit.images is None else f" on {plural(audit.images, 'test image')}"
    runs = "one run each" if audit.runs == 1 else f"means of {audit.runs} runs each"
    return (
        f"{ahead} at {_printed(high)} against {behind} at {_printed(low)}: "
        f"{_points(abs(audit.difference), audit)} apart{images}, {runs}."
    )


def findings(audit: Audit, names: Names) -> list[tuple[str, list[str]]]:
    """Headings with their sentences, one each for the figures, the images and the training runs."""
    return [
        ("Can they be plain shares of the test images?", _granularity(audit, names)),
        ("Which images did both get right?", _pairing(audit)),
        ("What would another training run give?", _seeds(audit)),
    ]


def can_conclude(audit: Audit, names: Names) -> list[str]:
    """What follows from the figures, with the conditions it takes."""
    (ahead, _), (behind, _) = _by_accuracy(audit, names)
    lines = [_between_these(audit, ahead, behind)]
    if audit.runs > 1:
        lines.append(
            f"Trained anew, {ahead} is better than {behind} if the accuracies of the {audit.runs} runs of each have "
            f"an SD below {_sd(audit.sd_needed_by_runs[audit.runs])} (on few test images, well below), which the runs "
            "themselves would show."
        )
    return lines


def cannot_conclude(audit: Audit, names: Names) -> list[str]:
    """What the figures are often taken to show and do not."""
    (ahead, _), (behind, _) = _by_accuracy(audit, names)
    claim = f"That {ahead} is better than {behind} when both are trained anew"
    if audit.runs == 1:
        seeds = (
            f"{claim}: one run each says nothing of how far runs differ, and an SD of "
            f"{_sd(audit.tipping_seed_sd_limit)} from run to run would explain the difference, however many the test "
            "images."
        )
    else:
        seeds = f"{claim}, as long as the SD over runs is unknown."
    return [
        seeds,
        "That the same holds on other images, with another recipe, or where both are tuned with equal effort.",
        "That the difference is worth its cost: that takes a margin, declared before looking.",
    ]


def caveats(audit: Audit) -> list[str]:
    """What the figures do not tell and a reader would have to ask."""
    lines = [
        "Same images? Everything here takes it that both networks were tested on the same images.",
        "Chosen on the test set? If the epoch, the scale or a setting was picked by the test accuracy, both figures "
        "are too high, by amounts that need not be equal.",
        "Seen in training? Near-duplicates of test images in the training set raise both figures.",
        "Independent images? Several images of one patient, object or scene count for fewer than their number.",
    ]
    if audit.runs > 1:
        lines.append(
            "Independent runs? Epochs of one run, or runs that share a seed, are not independent runs; only means over "
            "trainings from scratch count here."
        )
    if audit.images is not None:
        lines.append(
            f"Test images only? If {numbers.count(audit.images)} is the size of the whole data set, audit with the "
            "number of images that were kept for the test."
        )
    if audit.images is None:
        lines.append("How many test images? With their number (--images) the ranges of p and interval can be given.")
    return lines


def _granularity(audit: Audit, names: Names) -> list[str]:
    of = "" if audit.runs == 1 else f" times {audit.runs} runs"
    lines: list[str] = []
    checked = audit.fits
    if audit.images is not None:
        lines.append(_as_given(audit, checked[-1], names, of))
        checked = checked[:-1]
    kind = "usual sizes" if audit.images is None else f"usual test splits of {numbers.count(audit.images)}"
    fitting = [fit.images for fit in checked if fit.both]
    tried = ", ".join(numbers.count(fit.images) for fit in checked)
    if checked:
        fits = "none fits both figures" if not fitting else f"both figures fit {_listed(fitting)}"
        if len(fitting) == len(checked) > 1:
            fits = "all fit both figures"
        lines.append(f"Of the {kind} ({tried}){of} {fits}.")
    if audit.smallest_fitting:
        lines.append(f"The smallest numbers that fit both are {_listed(audit.smallest_fitting)}.")
    else:
        lines.append("No number up to 100,000 fits both.")
    return lines


def _as_given(audit: Audit, fit: Fit, names: Names, of: str) -> str:
    total = fit.images * audit.runs
    where = f"{plural(fit.images, 'image')}{of}"
    if fit.both and fit.a and fit.b:
        right = " and ".join(_count_range(ends) for ends in (fit.a, fit.b))
        text = f"Yes: {right} right answers of {where} print as {_both(audit)}."
        if total >= max(figure.scale for figure in audit.figures):
            text += " That says little: with so many, every figure of these decimals can occur."
        return text
    missing = [name for name, ends in zip(names, (fit.a, fit.b), strict=True) if ends is None]
    reason = f"no whole number of right answers of {where} prints as the figure of {' or '.join(missing)}"
    if not missing:
        reason = f"of {where} one figure would have to be rounded and the other cut off"
    return (
        f"No: {reason}. Perhaps they are averages over batches, of another number of images, or misprinted. What "
        "follows takes the nearest whole numbers."
    )


def _pairing(audit: Audit) -> list[str]:
    low, high = (numbers.fixed(end, _decimals(audit)) for end in audit.discordance)
    between = f"Between {low} and {high}" if low != high else high
    share = f"{between} % of the images are right in one and wrong in the other"
    lines = [f"The figures do not say. {share}{'' if audit.runs == 1 else ', in runs of average accuracy'}."]
    if audit.p_range is not None and audit.ci_range is not None:
        test = "McNemar's mid-p" if audit.runs == 1 else "p, by a paired t over images for these runs as they are,"
        interval = "Agresti-Min" if audit.runs == 1 else "t"
        ends = [numbers.any_probability(p) for p in audit.p_range]
        between = f"is {ends[0]}" if ends[0] == ends[1] else f"lies between {ends[0]} and {ends[1]}"
        bounds = audit.ci_range if audit.difference > 0 else (-audit.ci_range[1], -audit.ci_range[0])
        decimals = numbers.decimals_for((bounds[1] - bounds[0]) / 4, bounds, (0.0,))
        lines.append(
            f"So {test} {between}, and every 95 % interval of the difference ({interval}) "
            f"within {numbers.interval(bounds, decimals)} points."
        )
    return [*lines, _sizes(audit)]


def _sizes(audit: Audit) -> str:
    from_here, first, best = (
        audit.n_min_for_any_pairing,
        audit.n_first_for_any_pairing,
        audit.n_min_for_best_pairing,
    )
    subject = "the two checkpoints" if audit.runs == 1 else "these runs"
    if from_here is None:
        text = (
            f"No number of test images up to {numbers.count(MOST_IMAGES)} shows {subject} to differ whatever the "
            "pairing: the figures are too near each other for the decimals they are printed with"
        )
    else:
        text = f"From {numbers.count(from_here)} test images on, {subject} differ at 5 % whatever the pairing"
        if first is not None and first < from_here - 1:
            text += f" ({numbers.count(first)} to {numbers.count(from_here - 1)} depend on rounding)"
        elif first is not None and first == from_here - 1:
            text += f" ({numbers.count(first)} does too)"
    if best is not None and best > 1:
        text += f"; below {numbers.count(best)} no pairing gets there"
    return text + "."


def _seeds(audit: Audit) -> list[str]:
    limit = _sd(audit.tipping_seed_sd_limit)
    known = "" if audit.runs == 1 else " as estimated from the runs"
    text = f"The figures do not say. If accuracy varies from run to run with an SD of {limit} or more{known}, "
    text += "the difference is not significant even with endless test images"
    if audit.tipping_seed_sd is not None:
        least, most = (_sd(sd) for sd in audit.tipping_seed_sd)
        count = numbers.count(audit.images)
        if audit.tipping_seed_sd[1] <= 0:
            text += f"; on {count} it is not significant whatever the SD"
        elif least == most:
            text += f"; on {count} an SD of {least} is enough"
        elif audit.tipping_seed_sd[0] <= 0:
            text += f"; on {count}, any SD is enough under the least favourable pairing and {most} under the best"
        else:
            text += (
                f"; on {count} an SD of {least.removesuffix(' points')} to {most} is enough, depending on the pairing"
            )
    needed = ", ".join(
        f"{_sd(sd).removesuffix(' points')} ({count} runs)" for count, sd in audit.sd_needed_by_runs.items()
    )
    return [f"{text}.", f"Were they means of several runs each, the SD would have to be below, in points: {needed}."]


def _between_these(audit: Audit, ahead: str, behind: str) -> str:
    """What can be said of the very checkpoints, or runs, that were tested."""
    if audit.runs == 1:
        better, pair = f"this {ahead} is better than this {behind}", "these two checkpoints"
    else:
        better, pair = f"these runs of {ahead} are better than those of {behind}", "these runs"
    given = (
        "on images like those of the test (5 % level, whatever the pairing), provided both were tested on the same "
        "images and neither saw them in training"
    )
    if audit.p_range is None:
        if audit.n_min_for_any_pairing is None:
            return f"Nothing of {pair}: the figures are too near each other, whatever the number of test images."
        return f"If there were {numbers.count(audit.n_min_for_any_pairing)} test images or more, {better} {given}."
    least, most = audit.p_range
    if most <= SIGNIFICANT:
        return f"{better[0].upper()}{better[1:]} {given}."
    if least > SIGNIFICANT:
        return f"Nothing of {pair}: the difference is not significant at 5 %, whatever the pairing."
    return (
        f"Nothing firm of {pair}: the difference is significant at 5 % under some pairings and not under others. How "
        "many images only one of them got right would tell."
    )


def _by_accuracy(audit: Audit, names: Names) -> list[tuple[str, Figure]]:
    pairs = [(display_name(name), figure) for name, figure in zip(names, audit.figures, strict=True)]
    return sorted(pairs, key=lambda pair: -pair[1].accuracy)


def _printed(figure: Figure) -> str:
    return f"{figure.text}{' %' if figure.unit == 'percent' else ''}{' wrong' if figure.of_errors else ''}"


def _both(audit: Audit) -> str:
    return " and ".join(_printed(figure) for figure in audit.figures)


def _decimals(audit: Audit) -> int:
    return max(max(len(str(figure.scale)) - 3, 0) for figure in audit.figures)


def _points(value: float, audit: Audit) -> str:
    text = numbers.fixed(value, _decimals(audit))
    return numbers.amount(text, "points")


def _sd(value: float) -> str:
    return f"{numbers.fixed(value, numbers.decimals_for(value / 2))} points"


def _count_range(ends: tuple[int, int]) -> str:
    low, high = ends
    return numbers.count(low) if low == high else f"{numbers.count(low)} to {numbers.count(high)}"


def _listed(sizes: Sequence[int]) -> str:
    shown = [numbers.count(size) for size in sizes[:_LISTED]]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
