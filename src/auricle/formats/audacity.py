"""Audacity labels: ``start<TAB>end<TAB>text`` a line, one file a recording (File → Import → Labels)."""

from __future__ import annotations

from auricle.formats._rows import Moment, by_recording
from auricle.formats._writing import Document


def render(moments: list[Moment], name: str) -> list[Document]:
    groups = by_recording(moments)
    if len(groups) < 2:
        return [Document("".join(map(_line, *groups.values())) if groups else "")]
    return [Document("".join(map(_line, group)), path) for path, group in groups.items()]


def _line(m: Moment) -> str:
    return f"{m.start:.6f}\t{m.end:.6f}\t{m.text}\n"
