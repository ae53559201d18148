"""Numbers as people read them. Nothing outside `deepenough.report.tables` turns a number into rounded text."""

from __future__ import annotations

import math
from collections.abc import Sequence

from deepenough.report.language import say, term

ABSENT = "–"
MOST_DECIMALS = 6


def fixed(value: float | None, decimals: int = 2) -> str:
    """`value` with a fixed number of decimals, never `-0.00`; a dash where there is none.

    >>> fixed(-0.0004), fixed(None)
    ('0.00', '–')
    """
    if value is None or not math.isfinite(value):
        return ABSENT
    text = f"{value:.{decimals}f}"
    return text.removeprefix("-") if float(text) == 0 else text


def signed(value: float | None, decimals: int = 2) -> str:
    """As `fixed`, with a plus sign before what is above zero."""
    text = fixed(value, decimals)
    return f"+{text}" if value is not None and text != ABSENT and float(text) > 0 else text


def shortest(value: float) -> str:
    """A number that a person declared, as short as they wrote it.

    >>> shortest(0.50), shortest(2.0)
    ('0.5', '2')
    """
    return f"{value:.6g}"


def decimals_for(standard_error: float, values: Sequence[float] = (), landmarks: Sequence[float] = ()) -> int:
    """Decimals that show two digits of an interval's half width, and as many more as keep `values` off `landmarks`.

    A bound of 0.4996 printed as 0.50 beside "less than your margin of 0.5" would contradict the verdict.

    >>> decimals_for(0.1), decimals_for(1.3), decimals_for(0.1, values=[0.4996], landmarks=[0.5])
    (2, 1, 4)
    """
    wanted = 2
    if standard_error > 0 and math.isfinite(standard_error):
        wanted = min(max(1 - math.floor(math.log10(2 * standard_error)), 1), 4)
    for decimals in range(wanted, MOST_DECIMALS + 1):
        if not _collide(values, landmarks, decimals):
            return decimals
    return MOST_DECIMALS


def _collide(values: Sequence[float], landmarks: Sequence[float], decimals: int) -> bool:
    half = 0.5 * 10.0**-decimals
    return any(value != mark and abs(value - mark) <= half for value in values for mark in landmarks)


def interval(bounds: Sequence[float] | None, decimals: int = 2) -> str:
    """Both ends of an interval.

    >>> interval((-0.12, 0.28))
    '-0.12 to 0.28'
    """
    if bounds is None:
        return ABSENT
    return say("{low} to {high}", low=fixed(bounds[0], decimals), high=fixed(bounds[1], decimals))


def level(value: float | None, unit: str, decimals: int = 2) -> str:
    """Where a contender stands: points of accuracy are read as per cent.

    >>> level(84.21, "points"), level(31.4, "dB")
    ('84.21 %', '31.40 dB')
    """
    text = fixed(value, decimals)
    return text if text == ABSENT else f"{text} {level_unit(unit)}".strip()


def level_unit(unit: str) -> str:
    """The unit of a level where differences are in `unit`."""
    return "%" if unit == "points" else term(unit)


def amount(text: str, unit: str) -> str:
    """A number with its unit, in the singular where it is one.

    >>> amount("1", "points"), amount("0.5", "points")
    ('1 point', '0.5 points')
    """
    known = term(unit)
    return f"{text} {unit[:-1] if text == '1' and unit.endswith('s') and known == unit else known}"


def probability(value: float | None) -> str:
    """A p-value: three decimals, and no zero.

    >>> probability(0.00004), probability(0.0321)
    ('< 0.001', '0.032')
    """
    if value is None or not math.isfinite(value):
        return ABSENT
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def money(value: float | None) -> str:
    """An amount in any currency, four digits or whole units.

    >>> money(1010.0), money(-0.012345), money(12.3456)
    ('1,010', '-0.01235', '12.35')
    """
    if value is None or not math.isfinite(value):
        return ABSENT
    if abs(value) >= 1000 or value == 0:
        return f"{round(value):,}"
    return f"{value:.{min(max(3 - math.floor(math.log10(abs(value))), 0), 8)}f}"


def any_probability(value: float) -> str:
    """A p-value of any size, where its order of magnitude is the point.

    >>> any_probability(0.0639), any_probability(3.3e-55), any_probability(0.0)
    ('0.064', '3e-55', 'below 1e-300')
    """
    if value < 1e-300:
        return "below 1e-300"
    return f"{value:.0e}" if value < 0.0005 else f"{value:.2g}"


def confidence(level: float) -> str:
    """The level of an interval, or an error rate, as per cent, with two decimals at most.

    >>> confidence(0.95), confidence(0.9875), confidence(1 / 30)
    ('95 %', '98.75 %', '3.33 %')
    """
    return f"{round(100 * level, 2):g} %"


