"""A sheet to draw on, as SVG that any program shows.

Light colours stand as attributes, so that slide programs, which know little CSS, show them; dark ones come by a media query. Text is
measured with the widths of a wide font (DejaVu Sans): in others it takes less room, never more, so what is laid out here does not collide.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape
from typing import Final

# name: (light, dark). The first eleven are those of the page; c1 … c7 tell kinds apart, always with a word beside them.
COLOURS: Final = {
    "paper": ("#fbfaf7", "#131312"),
    "ink": ("#1b1a18", "#edeae4"),
    "dim": ("#6e6a64", "#9a958d"),
    "line": ("#e7e3dc", "#2b2a28"),
    "edge": ("#8b867e", "#77736c"),
    "wash": ("#f4f2ec", "#1c1b1a"),
    "accent": ("#1f6f67", "#7ccbc0"),
    "on": ("#fbfaf7", "#131312"),
    "lit": ("#ebf1ed", "#1b2725"),
    "amber": ("#855300", "#e0b25c"),
    "brick": ("#a03524", "#f08a76"),
    "c1": ("#1f6f67", "#7ccbc0"),
    "c2": ("#855300", "#e0b25c"),
    "c3": ("#3f5aa8", "#9bb0f0"),
    "c4": ("#a03524", "#f08a76"),
    "c5": ("#7a3f86", "#d2a2de"),
    "c6": ("#5a6b1c", "#b9ca6e"),
    "c7": ("#6e6a64", "#9a958d"),
}
FONT: Final = "Inter, 'Inter Variable', 'Helvetica Neue', Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif"

_WIDTHS = {
    0.28: "'ijl", 0.32: "IJ ,.·/:;\\|", 0.37: "f-", 0.41: "()[]t!r", 0.46: '"', 0.5: "*_`–sz", 0.55: "?cL", 0.6: "FkvxyPTYao",
    0.64: "eESbdghnpqu$0123456789{}", 0.7: "KAVBRXZC", 0.78: "UHNDG&OQ", 0.85: "w#+<=>^~×→M", 1.0: "%mW@—…",
}  # fmt: skip
_WIDTH = {letter: width for width, letters in _WIDTHS.items() for letter in letters}
_BOLD = 1.12
TOP: Final = 96  # below title and subtitle
FOOT: Final = 44  # above the line of the source


def width_of(text: str, size: float, bold: bool = False) -> float:
    """How wide a text is at most, in pixels."""
    return sum(_WIDTH.get(letter, 1.0) for letter in text) * size * (_BOLD if bold else 1.0)


def cut(text: str, room: float, size: float, bold: bool = False) -> str:
    """The text, or its beginning with … where there is no room."""
    if width_of(text, size, bold) <= room:
        return text
    while text and width_of(text + "…", size, bold) > room:
        text = text[:-1].rstrip()
    return text + "…"


def lines_of(text: str, room: float, size: float, most: int = 3) -> list[str]:
    """The text in lines of that room; what does not fit in ``most`` of them is cut."""
    lines: list[str] = []
    for word in text.split():
        if lines and width_of(f"{lines[-1]} {word}", size) <= room:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    if len(lines) > most:
        lines = [*lines[: most - 1], " ".join(lines[most - 1 :])]
    return [cut(line, room, size) for line in lines]


class Sheet:
    """What is drawn on paper of a size, in the order in which it is drawn."""

    def __init__(self, width: float, height: float) -> None:
        self.width, self.height = width, height
        self._parts: list[str] = []

    def text(
        self, x: float, y: float, words: str, size: float = 12, *, colour: str = "ink", anchor: str = "start", bold: bool = False,
        room: float | None = None, to: str = "", turn: float = 0,
    ) -> None:  # fmt: skip
        """``room``: how wide it may become. ``to``: the id of the record that it names, for the page. ``turn``: degrees."""
        shown = words if room is None else cut(words, room, size, bold)
        attributes = f'x="{_n(x)}" y="{_n(y)}" font-size="{_n(size)}"{_paint(colour)}'
        attributes += f' text-anchor="{anchor}"' if anchor != "start" else ""
        attributes += ' font-weight="600"' if bold else ""
        attributes += f' transform="rotate({_n(turn)} {_n(x)} {_n(y)})"' if turn else ""
        full = f"<title>{escape(words)}</title>" if shown != words else ""
        made = f"<text {attributes}>{full}{escape(shown)}</text>"
        self._parts.append(f'<a href="#/record/{escape(to)}">{made}</a>' if to else made)

    def rect(
        self, x: float, y: float, width: float, height: float, *, colour: str = "line", border: str = "", round_: float = 0,
        opacity: float = 1, told: str = "", dash: str = "",
    ) -> None:  # fmt: skip
        shape = f'x="{_n(x)}" y="{_n(y)}" width="{_n(width)}" height="{_n(height)}"{_paint(colour, border, 1, dash)}'
        shape += f' rx="{_n(round_)}"' if round_ else ""
        shape += f' fill-opacity="{_n(opacity)}"' if opacity < 1 else ""
        self._parts.append(f"<rect {shape}><title>{escape(told)}</title></rect>" if told else f"<rect {shape}/>")

    def line(self, x1: float, y1: float, x2: float, y2: float, *, colour: str = "line", width: float = 1, dash: str = "") -> None:
        points = f'x1="{_n(x1)}" y1="{_n(y1)}" x2="{_n(x2)}" y2="{_n(y2)}"'
        self._parts.append(f"<line {points}{_paint(stroke=colour, width=width, dash=dash)}/>")

    def path(self, points: Iterable[tuple[float, float]], *, colour: str, width: float = 1.6, dash: str = "", told: str = "") -> None:
        """A line through the points."""
        drawn = f'd="{_through(points)}"{_paint(stroke=colour, width=width, dash=dash)} stroke-linejoin="round"'
        self._parts.append(f"<path {drawn}><title>{escape(told)}</title></path>" if told else f"<path {drawn}/>")

    def area(self, points: Iterable[tuple[float, float]], *, colour: str, opacity: float = 1) -> None:
        """What the line through the points encloses."""
        self._parts.append(f'<path d="{_through(points)}Z"{_paint(colour)} fill-opacity="{opacity:.2f}"/>')

    def curve(self, x1: float, y1: float, x2: float, y2: float, *, colour: str, dash: str = "", told: str = "") -> None:
        """From left to right, level at both ends."""
        bend = max(24.0, abs(x2 - x1) * 0.45)
        path = f'd="M{_n(x1)} {_n(y1)}C{_n(x1 + bend)} {_n(y1)} {_n(x2 - bend)} {_n(y2)} {_n(x2)} {_n(y2)}"'
        path += _paint(stroke=colour, width=1.6, dash=dash)
        self._parts.append(f"<path {path}><title>{escape(told)}</title></path>" if told else f"<path {path}/>")

    def dot(self, x: float, y: float, radius: float, *, colour: str, hollow: bool = False, told: str = "") -> None:
        shape = f'cx="{_n(x)}" cy="{_n(y)}" r="{_n(radius)}"'
        shape += _paint("paper", colour, 1.6) if hollow else _paint(colour)
        self._parts.append(f"<circle {shape}><title>{escape(told)}</title></circle>" if told else f"<circle {shape}/>")

    def legend(self, x: float, y: float, entries: Iterable[tuple[str, str]]) -> None:
        """Squares and words in a line."""
        for words, colour in entries:
            self.rect(x, y - 9, 10, 10, colour=colour, round_=2)
            self.text(x + 15, y, words, 12, colour="dim")
            x += 15 + width_of(words, 12) + 22

    def inline(self, about: str) -> str:
        """Part of a page that brings the colours and the type. ``about``: what it shows, in words; "" where words beside it tell all."""
        name = f'role="img" aria-label="{escape(about)}"' if about else 'aria-hidden="true"'
        return f'<svg class="au" {self._size()} {name}>{"".join(self._parts)}</svg>'

    def _size(self) -> str:
        return f'viewBox="0 0 {_n(self.width)} {_n(self.height)}" width="{_n(self.width)}" height="{_n(self.height)}"'


class Canvas(Sheet):
    """Title and subtitle above, the source below, and what is drawn between them."""

    def __init__(self, width: int, height: int, *, title: str, subtitle: str, source: str) -> None:
        super().__init__(width, height)
        self.title, self.subtitle = title, subtitle
        self.text(40, 48, title, 26, bold=True, room=width - 80)
        self.text(40, 74, subtitle, 14, colour="dim", room=width - 80)
        self.text(40, height - 18, source, 12, colour="dim", room=width - 80)

    def svg(self, *, embedded: bool = False) -> str:
        """A file of its own; or, ``embedded``, part of a page that brings the colours and follows the links."""
        body = "".join(self._parts)
        if not embedded:
            body = re.sub(r'<a href="#/record/[^"]*">|</a>', "", body)
        role = "group" if embedded else "img"
        about = escape(f"{self.title}. {self.subtitle}")
        name = f'role="{role}" aria-label="{about}"'
        head = f'<svg xmlns="http://www.w3.org/2000/svg" class="au" {self._size()} {name} font-family="{escape(FONT)}">'
        style = "" if embedded else f"<style>{dark()}</style>"
        paper = _paint("paper")
        sheet = f'<rect width="{_n(self.width)}" height="{_n(self.height)}"{paper}/>'
        return f"{head}<title>{escape(self.title)}</title>{style}{sheet}{body}</svg>\n"


def dark() -> str:
    rules = "".join(f".f-{name}{{fill:{night}}}.s-{name}{{stroke:{night}}}" for name, (_, night) in COLOURS.items())
    return f"@media (prefers-color-scheme:dark){{{rules}}}"


def themed() -> str:
    """Rules for a page: the pictures in it follow its colours, which are variables there."""
    return "".join(f".au .f-{name}{{fill:var(--{name})}}.au .s-{name}{{stroke:var(--{name})}}" for name in COLOURS)


def colours() -> str:
    """Rules for a page: light, dark by the system, dark by choice."""
    light, night = variables(False), variables(True)
    return (
        f":root{{color-scheme:light;{light}}}"
        f"@media (prefers-color-scheme:dark){{:root:not([data-theme='light']){{color-scheme:dark;{night}}}}}"
        f":root[data-theme='dark']{{color-scheme:dark;{night}}}"
    )


def variables(night: bool) -> str:
    return "".join(f"--{name}:{pair[night]};" for name, pair in COLOURS.items())


def _paint(fill: str = "", stroke: str = "", width: float = 1, dash: str = "") -> str:
    names = " ".join([f"f-{fill}"] * bool(fill) + [f"s-{stroke}"] * bool(stroke))
    made = f' class="{names}" fill="{COLOURS[fill][0] if fill else "none"}"'
    if stroke:
        made += f' stroke="{COLOURS[stroke][0]}" stroke-width="{_n(width)}"' + (f' stroke-dasharray="{dash}"' if dash else "")
    return made


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _through(points: Iterable[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{_n(x)} {_n(y)}" for x, y in points)
