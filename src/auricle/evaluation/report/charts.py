"""The figures of a report. Each is drawn for a phone's width and bears its words in it; the page brings the colours."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from auricle.evaluation.report.axes import SMALL, WIDE, Frame, Scale, log_scale, scale_of, short, told
from auricle.evaluation.report.document import Bin
from auricle.evaluation.report.numbers import amount, plain
from auricle.landscape.pictures.canvas import Sheet, width_of

COLOURS = ("c1", "c3", "c2", "c5", "c4", "c6", "c7")
_ROW = 22.0
_SIDE = 38.0  # left of a frame: its ticks
_COUNTED = 12  # classes up to which a confusion matrix shows its counts
_NAMED = 26  # … and its names


class Bar(NamedTuple):
    name: str
    value: float | None
    low: float | None
    high: float | None
    beside: str = ""
    colour: str = "accent"
    hollow: bool = False


def bars(rows: Sequence[Bar], scale: Scale, about: str, *, chance: float | None = None) -> str:
    """A row each: name, dot with whiskers, value."""
    named = min(124.0, max((width_of(f"{r.name}  {r.beside}", SMALL) for r in rows), default=0) + 10)
    sheet = Sheet(WIDE, _ROW * len(rows) + 34)
    left, right = named + 4, WIDE - 44

    def x(at: float) -> float:
        return left + (right - left) * scale.at(at)

    bottom = 8 + _ROW * len(rows)
    for tick in scale.ticks(4):
        sheet.line(x(tick), 6, x(tick), bottom)
        sheet.text(x(tick), bottom + 16, short(tick), SMALL, colour="dim", anchor="middle")
    if chance is not None:
        sheet.line(x(chance), 6, x(chance), bottom, colour="amber", width=1.4, dash="3 2.5")
    for i, row in enumerate(rows):
        y = 8 + _ROW * i + _ROW / 2
        aside = width_of(row.beside, SMALL) + 6 if row.beside else 0
        sheet.text(0, y + 4, row.name, SMALL, room=named - aside)
        if row.beside:
            sheet.text(named - 6, y + 4, row.beside, SMALL, colour="dim", anchor="end")
        if row.low is not None and row.high is not None:
            sheet.line(x(row.low), y, x(row.high), y, colour=row.colour, width=2)
        if row.value is not None:
            sheet.dot(x(row.value), y, 4, colour=row.colour, hollow=row.hollow, told=f"{row.name}: {told(*row[1:4])}")
        sheet.text(WIDE, y + 4, plain(row.value), SMALL, colour="ink", anchor="end")
    return sheet.inline(about)


def reliability(bins: Sequence[Bin], about: str) -> str:
    """Confidence against accuracy; a dot's area follows its items, the bars below count them."""
    sheet = Sheet(WIDE, 324)
    frame = Frame(sheet, _SIDE, 26, WIDE - _SIDE - 14, 210, Scale(0, 1), Scale(0, 1))
    frame.draw("", "accuracy")
    sheet.line(frame.x(0), frame.y(0), frame.x(1), frame.y(1), colour="edge", dash="3 3")
    full = [(b.confidence, b.accuracy, b.n) for b in bins if b.n and b.confidence is not None and b.accuracy is not None]
    most = max((n for _, _, n in full), default=1)
    for confidence, accuracy, _ in full:
        x, colour = frame.x(confidence), "brick" if confidence > accuracy else "c3"
        sheet.line(x, frame.y(accuracy), x, frame.y(confidence), colour=colour, width=1.6)
    sheet.path([(frame.x(confidence), frame.y(accuracy)) for confidence, accuracy, _ in full], colour="accent", width=1.4)
    for confidence, accuracy, n in full:
        words = f"{n} items: confidence {plain(confidence)}, accuracy {plain(accuracy)}"
        sheet.dot(frame.x(confidence), frame.y(accuracy), 3 + 4 * (n / most) ** 0.5, colour="accent", told=words)
    top, floor = frame.top + frame.height + 24, 290.0
    for one in bins:
        height = (floor - top) * one.n / most
        left, right = frame.x(one.low), frame.x(one.high)
        if one.n:
            thick, tall = max(1.0, right - left - 2), max(1.0, height)
            sheet.rect(left + 1, floor - tall, thick, tall, colour="edge", opacity=0.5, told=f"{one.n} items")
    sheet.line(frame.left, floor, frame.left + frame.width, floor, colour="edge")
    sheet.text(frame.left - 7, floor, "items", SMALL, colour="dim", anchor="end")
    sheet.text(frame.left + frame.width / 2, floor + 20, "confidence", SMALL, colour="dim", anchor="middle")
    return sheet.inline(about)


