"""An extended M3U8 playlist: each entry plays one moment (VLC obeys start-time and stop-time; others play the whole file)."""

from __future__ import annotations

import os
from pathlib import PurePath

from auricle.formats._rows import Moment, clock, one_line, seconds
from auricle.formats._writing import Document
from auricle.results import readable


def render(moments: list[Moment], name: str) -> list[Document]:
    return [Document("#EXTM3U\n" + "".join(map(_entry, moments)))]


def _entry(m: Moment) -> str:
    title = f"{one_line(m.label)} · {one_line(readable(PurePath(m.path).name))} · {clock(m.start)}"
    span = f"#EXTVLCOPT:start-time={seconds(m.start)}\n#EXTVLCOPT:stop-time={seconds(m.end)}\n"
    return f"#EXTINF:{max(1, round(m.length))},{title}\n{span}{location(m.path)}\n"


def location(path: str) -> str:
    """An absolute path as it is, or as a ``file://`` address where a line of text could not hold it."""
    full = os.path.abspath(path)
    plain = readable(full) == full and one_line(full) == full
    return full if plain else PurePath(full).as_uri()
