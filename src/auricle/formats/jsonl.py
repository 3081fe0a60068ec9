"""JSON lines: what ``search --json`` prints, with the label; it can be piped back into ``auricle export``."""

from __future__ import annotations

import json
from typing import Any

from auricle.formats._rows import Moment, path_bytes
from auricle.formats._writing import Document
from auricle.results import Hit, as_json, readable


def render(moments: list[Moment], name: str) -> list[Document]:
    return [Document("".join(json.dumps(_line(m), ensure_ascii=False, allow_nan=False) + "\n" for m in moments))]


def _line(m: Moment) -> dict[str, Any]:
    if isinstance(m.source, Hit):
        return {**as_json(m.source), "label": m.label}
    line: dict[str, Any] = {"path": readable(m.path), "start": round(m.start, 6), "end": round(m.end, 6), "label": m.label}
    if m.score is not None:
        line["score"] = round(m.score, 6)
    if exact := path_bytes(m.path):
        line["path_bytes"] = exact
    known = {"duration": m.duration, "rate": m.rate, "channels": m.channels, "tags": list(m.tags), "parts": dict(m.parts)}
    return line | {key: value for key, value in known.items() if value}
