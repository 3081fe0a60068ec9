"""Results that Kaleidoscope Pro opens for review (File → Open Results): the finding under ``AUTO ID``, ``MANUAL ID`` for a person."""

from __future__ import annotations

import csv
import io
import os
from pathlib import PurePath

from auricle.formats._rows import Moment, seconds
from auricle.formats._writing import Document
from auricle.results import readable

COLUMNS = ("INDIR", "FOLDER", "IN FILE", "CHANNEL", "OFFSET", "DURATION", "AUTO ID", "MATCH RATIO", "MANUAL ID")


def render(moments: list[Moment], name: str) -> list[Document]:
    paths = [os.path.abspath(m.path) for m in moments]
    root = _common([os.path.dirname(path) for path in paths])
    out = io.StringIO(newline="")
    rows = csv.writer(out)
    rows.writerow(COLUMNS)
    rows.writerows(_row(m, PurePath(path), root) for m, path in zip(moments, paths, strict=True))
    return [Document(out.getvalue())]


def _common(folders: list[str]) -> str:
    """The deepest folder above all of them; nothing when they share none (several drives)."""
    try:
        return os.path.commonpath(folders)
    except ValueError:
        return ""


def _row(m: Moment, path: PurePath, root: str) -> list[str]:
    folder = os.path.relpath(path.parent, root) if root else str(path.parent)
    score = "" if m.score is None else f"{m.score:.6f}"
    name = readable(path.name)
    return [readable(root), "" if folder == "." else readable(folder), name, "0", seconds(m.start), seconds(m.length), m.label, score, ""]
