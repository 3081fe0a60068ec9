"""Comma-separated values (RFC 4180, UTF-8), one moment a row.

Spreadsheets run a cell that begins with = + - @ as a formula, and tags come from files of strangers. So text cells that begin so
get an apostrophe before them, as OWASP advises, and relative paths ``./``, which leaves them the same file. Other formats are read
by programs, and hold names exactly.
"""

from __future__ import annotations

import csv
import io

from auricle.formats._rows import Moment, path_bytes, seconds
from auricle.formats._writing import Document
from auricle.results import readable

COLUMNS = (
    *("path", "start", "end", "label", "score", "duration", "rate", "channels"),
    *("tags", "model", "pipeline_id", "path_bytes"),
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def render(moments: list[Moment], name: str) -> list[Document]:
    out = io.StringIO(newline="")
    rows = csv.writer(out)
    rows.writerow(COLUMNS)
    rows.writerows(_row(m) for m in moments)
    return [Document(out.getvalue())]


def _row(m: Moment) -> list[str]:
    path = readable(m.path)
    return [
        f"./{path}" if path.startswith(_FORMULA) else path,
        seconds(m.start),
        seconds(m.end),
        _inert(m.label),
        "" if m.score is None else f"{m.score:.6f}",
        seconds(m.duration) if m.duration else "",
        str(m.rate or ""),
        str(m.channels or ""),
        _inert("; ".join(m.tags)),
        _inert(m.model),
        m.pipeline_id,
        path_bytes(m.path),
    ]


def _inert(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text