def share(fraction: float | None, decimals: int = 1) -> str:
    """A fraction as per cent."""
    return ABSENT if fraction is None or not math.isfinite(fraction) else f"{fixed(100 * fraction, decimals)} %"


def count(value: float | None) -> str:
    """A whole number with thousands apart.

    >>> count(50000)
    '50,000'
    """
    return ABSENT if value is None or not math.isfinite(value) else f"{round(value):,}"


def at_least(value: float, digits: int = 2) -> str:
    """A number of images or seeds to go and buy: rounded up, since less would not do.

    >>> at_least(73842), at_least(8), at_least(372)
    ('74,000', '8', '380')
    """
    whole = math.ceil(value - 1e-9)
    step = 10 ** max(len(str(whole)) - digits, 0)
    return f"{-(-whole // step) * step:,}"


def rounded_up(value: float, digits: int = 2) -> str:
    """A bound that must not look tighter than it is: so many significant digits, rounded up.

    >>> rounded_up(3.9412), rounded_up(0.4701), rounded_up(12.1), rounded_up(0.5)
    ('4.0', '0.48', '13', '0.50')
    """
    if not (math.isfinite(value) and value > 0):
        return ABSENT if not math.isfinite(value) else "0"
    decimals = max(digits - 1 - math.floor(math.log10(value)), 0)
    return fixed(math.ceil(value * 10**decimals - 1e-9) / 10**decimals, decimals)


def duration(seconds: float | None) -> str:
    """A span of time in the unit that a person would choose.

    >>> duration(0.0123), duration(75), duration(8000)
    ('12.3 ms', '1 min 15 s', '2 h 13 min')
    """
    if seconds is None or not math.isfinite(seconds):
        return ABSENT
    if seconds < 0.9995:
        return f"{_three_digits(1000 * seconds)} ms"
    if seconds < 59.95:
        return f"{_three_digits(seconds)} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def milliseconds(seconds: float | None) -> str:
    """Seconds as milliseconds, without the unit: for a column that names it."""
    return ABSENT if seconds is None or not math.isfinite(seconds) else _three_digits(1000 * seconds)


def millions(value: float | None) -> str:
    """Parameters, without the unit.

    >>> millions(25_557_032)
    '25.56'
    """
    return ABSENT if value is None else fixed(value / 1e6, 2)


def billions(value: float | None) -> str:
    """Multiply-accumulates, without the unit."""
    return ABSENT if value is None else fixed(value / 1e9, 3)


def rate(per_second: float | None) -> str:
    """Things a second, three digits."""
    return ABSENT if per_second is None or not math.isfinite(per_second) else _three_digits(per_second)


def size(amount_bytes: float | None) -> str:
    """Memory or a file, in binary units.

    >>> size(300_000_000), size(3_000_000_000)
    ('286 MiB', '2.79 GiB')
    """
    if amount_bytes is None or not math.isfinite(amount_bytes):
        return ABSENT
    for unit, factor in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if amount_bytes >= factor:
            return f"{_three_digits(amount_bytes / factor)} {unit}"
    return f"{round(amount_bytes)} B"


def exact(value: float) -> str:
    """A number as near as twelve digits tell it: where two that should be equal are not.

    >>> exact(0.1 + 0.2), exact(12)
    ('0.3', '12')
    """
    return f"{value:.12g}"


def filled(template: str, **values: object) -> str:
    """A sentence with what stands in braces filled in, each by text that is rounded already.

    >>> filled("from {low} on", low="0.28")
    'from 0.28 on'
    """
    return template.format(**values)


def shortened(text: str, most: int) -> str:
    """A name that loses its middle where it is longer than `most`.

    >>> shortened("abcdefghij", 5)
    'ab…ij'
    """
    return text if len(text) <= most else f"{text[: most - most // 2 - 1]}…{text[-(most // 2) :]}"


def ratio(value: float | None) -> str:
    """A factor.

    >>> ratio(1.7249)
    '1.72×'
    """
    return ABSENT if value is None or not math.isfinite(value) else f"{_three_digits(value)}×"


def two_digits(value: float) -> str:
    """A number of any size, such as a learning rate.

    >>> two_digits(0.00123), two_digits(1e-6)
    ('0.0012', '1e-06')
    """
    return f"{value:.2g}"


def plain(value: object) -> str:
    """Any value from a free-form record as text, floats shortened."""
    if isinstance(value, bool):
        return say("yes") if value else say("no")
    if value is None:
        return ABSENT
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list | tuple):
        return ", ".join(plain(item) for item in value)
    return str(value)


def _three_digits(value: float) -> str:
    if value >= 1000:
        return f"{round(value):,}"
    whole_digits = len(str(int(abs(value))))
    return fixed(value, max(3 - whole_digits, 0))
