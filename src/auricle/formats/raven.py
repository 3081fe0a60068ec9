"""A selection table of Raven Pro and Lite: tab-separated, one selection a row.

Raven lays the files of a table end to end: ``Begin Time (s)`` runs over all of them in the order of the rows, ``File Offset (s)``
within the file that ``Begin Path`` names. Raven knows no quotes, so a cell has them only where nothing else would do (a tab or a
line break inside it, a quote before it).
"""

from __future__ import annotations

import os
from pathlib import PurePath

from auricle.errors import UsageError
from auricle.formats._rows import Moment, by_recording, seconds
from auricle.formats._writing import Document
from auricle.results import readable

COLUMNS = (
    *("Selection", "View", "Channel", "Begin Time (s)", "End Time (s)", "Low Freq (Hz)", "High Freq (Hz)"),
    *("Begin Path", "Begin File", "File Offset (s)", "Label", "Score"),
)
_UNKNOWN_TOP = 20_000.0  # Hz; the selection's upper edge when the recording's rate is not known


def render(moments: list[Moment], name: str) -> list[Document]:
    groups = by_recording(moments)
    rows = [list(COLUMNS)]
    begun = 0.0
    for path, group in groups.items():
        duration = max(m.duration for m in group)
        if not duration and len(groups) > 1:
            text = f"a Raven table of several recordings needs their durations, and that of {readable(path)} is not known."
            raise UsageError(text, hint="Export search results, or one recording at a time.")
        rows += [_row(m, begun, len(rows) + i) for i, m in enumerate(group)]
        begun += duration
    return [Document("".join("\t".join(map(_cell, row)) + "\n" for row in rows))]


def _row(m: Moment, begun: float, number: int) -> list[str]:
    path = readable(os.path.abspath(m.path))
    return [
        str(number),
        "Spectrogram 1",
        "1",
        seconds(begun + m.start),
        seconds(begun + m.end),
        "0",
        seconds(m.rate / 2 if m.rate else _UNKNOWN_TOP),
        path,
        PurePath(path).name,
        seconds(m.start),
        m.label,
        "" if m.score is None else f"{m.score:.6f}",
    ]


def _cell(text: str) -> str:
    if text.startswith('"') or any(c in text for c in "\t\r\n"):
        return '"' + text.replace('"', '""') + '"'
    return text
