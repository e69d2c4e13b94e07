"""Numbers as people say them: durations, rates, sizes and shares, the same on every page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django import template
from django.utils.safestring import SafeString, mark_safe

from catalog.core import sizes

if TYPE_CHECKING:
    from analysis.signals import KnownSignal

register = template.Library()

NARROW_SPACE = "\u202f"


@register.filter
def duration(seconds: float | None) -> str:
    """Seconds as “0.4 s”, “12 s”, “3 min 20 s” or “2 h 5 min”; empty where unknown."""
    if seconds is None:
        return ""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest and minutes < 10 else f"{round(whole / 60)} min"
    return f"{minutes // 60} h {minutes % 60} min"


@register.filter
def rate(units_per_second: float | None) -> str:
    """Units per second with as many digits as mean something."""
    if units_per_second is None:
        return ""
    if units_per_second < 10:
        return f"{units_per_second:.1f}"
    return f"{units_per_second:,.0f}"


@register.filter
def in_bytes(count: int | None) -> str:
    """A size as “812 bytes”, “4.2 KiB”, “13 MiB”; empty where unknown."""
    return "" if count is None else sizes.in_bytes(count)


@register.filter
def share(part: float | None, whole: float | None) -> str:
    """A part of a whole as “2.6 %”; never rounded to 0 or 100 unless it is; empty where there is no whole."""
    if not whole or part is None:
        return ""
    percent = 100 * part / whole
    if 0 < percent < 0.1:
        return f"< 0.1{NARROW_SPACE}%"
    if 99.9 < percent < 100:
        return f"> 99.9{NARROW_SPACE}%"
    text = f"{percent:.1f}".removesuffix(".0")
    return f"{text}{NARROW_SPACE}%"


@register.filter
def css_percent(part: float | None, whole: float | None) -> SafeString:
    """A part of a whole as a CSS length, for the width of a bar."""
    percent = min(100.0, max(0.0, 100 * (part or 0) / whole)) if whole else 0.0
    return mark_safe(f"{percent:.2f}%")  # noqa: S308  # digits only


@register.filter
def apart(distance: float | str, known: KnownSignal) -> str:
    """A distance under a signal with its unit: “8 of 64 bits”, “0.1 (similarity 0.9)”."""
    return known.scale.words(float(distance))


@register.filter
def plain(distance: float, known: KnownSignal) -> str:
    """A distance under a signal as a bare number, as fields and addresses carry it."""
    return known.scale.number(distance)


@register.filter
def after(distance: float | str, known: KnownSignal) -> str:
    """What stands behind a distance's number: “of 64 bits”, “(similarity 0.9)”."""
    return known.scale.after(float(distance))
