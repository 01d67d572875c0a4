"""Numbers as text: a fixed number of digits, a unit, and `--` for what is not known."""

from __future__ import annotations

import math
from decimal import Decimal

from mtop_tui.domain.cost.money import Dollars

UNKNOWN = "--"


def known(value: float | None) -> bool:
    """Whether there is a number to show."""
    return value is not None and math.isfinite(value)


def count(value: float | None) -> str:
    """A count or a rate in at most five characters: `0`, `7.2`, `88.0`, `412`, `12.3k`, `1.2M`."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    for limit, divisor, suffix in ((999.5, 1, ""), (999_500, 1e3, "k"), (999_500_000, 1e6, "M")):
        if abs(value) < limit:
            return _three_digits(value / divisor) + suffix
    return _three_digits(value / 1e9) + "G" if abs(value) < 999.5e9 else f"{value:.0e}"


def counted(number: int, noun: str) -> str:
    """A number of things: `1 event`, `2 events`, `1,200 events`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def whole(value: float | None) -> str:
    """A count of things, without decimals below 10,000: `0`, `214`, `9999`, `12.3k`."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    return f"{value:.0f}" if abs(value) < 9999.5 else count(value)


def seconds(value: float | None, *, at_least: bool = False) -> str:
    """A duration with its unit: `8.7 ms`, `39 ms`, `2.41 s`, `12.3 s`, `123 s`; `>=2560 s`."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    if abs(value) < 0.00995:
        text = f"{value * 1000:.1f} ms"
    elif abs(value) < 0.9995:
        text = f"{value * 1000:.0f} ms"
    elif abs(value) < 9.995:
        text = f"{value:.2f} s"
    else:
        text = f"{_three_digits(value) if abs(value) < 999.5 else f'{value:.0f}'} s"
    return f">={text}" if at_least else text


def percent(ratio: float | None) -> str:
    """A ratio as per cent: `0%`, `0.4%`, `41%`, `100%`."""
    if ratio is None or not math.isfinite(ratio):
        return UNKNOWN
    value = ratio * 100
    if 0 < abs(value) < 0.05:
        return "<0.1%" if value > 0 else ">-0.1%"
    return f"{value:.1f}%" if 0 < abs(value) < 9.95 else f"{value:.0f}%"


def whole_percent(ratio: float | None) -> str:
    """A ratio as whole per cent: `0%`, `41%`, `100%`."""
    if ratio is None or not math.isfinite(ratio):
        return UNKNOWN
    return f"{ratio * 100:.0f}%"


def share_left(ratio: float | None) -> str:
    """What is left of something as whole per cent: `100%` only while nothing is gone."""
    if ratio is not None and 0.99 < ratio < 1:
        return "99%"
    return whole_percent(ratio)


def money(amount: Dollars | None) -> str:
    """USD without the sign: `0`, `0.53`, `48.2`, `489`, `1.24k`; `>=48.2` if a part is unpriced."""
    if amount is None:
        return UNKNOWN
    if amount.unpriced and not amount.usd:
        return UNKNOWN
    text = dollars(amount.usd)
    return f">={text}" if amount.unpriced else text


def dollars(usd: Decimal | None) -> str:
    """USD without the sign, three digits: `0`, `0.53`, `2.31`, `48.2`, `489`, `1.24k`."""
    if usd is None:
        return UNKNOWN
    value = float(usd)
    if value == 0:
        return "0"
    if value < 0.005:
        return "<0.01"
    return f"{value:.2f}" if value < 9.995 else count(value)


def usd(amount: float) -> str:
    """USD with its sign: `$2.31`; NaN is not known."""
    return UNKNOWN if math.isnan(amount) else f"${dollars(Decimal(amount))}"


def _three_digits(value: float) -> str:
    if value == 0:
        return "0"
    return f"{value:.1f}" if abs(value) < 99.95 else f"{value:.0f}"
