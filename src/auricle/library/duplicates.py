"""Recordings that hold the same sound: the same bytes, or nearly the same vectors all along."""

from __future__ import annotations

import json
import os
from typing import Any, Literal

import numpy as np

from auricle.library.rows import Recording
from auricle.library.store import Store
from auricle.results import DuplicateGroup

Kind = Literal["exact", "near"]

_NEIGHBOURS = 16  # contents looked at a content
_STRETCH = 0.02  # durations of copies differ by so much at most …
_SLACK = 0.3  # … plus so many seconds (encoder delay, trimmed silence)


def duplicates(store: Store, *, threshold: float = 0.995, exact_only: bool = False) -> list[DuplicateGroup]:
    """Groups of recordings, largest similarity first.

    Exact: byte-identical files. Near: contents of like duration whose windows, one by one in time, have a mean similarity of
    at least ``threshold``: another encoding, rate, level or channel count of the same sound.
    """
    paths: dict[int, list[str]] = {}
    for recording in store.recordings():
        if recording.vanished_at is None:
            paths.setdefault(recording.content_id, []).append(recording.path)
    lengths = {content: duration for content, _, duration, _ in store.contents()}
    groups = []
    for content, same in paths.items():
        if len(same) > 1:
            groups.append(_group(store, "exact", 1.0, [(p, lengths[content]) for p in same]))
    if not exact_only:
        for members, similarity in _near(store, [c for c in paths if c in lengths], lengths, threshold):
            groups.append(_group(store, "near", similarity, [(p, lengths[c]) for c in members for p in paths[c]]))
    return sorted(groups, key=lambda g: (g.kind != "exact", -g.similarity, g.paths))


def duplicates_of(store: Store, recording: Recording, *, threshold: float = 0.995) -> list[tuple[int, str, float, Kind, float]]:
    """Other recordings with the sound of one: (id, path, duration, kind, similarity), the likeliest first."""
    own = np.array([w[0] for w in store.windows_of(recording.content_id)], dtype=np.int64)
    similarity: dict[int, float] = {}
    if len(own):
        mean = store.vectors(own).mean(axis=0)
        _, near = store.nearest(mean / max(float(np.linalg.norm(mean)), 1e-12), 50 * _NEIGHBOURS)
        others = dict(
            store.query(
                "SELECT DISTINCT c.id, c.duration FROM json_each(?) j JOIN windows w ON w.id = j.value "
                "JOIN contents c ON c.id = w.content_id",
                json.dumps(near[0][near[0] >= 0].tolist()),
            )
        )
        for content, duration in others.items():
            if content != recording.content_id and _like_long(recording.duration, duration):
                windows = np.array([w[0] for w in store.windows_of(content)], dtype=np.int64)
                if len(windows) and (value := _aligned(store, own, windows)) >= threshold:
                    similarity[content] = value
    found = store.query(
        "SELECT r.id, r.path, c.duration, c.id FROM recordings r JOIN contents c ON c.id = r.content_id "
        "WHERE r.vanished_at IS NULL AND r.id <> ? AND c.id IN (SELECT value FROM json_each(?))",
        recording.id, json.dumps([recording.content_id, *similarity]),
    )  # fmt: skip
    rows: list[tuple[int, str, float, Kind, float]] = [
        (i, os.fsdecode(path), seconds, "exact" if c == recording.content_id else "near", similarity.get(c, 1.0))
        for i, path, seconds, c in found
    ]
    return sorted(rows, key=lambda row: (row[3] != "exact", -row[4], row[1]))


def _like_long(a: float, b: float) -> bool:
    return abs(a - b) <= _STRETCH * a + _SLACK


def _group(store: Store, kind: str, similarity: float, members: list[tuple[str, float]]) -> DuplicateGroup:
    members = sorted(members)
    return DuplicateGroup(kind, similarity, tuple(p for p, _ in members), tuple(d for _, d in members), store.model, store.pipeline_id)


def _near(store: Store, contents: list[int], lengths: dict[int, float], threshold: float) -> list[tuple[list[int], float]]:
    """Connected groups of near-identical contents with the lowest similarity that joins each."""
    import faiss

    windows = {c: np.array([w[0] for w in store.windows_of(c)], dtype=np.int64) for c in contents}
    contents = [c for c in contents if len(windows[c])]
    if len(contents) < 2:
        return []
    means = np.stack([store.vectors(windows[c]).mean(axis=0) for c in contents])
    means /= np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-12)
    index: Any = faiss.IndexFlatIP(store.dim)
    index.add(means)
    scores, found = index.search(means, min(_NEIGHBOURS, len(contents)))
    parent = {c: c for c in contents}
    weakest: dict[int, float] = {}

    def root(content: int) -> int:
        while parent[content] != content:
            content = parent[content]
        return content

    for i, c in enumerate(contents):
        for score, j in zip(scores[i], found[i], strict=True):
            other = contents[int(j)]
            if j == i or score < threshold - 0.01 or not _like_long(lengths[c], lengths[other]):
                continue
            similarity = _aligned(store, windows[c], windows[other])
            if similarity >= threshold and root(c) != root(other):
                a, b = root(c), root(other)
                weakest[a] = min(similarity, weakest.get(a, 1.0), weakest.get(b, 1.0))
                parent[b] = a
    groups: dict[int, list[int]] = {}
    for c in contents:
        groups.setdefault(root(c), []).append(c)
    return [(members, weakest[top]) for top, members in groups.items() if len(members) > 1]


def _aligned(store: Store, a: np.ndarray[Any, np.dtype[np.int64]], b: np.ndarray[Any, np.dtype[np.int64]]) -> float:
    """Mean similarity of windows at the same place in both."""
    n = min(len(a), len(b))
    return float((store.vectors(a[:n]) * store.vectors(b[:n])).sum(axis=1).mean())