def confusion(classes: Sequence[str], matrix: Sequence[Sequence[float]], about: str) -> str:
    """Truth down, answers across, shaded by the share of the true class; a further column: no answer."""
    wide = max((len(row) for row in matrix), default=len(classes))
    answers = [*classes, *["no answer"] * (wide - len(classes))]
    names = len(classes) <= _NAMED
    longest = max((width_of(name, SMALL) for name in answers), default=0)
    side = min(112.0, longest + 8) if names else 20.0
    cell = (WIDE - side - 2) / max(1, wide)
    top = min(96.0, longest * 0.9 + 12) if names else 20.0
    sheet = Sheet(WIDE, top + cell * len(classes) + 4)
    if not names:
        sheet.text(side, 13, f"{len(classes)} classes in the order of the protocol", SMALL, colour="dim")
    for i, name in enumerate(answers if names else ()):
        x = side + cell * (i + 0.5) + 3
        sheet.text(x, top - 5, name, min(SMALL, cell), colour="dim", room=top / 0.9, turn=-62 if cell < longest else 0)
    for r, (name, row) in enumerate(zip(classes, matrix, strict=False)):
        y = top + cell * r
        if names:
            sheet.text(side - 6, y + cell / 2 + 4, name, min(SMALL, cell), colour="dim", anchor="end", room=side - 6)
        total = sum(row) or 1.0
        for c, n in enumerate(row):
            share, x = n / total, side + cell * c
            size = cell - (1 if cell > 5 else 0)
            what = f"{name}, answered {answers[c]}: {amount(n)}"
            sheet.rect(x, y, size, size, colour="wash")
            if n:
                colour = "accent" if r == c else "brick"
                sheet.rect(x, y, size, size, colour=colour, opacity=max(0.1, share), told=what)
            if n and len(classes) <= _COUNTED:
                sheet.text(x + size / 2, y + size / 2 + 4, amount(n), 11, colour="on" if share > 0.55 else "ink", anchor="middle")
    return sheet.inline(about)


