"""Scales and axes of the figures."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from auricle.evaluation.report.numbers import plain
from auricle.landscape.pictures.canvas import Sheet, width_of

SMALL = 11.5  # of words in a figure
WIDE = 304.0  # of a figure: what a phone shows without shrinking it


@dataclass(frozen=True, slots=True)
class Scale:
    low: float
    high: float
    log: bool = False

    def at(self, value: float) -> float:
        """0 … 1, held inside."""
        low, high, x = (math.log10(max(v, 1e-12)) for v in (self.low, self.high, value)) if self.log else (self.low, self.high, value)
        return min(1.0, max(0.0, (x - low) / (high - low))) if high > low else 0.5

    def ticks(self, most: int = 5) -> list[float]:
        if self.log:
            first, last = math.ceil(math.log10(self.low) - 1e-9), math.floor(math.log10(self.high) + 1e-9)
            tens = [10.0**power for power in range(first, last + 1)]
            if len(tens) > 2:
                return tens[:: max(1, math.ceil(len(tens) / most))]
            finer = [m * 10.0**power for power in range(first - 1, last + 1) for m in ((1, 3) if len(tens) > 1 else (1, 2, 5))]
            return [tick for tick in finer if self.low <= tick <= self.high]
        step = _step((self.high - self.low) / max(1, most))
        first = math.ceil(self.low / step - 1e-9)
        return [round(step * i, 10) for i in range(first, math.floor(self.high / step + 1e-9) + 1)]


def _step(rough: float) -> float:
    if rough <= 0:
        return 1.0
    ten = 10.0 ** math.floor(math.log10(rough))
    return float(next((ten * m for m in (1, 2, 2.5, 5, 10) if ten * m >= rough * 0.999), ten * 10))


def scale_of(values: Iterable[float | None], *, zero: bool = True) -> Scale:
    """0 … 1 for what lies there (shares, areas), −1 … 1 or wider in round numbers for the rest."""
    known = [v for v in values if v is not None]
    if not known:
        return Scale(0.0, 1.0)
    low, high = min(known), max(known)
    if low >= 0 and high <= 1 and zero:
        return Scale(0.0, 1.0)
    low, high = (min(low, 0.0), max(high, 0.0)) if zero else (low, high)
    step = _step((high - low) / 4 or abs(high) / 4 or 1.0)
    return Scale(step * math.floor(low / step + 1e-9), step * math.ceil(high / step - 1e-9))


def around_zero(values: Iterable[float | None]) -> Scale:
    most = max((abs(v) for v in values if v is not None), default=0.1) or 0.1
    step = _step(most / 2)
    return Scale(-step * math.ceil(most / step), step * math.ceil(most / step))


def log_scale(values: Iterable[float]) -> Scale:
    """Room left and right of the outermost."""
    known = [v for v in values if v > 0]
    low, high = min(known), max(known)
    room = max((high / low) ** 0.15, 1.6)
    return Scale(low / room, high * room, log=True)


def short(value: float) -> str:
    """A tick: ``0``, ``.5``, ``10k``."""
    size = abs(value)
    if size >= 1000:
        for letter, one in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
            if size >= one:
                return f"{value / one:g}{letter}"
    text = f"{value:.3g}".replace("-", "−")
    return text.replace("0.", ".", 1) if 0 < size < 1 else text


@dataclass(frozen=True, slots=True)
class Frame:
    """The rectangle that data are drawn in, and its two scales."""

    sheet: Sheet
    left: float
    top: float
    width: float
    height: float
    across: Scale
    up: Scale

    def x(self, value: float) -> float:
        return self.left + self.width * self.across.at(value)

    def y(self, value: float) -> float:
        return self.top + self.height * (1 - self.up.at(value))

    def draw(self, x_label: str, y_label: str, *, x_ticks: Sequence[tuple[float, str]] | None = None) -> None:
        bottom = self.top + self.height
        for tick in self.up.ticks():
            self.sheet.line(self.left, self.y(tick), self.left + self.width, self.y(tick))
            self.sheet.text(self.left - 7, self.y(tick) + 4, short(tick), SMALL, colour="dim", anchor="end")
        named = [(tick, short(tick)) for tick in self.across.ticks()] if x_ticks is None else x_ticks
        right = -1e9
        for tick, words in named:
            x, half = self.x(tick), width_of(words, SMALL) / 2
            self.sheet.line(x, bottom, x, bottom + 4, colour="edge")
            if x - half > right + 4:
                self.sheet.text(x, bottom + 17, words, SMALL, colour="dim", anchor="middle")
                right = x + half
        self.sheet.line(self.left, bottom, self.left + self.width, bottom, colour="edge")
        self.sheet.text(self.left + self.width / 2, bottom + 35, x_label, SMALL, colour="dim", anchor="middle", room=self.width + 40)
        self.sheet.text(self.left, self.top - 12, y_label, SMALL, colour="dim", room=self.width)


def whisker(
    scale: Scale, value: float | None, low: float | None, high: float | None, *, marks: Sequence[tuple[float | None, str]] = (),
    width: float = 168, colour: str = "accent", zero: bool = False,
) -> str:  # fmt: skip
    """A dot and its interval on a hairline, for a cell of a table. marks: (value, "chance" or "control")."""
    sheet = Sheet(width, 24)
    inset, middle = 6.0, 12.0

    def x(at: float) -> float:
        return inset + (width - 2 * inset) * scale.at(at)

    sheet.line(inset, middle, width - inset, middle)
    for tick in (scale.low, scale.high, *([0.0] if zero else [])):
        sheet.line(x(tick), middle - 5, x(tick), middle + 5, colour="edge" if zero and tick == 0 else "line")
    for at, kind in marks:
        if at is None:
            continue
        if kind == "chance":
            sheet.line(x(at), 3, x(at), 21, colour="amber", width=1.4, dash="2.5 2")
        else:
            sheet.dot(x(at), middle, 3.4, colour="edge", hollow=True)
    if low is not None and high is not None:
        sheet.line(x(low), middle, x(high), middle, colour=colour, width=2.2)
        for end in (low, high):
            sheet.line(x(end), middle - 4.5, x(end), middle + 4.5, colour=colour, width=1.6)
    if value is not None:
        sheet.dot(x(value), middle, 4.2, colour=colour)
    return sheet.inline("")


def told(value: float | None, low: float | None, high: float | None) -> str:
    return plain(value) if low is None or high is None else f"{plain(value)}, {plain(low)} to {plain(high)}"
