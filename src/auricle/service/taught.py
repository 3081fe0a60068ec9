"""Taught heads that a server keeps: read once, fitted anew one at a time, named and never by path."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np

from auricle.errors import ModelError
from auricle.library.store import Store
from auricle.models import taught
from auricle.models.taught import Taught
from auricle.results import readable
from auricle.service.problems import ServiceError

LOCK = threading.RLock()  # held while a head is read, changed and written
_READ: dict[Path, tuple[tuple[int, int], Taught]] = {}
_LOOKED = 50_000  # windows of a library that are looked at for uncertain ones


def path_of(name: str) -> Path:
    return taught.folder() / f"{taught.checked_name(name)}{taught.SUFFIX}"


def exists(name: str) -> bool:
    return path_of(name).is_file()


def version(name: str | None) -> str:
    """Changes whenever the head does."""
    if name is None or not exists(name):
        return ""
    found = path_of(name).stat()
    return f"{found.st_mtime_ns}-{found.st_size}"


def get(name: str) -> Taught:
    """Raises ServiceError ``not_found``, ModelError ``Damaged``."""
    path = path_of(name)
    with LOCK:
        if not path.is_file():
            known = ", ".join(taught.names()[:20])
            raise ServiceError(404, "not_found", "There is no taught head of that name.", hint=f"Taught: {known}." if known else "")
        found = path.stat()
        stamp = (found.st_mtime_ns, found.st_size)
        if path not in _READ or _READ[path][0] != stamp:
            while len(_READ) >= 16:
                _READ.pop(next(iter(_READ)))
            _READ[path] = (stamp, taught.load(path))
        return _READ[path][1]


def usable(name: str | None, model: Any) -> Taught | None:
    """The head, checked against the model that will use it. Raises ServiceError ``not_found``, ``taught_other_model``."""
    if name is None:
        return None
    head = get(name)
    try:
        head.check(model)
    except ModelError as error:
        raise ServiceError(409, "taught_other_model", error.message, hint="Choose a library of that model, or teach it anew.") from None
    return head


def keep(head: Taught) -> Taught:
    with LOCK:
        taught.save(head, path_of(head.name))
    return head


def drop(name: str) -> None:
    with LOCK:
        get(name)
        path_of(name).unlink(missing_ok=True)


def uncertain(store: Store, head: Taught, label: str | None, limit: int) -> list[tuple[int, str, float]]:
    """(window, label, probability) of windows about which the head knows least: nearest to one half, spread over recordings and kinds.

    Moments of which something was said already are left out.
    """
    chosen = [label] if label is not None else list(head.labels)
    places = [place for one in chosen if (place := head.place(one)) is not None]
    ids = store.window_ids()
    if len(ids) > _LOOKED:
        ids = ids[np.linspace(0, len(ids) - 1, _LOOKED).astype(np.int64)]
    if not len(ids) or not places:
        return []
    odds = np.concatenate([head.log_odds(store.vectors(ids[at : at + 8192])) for at in range(0, len(ids), 8192)])[:, places]
    which = np.abs(odds).argmin(axis=1)
    value = odds[np.arange(len(ids)), which]
    order = np.argsort(np.abs(value), kind="stable")[: max(400, 20 * limit)]
    rows = {row.window_id: row for row in store.hydrate(ids[order])}
    vectors = store.vectors(ids[order])
    said: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for i, e in enumerate(head.examples.items):
        for c in np.flatnonzero(head.examples.truth[i] >= 0):
            said.setdefault((readable(e.path), head.labels[c]), []).append((e.start, e.end))
    picked: list[int] = []
    seen: set[int] = set()
    for fresh in (True, False):  # first one moment a recording, each unlike the others; then whatever else is uncertain
        for at in range(len(order)):
            row = rows.get(int(ids[order[at]]))
            if row is None or at in picked or len(picked) >= limit:
                continue
            name = head.labels[places[which[order[at]]]]
            spans = said.get((readable(row.path), name), [])
            if any(min(end, row.end) - max(start, row.start) > 0.3 * (row.end - row.start) for start, end in spans):
                continue
            alike = float((vectors[picked] @ vectors[at]).max()) if picked else 0.0
            if alike > (0.9 if fresh else 0.98) or (fresh and row.content_id in seen):
                continue
            picked.append(at)
            seen.add(row.content_id)
    picked.sort()
    chance = 1.0 / (1.0 + np.exp(-np.clip(value, -40, 40)))
    return [(int(ids[order[at]]), head.labels[places[which[order[at]]]], float(chance[order[at]])) for at in picked]
