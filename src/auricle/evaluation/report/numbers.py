"""Numbers as a paper prints them."""

from __future__ import annotations

from typing import Any, Protocol

NONE = "–"


class Ranged(Protocol):
    @property
    def value(self) -> float | None: ...
    @property
    def low(self) -> float | None: ...
    @property
    def high(self) -> float | None: ...


def plain(value: float | None) -> str:
    """Three digits that count: ``.918``, ``1.234``, ``12.3``."""
    if value is None:
        return NONE
    size = abs(value)
    text = f"{size:.3f}" if size < 10 else f"{size:.1f}" if size < 100 else f"{size:,.0f}"
    text = text.removeprefix("0") if size < 0.9995 else text
    return f"−{text}" if value < 0 and text.strip(".0") else text


def signed(value: float | None) -> str:
    return f"+{plain(value)}" if value is not None and value > 0 else plain(value)


def between(low: float | None, high: float | None, show: Any = plain) -> str:
    """``.892–.942``; "to" where a sign would read as a dash."""
    if low is None or high is None:
        return ""
    return f"{show(low)} to {show(high)}" if low < 0 or show is not plain else f"{show(low)}–{show(high)}"


def whole(found: Ranged, show: Any = plain) -> str:
    """``.918 (.892–.942)``"""
    span = between(found.low, found.high, show)
    return f"{show(found.value)} ({span})" if span else show(found.value)


def chance_of(p: float | None) -> str:
    """A p-value: never 0."""
    return NONE if p is None else "< .001" if p < 0.001 else f"{p:.3f}".removeprefix("0")


def span(seconds: float | None) -> str:
    if seconds is None:
        return NONE
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def size(amount: float | None) -> str:
    if amount is None:
        return NONE
    for unit, one in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if amount >= one:
            return f"{amount / one:.1f} {unit}" if amount < 10 * one else f"{amount / one:.0f} {unit}"
    return f"{amount:.0f} B"


def amount(number: float | None) -> str:
    return NONE if number is None else f"{number:,.0f}"


def count(number: int, what: str) -> str:
    return f"{number:,} {what}" + ("" if number == 1 else "s")


def said(value: Any) -> str:
    """A truth or an answer, whatever a kind of task writes there, in a line."""
    if value is None or value == "":
        return NONE
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return plain(value)
    if isinstance(value, dict):
        return ", ".join(f"{key}: {said(part)}" for key, part in value.items())
    if isinstance(value, list | tuple):
        return "; ".join(said(part) for part in value) or NONE
    return " ".join(str(value).split())
