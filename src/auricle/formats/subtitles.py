"""SubRip (.srt) and WebVTT (.vtt): the label while the moment lasts, one file a recording."""

from __future__ import annotations

from auricle.formats._rows import Moment, by_recording, clock
from auricle.formats._writing import Document


def render(moments: list[Moment], name: str) -> list[Document]:
    text = _vtt if name == "vtt" else _srt
    groups = by_recording(moments)
    if len(groups) < 2:
        return [Document(text(next(iter(groups.values()), [])))]
    return [Document(text(group), path) for path, group in groups.items()]


def _srt(moments: list[Moment]) -> str:
    return "\n".join(f"{n}\n{clock(m.start, ',')} --> {clock(m.end, ',')}\n{m.text}\n" for n, m in enumerate(moments, 1))


def _vtt(moments: list[Moment]) -> str:
    cues = (f"\n{clock(m.start)} --> {clock(m.end)}\n{_escaped(m.text)}\n" for m in moments)
    return "WEBVTT\n" + "".join(cues)


def _escaped(text: str) -> str:
    """WebVTT reads & and < as markup, and --> as a time line."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