def precision_recall(curves: dict[str, Sequence[tuple[float, float]]], shown: Sequence[str], about: str) -> str:
    """All classes; those in ``shown`` in colour and by name."""
    lines = -(-len(shown) // 2)
    sheet = Sheet(WIDE, 290 + 18 * lines)
    frame = Frame(sheet, _SIDE, 26, WIDE - _SIDE - 14, 210, Scale(0, 1), Scale(0, 1))
    frame.draw("recall", "precision")
    for name, points in curves.items():
        if name not in shown and points:
            sheet.path([(frame.x(r), frame.y(p)) for r, p in points], colour="edge", width=0.8, told=name)
    for i, name in enumerate(shown):
        if curves[name]:
            sheet.path([(frame.x(r), frame.y(p)) for r, p in curves[name]], colour=COLOURS[i % 7], width=1.9, told=name)
        legend(sheet, _SIDE + (WIDE - _SIDE) / 2 * (i % 2), 298 + 18 * (i // 2), name, COLOURS[i % 7], (WIDE - _SIDE) / 2 - 28)
    return sheet.inline(about)


def legend(sheet: Sheet, x: float, y: float, words: str, colour: str, room: float) -> None:
    sheet.rect(x, y - 8, 12, 3.5, colour=colour, round_=1.5)
    sheet.text(x + 18, y - 2, words, SMALL, room=room)


class Point(NamedTuple):
    name: str
    x: float
    value: float
    low: float | None
    high: float | None
    colour: str


def scatter(points: Sequence[Point], x_label: str, y_label: str, about: str, show: Callable[[float], str] = short) -> str:
    """What a model costs, in powers of ten, against what it reaches."""
    sheet = Sheet(WIDE, 276)
    across = log_scale([p.x for p in points])
    frame = Frame(sheet, _SIDE, 26, WIDE - _SIDE - 14, 200, across, scale_of([v for p in points for v in p[2:5]]))
    frame.draw(x_label, y_label, x_ticks=[(tick, show(tick)) for tick in across.ticks()])
    taken: list[tuple[float, float, float]] = []
    for point in sorted(points, key=lambda p: -p.value):
        x, y = frame.x(point.x), frame.y(point.value)
        if point.low is not None and point.high is not None:
            sheet.line(x, frame.y(point.low), x, frame.y(point.high), colour=point.colour, width=2)
        sheet.dot(x, y, 4.6, colour=point.colour, told=f"{point.name}: {told(*point[2:5])} at {show(point.x)}")
        wide = width_of(point.name, SMALL)
        left = x + wide + 12 > WIDE - 4
        start = x - wide - 9 if left else x + 9
        at = y + 4
        while any(abs(at - other) < 13 and start < end and begin < start + wide for begin, end, other in taken):
            at += 3
        taken.append((start, start + wide, at))
        sheet.text(x - 9 if left else x + 9, at, point.name, SMALL, anchor="end" if left else "start")
    return sheet.inline(about)


class Line(NamedTuple):
    name: str
    x: tuple[float | str, ...]
    y: tuple[float | None, ...]
    low: tuple[float | None, ...]
    high: tuple[float | None, ...]
    colour: str


def curves(lines: Sequence[Line], x_label: str, y_label: str, about: str) -> str:
    """A line a model over the same x, each with the band of its interval."""
    steps = list(dict.fromkeys(x for line in lines for x in line.x))
    numeric = all(isinstance(x, int | float) for x in steps)
    place = {x: float(x) if numeric else float(i) for i, x in enumerate(steps)}
    ordered = sorted(place.values())
    sheet = Sheet(WIDE, 282 + 18 * len(lines))
    across = Scale(ordered[0], ordered[-1]) if len(ordered) > 1 else Scale(ordered[0] - 1, ordered[0] + 1)
    frame = Frame(sheet, _SIDE, 26, WIDE - _SIDE - 18, 204, across, scale_of([v for one in lines for v in (*one.y, *one.low, *one.high)]))
    few = numeric and len(ordered) <= 9
    ticks = (
        [(place[x], short(x) if isinstance(x, int | float) else str(x)) for x in sorted(steps, key=place.__getitem__)]
        if few or not numeric
        else None
    )
    frame.draw(x_label, y_label, x_ticks=ticks)
    for line in lines:
        band = [(place[x], a, b) for x, a, b in zip(line.x, line.low, line.high, strict=False) if a is not None and b is not None]
        if len(band) > 1:
            there, back = [(frame.x(x), frame.y(b)) for x, _, b in band], [(frame.x(x), frame.y(a)) for x, a, _ in reversed(band)]
            sheet.area([*there, *back], colour=line.colour, opacity=0.14)
    for i, line in enumerate(lines):
        known = [(place[x], y) for x, y in zip(line.x, line.y, strict=False) if y is not None]
        if len(known) > 1:
            sheet.path([(frame.x(x), frame.y(y)) for x, y in known], colour=line.colour, width=1.9)
        for x, y in known:
            sheet.dot(
                frame.x(x), frame.y(y), 3.2, colour=line.colour, told=f"{line.name}, {short(x) if numeric else steps[int(x)]}: {plain(y)}"
            )
        legend(sheet, _SIDE, 292 + 18 * i, line.name, line.colour, WIDE - _SIDE - 24)
    return sheet.inline(about)


def wave(peaks: Sequence[float]) -> str:
    """The outline of a sound, a bar a step."""
    sheet = Sheet(3.0 * len(peaks), 32)
    for i, peak in enumerate(peaks):
        height = max(1.0, 28 * peak)
        sheet.rect(3 * i, 16 - height / 2, 2, height, colour="edge", round_=1)
    return sheet.inline("")
