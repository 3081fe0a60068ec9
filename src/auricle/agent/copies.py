"""Other recordings of a library that hold the sound of one: the same bytes, or another encoding of it."""

from __future__ import annotations

import json
from typing import Literal

import numpy as np

from auricle.agent.desk import Desk
from auricle.agent.results import Copy
from auricle.library.rows import Recording
from auricle.library.store import Store

_ASKED = 6  # windows that look for near copies
_NEIGHBOURS = 32  # of each
_NEAR = 0.995


def copies(desk: Desk, recording: Recording, limit: int) -> list[Copy]:
    """Exact copies first, then near ones by similarity, at most ``limit``."""
    store = desk.store
    found = [(1.0, recording.content_id), *_near(store, recording)]
    listed = []
    for similarity, content in found:
        for number, path in _places(store, content):
            if number != recording.id:
                kind: Literal["exact", "near"] = "exact" if content == recording.content_id else "near"
                rounded = round(min(1.0, similarity), 4)
                listed.append(Copy(recording_id=number, kind=kind, similarity=rounded, untrusted_path=desk.place(path)))
    return listed[:limit]


def _places(store: Store, content: int) -> list[tuple[int, str]]:
    return [(row[0], row[1]) for row in store.query("SELECT id, display FROM recordings WHERE content_id = ? ORDER BY id", content)]


def _near(store: Store, recording: Recording) -> list[tuple[float, int]]:
    """(similarity, content) of contents of like duration whose windows, one by one in time, are nearly the same."""
    windows = [w[0] for w in store.windows_of(recording.content_id)]
    if not windows:
        return []
    asked = [windows[i] for i in sorted({round(x) for x in np.linspace(0, len(windows) - 1, _ASKED)})]
    scores, ids = store.nearest(store.vectors(asked), _NEIGHBOURS)
    close = np.unique(ids[(scores >= _NEAR - 0.02) & (ids >= 0)])
    rows = store.query(
        "SELECT DISTINCT c.id, c.duration FROM json_each(?) j JOIN windows w ON w.id = j.value JOIN contents c ON c.id = w.content_id "
        "WHERE c.id <> ?",
        json.dumps(close.tolist()), recording.content_id,
    )  # fmt: skip
    found = []
    for content, duration in rows:
        if abs(duration - recording.duration) > 0.02 * recording.duration + 0.3:
            continue
        others = [w[0] for w in store.windows_of(content)]
        n = min(len(windows), len(others))
        similarity = float((store.vectors(windows[:n]) * store.vectors(others[:n])).sum(axis=1).mean())
        if similarity >= _NEAR:
            found.append((similarity, content))
    return sorted(found, reverse=True)
