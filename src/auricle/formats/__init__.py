"""What leaves: moments as lists that other programs open, and (``formats.moment``) as sound files of their own.

``write("raven", hits, "dogs.txt")``. One file a format; each turns moments into one text, or into one a recording.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path
from typing import TextIO

from auricle.errors import UsageError
from auricle.formats._rows import Moment, moments_of
from auricle.formats._writing import Document, place, print_to, save

__all__ = ["check", "described", "names", "suffix", "write"]

# format → (module, suffix, what opens it)
_FORMATS = {
    "csv": ("csv", ".csv", "spreadsheets, R, pandas"),
    "jsonl": ("jsonl", ".jsonl", "programs; what `search --json` prints"),
    "raven": ("raven", ".txt", "Raven Pro and Lite: a selection table"),
    "audacity": ("audacity", ".txt", "Audacity: a label track a recording"),
    "kaleidoscope": ("kaleidoscope", ".csv", "Kaleidoscope Pro: results to review"),
    "reaper": ("reaper", ".rpp", "Reaper: a project with the moments on a track"),
    "m3u": ("m3u", ".m3u8", "VLC: a playlist that plays the moments"),
    "srt": ("subtitles", ".srt", "players and editors: subtitles, one file a recording"),
    "vtt": ("subtitles", ".vtt", "browsers: subtitles, one file a recording"),
    "parquet": ("parquet", ".parquet", "pandas, DuckDB, Spark (needs pyarrow)"),
}
_SOUNDS = ("wav", "flac", "ogg")  # the moment itself: formats.moment


def names() -> tuple[str, ...]:
    """The formats of :func:`write`."""
    return tuple(_FORMATS)


def described() -> list[dict[str, str]]:
    """Every format with its suffix and what opens it, lists first, then sounds."""
    lists = [{"name": name, "suffix": ending, "opens": opens} for name, (_, ending, opens) in _FORMATS.items()]
    return lists + [{"name": name, "suffix": f".{name}", "opens": "the moment itself, as a sound file"} for name in _SOUNDS]


def check(name: str) -> None:
    """Raises UsageError, naming the formats and the nearest, when there is no format of that name."""
    if name not in _FORMATS:
        near = difflib.get_close_matches(name.lower(), (*_FORMATS, *_SOUNDS), n=1, cutoff=0.5)
        guess = f"Did you mean {near[0]}? " if near else ""
        raise UsageError(f"there is no format {name!r}.", hint=f"{guess}Formats: {', '.join((*_FORMATS, *_SOUNDS))}.")


def suffix(name: str) -> str:
    """The file suffix that belongs to a format, with its dot."""
    check(name)
    return _FORMATS[name][1]


def write(
    name: str,
    hits: Iterable[object],
    out: str | os.PathLike[str] | TextIO,
    *,
    overwrite: bool = False,
    label: str | None = None,
) -> list[Path]:
    """Write moments in the format ``name``; gives back the files written (none for a text stream).

    hits:  ``results.Hit``s, mappings or objects with ``path``, ``start`` and ``end`` (seconds), and what else is known.
    out:   a file; a folder (then the name is ours); or a text stream. Formats that hold one recording a file (audacity, srt, vtt)
           put several recordings beside ``out``, each with the recording's name added.
    label: what the moments are called; without one, their own ``label``, else the recording's name.

    Files appear whole (written beside, then renamed). Raises UsageError for an unknown format, times that are none, a file that
    exists (without ``overwrite``), or what the format cannot hold; AuricleError when the disk refuses.
    """
    check(name)
    module, ending, _ = _FORMATS[name]
    render: Callable[[list[Moment], str], list[Document]] = import_module(f"{__name__}.{module}").render
    documents = render(moments_of(hits, label), name)
    if not isinstance(out, (str, os.PathLike)):
        print_to(out, documents, name)
        return []
    return save(place(documents, Path(out), ending), overwrite)
