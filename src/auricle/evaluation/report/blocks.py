"""What a report is made of, before it is HTML or Markdown: both are written from the same parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Tone = Literal["", "dim", "amber", "brick"]


@dataclass(frozen=True, slots=True)
class Sound:
    """A piece of sound to listen to. ``data``: Ogg Opus in base64; ``wave``: its outline, drawn."""

    name: str
    data: str
    seconds: float
    wave: str


@dataclass(frozen=True, slots=True)
class Cell:
    """``beside``: said in a lower voice after ``text``. ``drawn``: an SVG that shows the same; Markdown leaves it out."""

    text: str = ""
    beside: str = ""
    drawn: str = ""
    tone: Tone = ""
    strong: bool = False
    to: str = ""  # the section that it leads to
    sound: Sound | None = None


@dataclass(frozen=True, slots=True)
class Column:
    title: str
    number: bool = False
    about: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """``foot``: protocol and hashes. The first cell of a row names it."""

    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    foot: Sequence[str] = ()

    def filled(self, *, drawn: bool) -> list[int]:
        """The columns that have something in them; ``drawn``: a picture is something."""
        cells = zip(*self.rows, strict=True) if self.rows else ([Cell("-")] for _ in self.columns)
        return [i for i, column in enumerate(cells) if any(c.text or c.beside or (drawn and c.drawn) for c in column)]


@dataclass(frozen=True, slots=True)
class Figure:
    """``numbers``: what is drawn, as a table, for who cannot see it and for Markdown."""

    title: str
    drawn: str
    caption: str
    numbers: Table


@dataclass(frozen=True, slots=True)
class Figures:
    title: str
    figures: Sequence[Figure]


@dataclass(frozen=True, slots=True)
class Words:
    text: str


@dataclass(frozen=True, slots=True)
class Code:
    text: str


@dataclass(frozen=True, slots=True)
class Notices:
    """What must be known before a number is believed: (tone, where, what)."""

    notices: Sequence[tuple[Tone, str, str]]


@dataclass(frozen=True, slots=True)
class Fold:
    """Opened when wanted."""

    title: str
    beside: str
    blocks: Sequence[Block]
    open: bool = False


Block = Table | Figures | Words | Code | Notices | Fold


@dataclass(frozen=True, slots=True)
class Section:
    id: str
    title: str
    lede: str
    blocks: Sequence[Block]
    tags: Sequence[str] = ()
    part: str = ""  # the heading in the contents that it stands below


@dataclass(frozen=True, slots=True)
class Report:
    title: str
    lede: str
    sections: Sequence[Section]
