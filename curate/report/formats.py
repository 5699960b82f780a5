"""Numbers as a reader wants to see them: short, with their unit, never a false zero."""

import math
from typing import Final

NOTHING: Final = "\N{EN DASH}"
"""Shown where a figure does not exist."""
_MINUS: Final = "\N{MINUS SIGN}"
_THIN: Final = "\N{NARROW NO-BREAK SPACE}"
_SPACE: Final = "\N{NO-BREAK SPACE}"


def count(value: int | None) -> str:
    """A whole number with its thousands set apart."""
    return NOTHING if value is None else f"{value:,}".replace(",", _THIN)


def plural(value: int, noun: str) -> str:
    """`1 clip`, `2 clips`, `2 copies`."""
    many = noun[:-1] + "ies" if noun.endswith("py") else noun + "s"
    return f"{count(value)}{_SPACE}{noun if value == 1 else many}"


def duration(seconds: float | None) -> str:
    """A length of video in the largest unit that gives it at least 1: `3.2 h`, `14 min`, `8 s`."""
    if seconds is None:
        return NOTHING
    for unit, size in (("h", 3600.0), ("min", 60.0)):
        if seconds >= size:
            amount = seconds / size
            return f"{_grouped(amount, 1 if amount < 100 else 0)}{_SPACE}{unit}"
    return f"{seconds:.1f}{_SPACE}s" if 0 < seconds < 10 else f"{seconds:.0f}{_SPACE}s"


def share(part: float, whole: float) -> str:
    """A percentage; a share that is small and not zero is never shown as 0."""
    if whole <= 0:
        return NOTHING
    percent = 100 * part / whole
    if 0 < percent < 0.1:
        return f"<{_THIN}0.1{_THIN}%"
    return f"{percent:.{0 if percent == 0 or percent >= 10 else 1}f}{_THIN}%"


def number(value: float | None, significant: int = 3) -> str:
    """A score: a few significant digits, no exponent for everyday sizes."""
    if value is None or not math.isfinite(value):
        return NOTHING
    if value == 0:
        return "0"
    if not 1e-4 <= abs(value) < 1e6:
        return f"{value:.2e}".replace("-", _MINUS)
    digits = max(0, significant - 1 - math.floor(math.log10(abs(value))))
    text = f"{value:.{digits}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return text.replace("-", _MINUS)


def apart(value: float, bound: float) -> str:
    """A value beyond a bound, with as many digits as it takes to see that it is."""
    texts = (number(value, digits) for digits in range(3, 8))
    return next((text for text in texts if text != number(bound)), number(value, 8))


def fixed(value: float | None, digits: int) -> str:
    """A value with a fixed number of decimals, for figures that stand below each other."""
    if value is None or not math.isfinite(value):
        return NOTHING
    return f"{value:.{digits}f}".replace("-", _MINUS)


def signed(value: float | None, digits: int = 3) -> str:
    """A difference, with its sign and a fixed number of decimals."""
    text = fixed(value, digits)
    return f"+{text}" if value is not None and math.isfinite(value) and value >= 0 else text


def clock(seconds: float) -> str:
    """A position in a video: `1:02:03.4`, `2:03.4`, or `0:03.4`."""
    sign = _MINUS if seconds < -0.05 else ""
    tenths = round(abs(seconds) * 10)
    hours, rest = divmod(tenths, 36000)
    minutes, left = divmod(rest, 600)
    if hours:
        return f"{sign}{hours}:{minutes:02d}:{left / 10:04.1f}"
    return f"{sign}{minutes}:{left / 10:04.1f}"


def size(value: int | None) -> str:
    """Bytes in decimal units."""
    if value is None:
        return NOTHING
    for unit, scale in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if value >= scale:
            return f"{value / scale:.1f}{_SPACE}{unit}"
    return f"{value}{_SPACE}B"


def _grouped(value: float, digits: int) -> str:
    return f"{value:,.{digits}f}".replace(",", _THIN)
