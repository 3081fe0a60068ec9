"""A Reaper project: the moments one after another on a track, each an item that plays its part of the recording, with a marker.

An .RPP file is lines of words inside ``<NAME … >`` blocks. A word with spaces stands in double, single or back quotes, whichever it
does not contain; there is no escape, so text with all three loses its back quotes, and such a path cannot be held at all.
"""

from __future__ import annotations

import os
from pathlib import PurePath

from auricle.errors import UsageError
from auricle.formats._rows import Moment, one_line, seconds
from auricle.formats._writing import Document
from auricle.results import readable

GAP_SECONDS = 1.0
_FADE_SECONDS = 0.01
_SOURCES = {  # suffix → Reaper's name of the decoder; the rest goes to its video decoder, which reads most things
    **dict.fromkeys((".wav", ".wave", ".rf64", ".w64", ".aif", ".aiff", ".aifc", ".caf"), "WAVE"),
    **dict.fromkeys((".ogg", ".oga"), "VORBIS"),
    ".flac": "FLAC",
    ".mp3": "MP3",
    ".opus": "OPUS",
    ".wv": "WAVPACK",
}


def render(moments: list[Moment], name: str) -> list[Document]:
    markers, items = [], []
    at = 0.0
    for number, m in enumerate(moments, 1):
        markers.append(f"  MARKER {number} {seconds(at)} {word(m.text)} 0")
        items += _item(m, at)
        at += m.length + GAP_SECONDS
    track = ["  <TRACK", '    NAME "auricle"', *items, "  >"]
    lines = ['<REAPER_PROJECT 0.1 "7.0" 0', "  RIPPLE 0", "  TEMPO 120 4 4", *markers, *track, ">"]
    return [Document("\n".join(lines) + "\n")]


def _item(m: Moment, at: float) -> list[str]:
    path = PurePath(os.path.abspath(m.path))
    length = m.length or _FADE_SECONDS  # an item of no length would not show
    fade = min(_FADE_SECONDS, length / 2)
    return [
        "    <ITEM",
        f"      POSITION {seconds(at)}",
        f"      LENGTH {seconds(length)}",
        "      LOOP 0",
        f"      FADEIN 1 {seconds(fade)} 0",
        f"      FADEOUT 1 {seconds(fade)} 0",
        f"      NAME {word(one_line(readable(path.name)))}",
        f"      SOFFS {seconds(m.start)}",
        f"      <SOURCE {_SOURCES.get(path.suffix.lower(), 'VIDEO')}",
        f"        FILE {_file(str(path))}",
        "      >",
        "    >",
    ]


def word(text: str) -> str:
    """One word of a line, always quoted."""
    for quote in "\"'`":
        if quote not in text:
            return f"{quote}{text}{quote}"
    return "`" + text.replace("`", "'") + "`"


def _file(path: str) -> str:
    lines = len(f"{path}.".splitlines())  # the dot makes a line break at the end count
    if lines > 1 or all(quote in path for quote in "\"'`"):
        raise UsageError(
            f"a Reaper project cannot hold the name {readable(path)!r}.",
            hint="Rename that file (line breaks, or all three kinds of quotes).",
        )
    return word(path)
