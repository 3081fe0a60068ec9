"""What an item says of where its sound was published: Freesound, YouTube (and from which second), Jamendo.

Most data sets of the field name the same uploads, each in its own way: ``freesound:100032``, ``1-100032-A.wav``, ``100032-3-0-0.wav``,
``https://freesound.org/s/100032``; ``youtube:r1nicOVtvkQ``, ``Yr1nicOVtvkQ.wav``, ``r1nicOVtvkQ_130.wav``; ``jamendo:214``,
``track_0000214``. This reads them all, from an item's clip, id, source, extra and the name of its file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from auricle.data.items import Item, parts_of

Space = Literal["freesound", "youtube", "jamendo"]
TITLE: dict[Space, str] = {"freesound": "Freesound", "youtube": "YouTube", "jamendo": "Jamendo"}
SECONDS = 10.0  # what is cut out of a video where nothing else is told

_SAID = re.compile(r"\b(freesound|youtube|jamendo):(\S+)", re.IGNORECASE)
_ADDRESSES: tuple[tuple[Space, re.Pattern[str]], ...] = (
    ("freesound", re.compile(r"freesound\.org/(?:people/[^/\s]+/)?s(?:ounds)?/(\d+)", re.IGNORECASE)),
    ("youtube", re.compile(r"(?:youtube\.com/(?:watch\?(?:\S*&)?v=|embed/|v/|shorts/)|youtu\.be/)([\w-]{11})(?:\S*?[?&]t=(\d+))?", re.I)),
    ("jamendo", re.compile(r"jamendo\.com/(?:\w\w/)?track/(\d+)", re.IGNORECASE)),
)
_ESC = re.compile(r"\d-(\d+)-[A-Z](?:-\d+)?")  # ESC-50, ESC-10: fold-freesound-take-class
_URBAN = re.compile(r"(\d+)-\d-\d+-\d+")  # UrbanSound8K: freesound-class-occurrence-slice
_NUMBER = re.compile(r"0*(\d+)")
_OF_FREESOUND = re.compile(r"fsd50k|freesound", re.IGNORECASE)  # sets and folders whose files are named by Freesound's number alone
_OF_YOUTUBE = re.compile(r"youtube|audioset|audiocaps|vggsound|musiccaps", re.IGNORECASE)
_TRACK = re.compile(r"(?:track_|jamendo_?)0*(\d+)", re.IGNORECASE)
_JAMENDO = re.compile(r"(?:^|/)(\d\d)/(\d*\1)(?:\.2min|\.low)?$")  # MTG-Jamendo, Song Describer: 14/214.mp3, the folder its last digits
_VIDEO = re.compile(r"Y?(?P<id>[\w-]{11})(?:_(?P<start>\d{1,6}(?:\.\d+)?)(?:_\d+(?:\.\d+)?)?)?")
_SUFFIX = re.compile(r"\.(?:wav|flac|ogg|opus|mp3|mp4|m4a|webm|aif|aiff|npy)$", re.IGNORECASE)
_MILLISECONDS = 10_000  # a start from here on is told in milliseconds: no video of these sets is as long


@dataclass(frozen=True, slots=True)
class Identity:
    """``start``: the second of a video where the item begins; None where it is not told, and for all else."""

    space: Space
    id: str
    start: float | None = None

    @property
    def key(self) -> str:
        return f"{self.space}:{self.id}"

    def __str__(self) -> str:
        return f"{TITLE[self.space]} {self.id}" + (f" from {self.start:g} s" if self.start is not None else "")

    def apart(self, other: Identity) -> bool:
        """Whether both are known to be of other parts of one video."""
        return self.start is not None and other.start is not None and abs(self.start - other.start) >= SECONDS


def identities(item: Item) -> tuple[Identity, ...]:
    """Each upload once, with a start where any of its mentions tells one."""
    found: dict[str, Identity] = {}
    for one in _all(item):
        known = found.get(one.key)
        if known is None or known.start is None:
            found[one.key] = one
    return tuple(found.values())


def _all(item: Item) -> Iterator[Identity]:
    told = _start(item)
    for text in (item.clip, item.id, item.source, *(v for v in item.extra.values() if isinstance(v, str))):
        for match in _SAID.finditer(text):
            yield from _said(match[1].lower(), match[2], told)
        for space, address in _ADDRESSES:
            for match in address.finditer(text):
                at = float(match[2]) if space == "youtube" and match[2] else told
                yield Identity(space, match[1], at if space == "youtube" else None)
    names = [item.id] if item.audio is None else [item.id, _file(item.audio)]
    for name in names:
        yield from _named(name, f"{item.set}/{item.audio or ''}", told)


def _said(space: str, rest: str, told: float | None) -> Iterator[Identity]:
    rest = rest.rstrip(".,;)")
    if space == "youtube":
        match = _VIDEO.fullmatch(rest) if len(rest) != 12 else None  # a set that says so gives the id without the Y
        if match:
            yield Identity("youtube", match["id"], told if told is not None else _seconds(match["start"]))
    elif number := _NUMBER.match(rest):
        yield Identity("freesound" if space == "freesound" else "jamendo", number[1])


def _named(name: str, context: str, told: float | None) -> Iterator[Identity]:
    """By the convention that the name of a file follows, if it follows one."""
    whole = _SUFFIX.sub("", name)
    stem = whole.rpartition("/")[2]
    if match := _ESC.fullmatch(stem) or _URBAN.fullmatch(stem):
        yield Identity("freesound", match[1])
    elif match := _TRACK.fullmatch(stem) or (_JAMENDO.search(whole) if "jamendo" in context.lower() else None):
        yield Identity("jamendo", (match[2] if match.re is _JAMENDO else match[1]).lstrip("0"))
    elif (match := _NUMBER.fullmatch(stem)) and _OF_FREESOUND.search(context):
        yield Identity("freesound", match[1])
    elif (match := _VIDEO.fullmatch(stem)) and (_OF_YOUTUBE.search(context) or _told(stem, match)):
        yield Identity("youtube", match["id"], told if told is not None else _seconds(match["start"]))


def _told(stem: str, match: re.Match[str]) -> bool:
    """Whether a name without anything beside it is that of a video: it says so by its Y or by a start, and looks drawn by chance, as one
    id in seven does not. Eleven signs alone may be ``HiHatFoot-2``."""
    id = match["id"]
    marked = stem.startswith("Y" + id) or (match["start"] is not None and len(match["start"]) > 1)
    inner = id[1:]
    return marked and all(any(map(kind, inner)) for kind in (str.isupper, str.islower, str.isdigit))


def _start(item: Item) -> float | None:
    for key in ("recording_start", "start_time", "start_seconds", "start_s"):
        value = item.extra.get(key)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
        if isinstance(value, str) and re.fullmatch(r"\d+(\.\d+)?", value):
            return float(value)
    return item.start or None  # the whole video, or a file that was cut already and does not say where


def _seconds(text: str | None) -> float | None:
    if not text:
        return None
    value = float(text)
    return value / 1000 if value >= _MILLISECONDS and not text.startswith("0") else value


def _file(audio: str) -> str:
    file, member = parts_of(audio)
    return member or file
