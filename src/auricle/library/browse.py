"""Look through a library without a question: filters as lists of values, pages of recordings, counts value by value."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from auricle.errors import UsageError
from auricle.library import rows
from auricle.library.rows import Recording
from auricle.library.store import Store
from auricle.library.where import Compiled, compile_where

# Upper ends of the ranges of duration that are counted, seconds.
DURATIONS = (1.0, 5.0, 30.0, 120.0, 600.0)
SORTS = {
    "path": "r.display, r.id", "name": "r.name COLLATE NOCASE, r.id", "added": "r.added_at, r.id", "duration": "c.duration, r.id",
    "rate": "c.rate, r.id",
}  # fmt: skip
_LARGEST = 1 << 62  # beyond it SQLite holds no integer, and no recording has such a rate
_TAG_VALUES = 200  # of one facet, at most


@dataclass(frozen=True, slots=True)
class Filter:
    """Which recordings count. Values of one field are alternatives (of tags all must be there); all fields must hold."""

    folder: Sequence[str] = ()
    format: Sequence[str] = ()
    rate: Sequence[int] = ()
    channels: Sequence[int] = ()
    tag: Sequence[str] = ()
    min_duration: float | None = None
    max_duration: float | None = None
    where: str | None = None
    name: str | None = None

    def __bool__(self) -> bool:
        lists = self.folder, self.format, self.rate, self.channels, self.tag
        return any(lists) or any(end is not None for end in (self.min_duration, self.max_duration)) or bool(self.where or self.name)

    def without(self, field: str) -> Filter:
        """The same but for one field ("duration": both ends)."""
        if field == "duration":
            return replace(self, min_duration=None, max_duration=None)
        empty: dict[str, Any] = {field: ()}
        return replace(self, **empty)


@dataclass(frozen=True, slots=True)
class Facets:
    """Value → count of each field, most first; each as if its own field were not filtered."""

    total: int
    fields: dict[str, list[tuple[str, int]]]


def compiled(chosen: Filter) -> Compiled:
    """The condition on ``recordings r JOIN contents c``. Raises UsageError for a ``where`` that cannot be read."""
    clauses: list[str] = []
    parameters: list[str | int | float] = []

    def add(sql: str, *values: str | float) -> None:
        clauses.append(sql)
        parameters.extend(values)

    if chosen.folder:
        folders = [f.rstrip("/") or "/" for f in chosen.folder]
        one = "(r.folder = ? OR substr(r.folder, 1, ?) = ?)"
        below = [f if f == "/" else f + "/" for f in folders]
        add(
            "(" + " OR ".join([one] * len(folders)) + ")",
            *[value for f, b in zip(folders, below, strict=True) for value in (f, len(b), b)],
        )
    for column, values in (("c.format", chosen.format), ("c.rate", chosen.rate), ("c.channels", chosen.channels)):
        if values:
            known = [v for v in values if not isinstance(v, int) or abs(v) < _LARGEST]
            add(f"{column} IN ({', '.join('?' * len(known))})", *known)
    for tag in chosen.tag:
        add(
            "(EXISTS (SELECT 1 FROM tags t WHERE t.recording_id = r.id AND fold(t.value) = ?) "
            "OR EXISTS (SELECT 1 FROM tags t WHERE t.content_id = c.id AND fold(t.value) = ?))",
            *[tag.casefold()] * 2,
        )
    if chosen.min_duration is not None:
        add("c.duration >= ?", chosen.min_duration)
    if chosen.max_duration is not None:
        add("c.duration < ?", chosen.max_duration)
    if chosen.name:
        add("instr(fold(r.name), ?) > 0", chosen.name.casefold())
    if chosen.where and chosen.where.strip():
        inner = compile_where(chosen.where)
        add(f"({inner.sql})", *inner.parameters)
    return Compiled(" AND ".join(clauses) or "1", tuple(parameters))


def page(store: Store, chosen: Filter, *, sort: str = "path", offset: int = 0, limit: int = 100) -> tuple[list[Recording], int]:
    """Recordings ``offset`` … ``offset + limit`` with their tags, and how many there are in all.

    sort: a key of :data:`SORTS`, with "-" before it for the other way round. Raises UsageError.
    """
    order = SORTS.get(sort.removeprefix("-"))
    if order is None:
        raise UsageError(f"cannot sort by {sort!r}.", hint=f"Sort by {', '.join(SORTS)}, or with a minus before it.")
    if sort.startswith("-"):
        order = ", ".join(f"{part} DESC" for part in order.split(", "))
    where = compiled(chosen)
    found = store.query(
        f"SELECT r.id FROM recordings r JOIN contents c ON c.id = r.content_id WHERE {where.sql} ORDER BY {order} LIMIT ? OFFSET ?",
        *where.parameters, limit, offset,
    )  # fmt: skip
    total = store.query(f"SELECT count(*) FROM recordings r JOIN contents c ON c.id = r.content_id WHERE {where.sql}", *where.parameters)
    return recordings(store, [row[0] for row in found]), total[0][0]


def recordings(store: Store, ids: Sequence[int]) -> list[Recording]:
    """Recordings by id with their tags, in the order asked; ids that are gone are left out."""
    found = store.query(f"{rows.SELECT_RECORDINGS} WHERE r.id IN (SELECT value FROM json_each(?))", json.dumps(list(ids)))
    by_id = {row[0]: row for row in found}
    tags = store.tags([row[1] for row in found], [row[0] for row in found])
    return [
        rows.to_recording(row, tags.get(("r", i), ()) + tags.get(("c", row[1]), ()))
        for i in ids
        if (row := by_id.get(i)) is not None
    ]  # fmt: skip


def facets(store: Store, chosen: Filter) -> Facets:
    """Counts for a rail of filters."""
    counted: dict[str, list[tuple[str, int]]] = {
        field: [(str(value), n) for value, n in _grouped(store, chosen.without(field), column)]
        for field, column in (("format", "c.format"), ("rate", "c.rate"), ("channels", "c.channels"))
    }
    counted["folder"] = _folders(_grouped(store, chosen.without("folder"), "r.folder"), _roots(store))
    counted["duration"] = _durations(store, chosen.without("duration"))
    counted["tag"] = _tags(store, chosen)
    where = compiled(chosen)
    total = store.query(f"SELECT count(*) FROM recordings r JOIN contents c ON c.id = r.content_id WHERE {where.sql}", *where.parameters)
    return Facets(total[0][0], counted)


def _grouped(store: Store, chosen: Filter, column: str) -> list[tuple[str | int, int]]:
    where = compiled(chosen)
    return store.query(
        f"SELECT {column}, count(*) AS n FROM recordings r JOIN contents c ON c.id = r.content_id WHERE {where.sql} "
        f"GROUP BY {column} ORDER BY n DESC, {column} LIMIT 2000",
        *where.parameters,
    )


def _roots(store: Store) -> set[str]:
    """Folders that were indexed; of a file, the one that it lies in."""
    found = store.query("SELECT path, is_file FROM roots")
    paths = [(path.decode("utf-8", "replace"), is_file) for path, is_file in found]
    return {os.path.dirname(path) if is_file else path for path, is_file in paths}


def _folders(direct: list[tuple[str | int, int]], roots: set[str]) -> list[tuple[str, int]]:
    """Folders with all that lies below them, from those that were indexed on down."""
    below: Counter[str] = Counter()
    for folder, n in direct:
        at = str(folder)
        below[at] += n
        while at not in roots and (parent := os.path.dirname(at)) != at:
            at = parent
            below[at] += n
    inside = [f for f in below if any(f == root or f.startswith(root.rstrip("/") + "/") for root in roots)]
    return sorted((f, below[f]) for f in (inside or [str(folder) for folder, _ in direct]))[:500]


def _durations(store: Store, chosen: Filter) -> list[tuple[str, int]]:
    where = compiled(chosen)
    ends = (0.0, *DURATIONS)
    names = [f"{low:g}-{high}" for low, high in zip(ends, [*(f"{d:g}" for d in DURATIONS), ""], strict=True)]
    cases = " ".join(f"WHEN c.duration < {end} THEN {i}" for i, end in enumerate(DURATIONS))
    found = dict(
        store.query(
            f"SELECT CASE {cases} ELSE {len(DURATIONS)} END AS k, count(*) FROM recordings r JOIN contents c ON c.id = r.content_id "
            f"WHERE {where.sql} GROUP BY k",
            *where.parameters,
        )
    )
    return [(name, found[i]) for i, name in enumerate(names) if i in found]


def _tags(store: Store, chosen: Filter) -> list[tuple[str, int]]:
    """Tags of the recordings chosen: those that people gave first, then the commonest; the words of names are no facet."""
    where = compiled(chosen)
    found = store.query(
        "SELECT value, count(DISTINCT id) AS n, max(user) AS given FROM ("
        "SELECT t.value, r.id, t.source = 'user' AS user FROM recordings r JOIN contents c ON c.id = r.content_id "
        f"JOIN tags t ON t.recording_id = r.id WHERE (t.source = 'user' OR t.key = 'ucs.category') AND {where.sql} UNION ALL "
        "SELECT t.value, r.id, 0 FROM recordings r JOIN contents c ON c.id = r.content_id "
        f"JOIN tags t ON t.content_id = c.id WHERE t.key IN ('genre', 'artist', 'keywords', 'guano.species') AND {where.sql}) "
        "GROUP BY value ORDER BY given DESC, n DESC, value LIMIT ?",
        *where.parameters, *where.parameters, _TAG_VALUES,
    )  # fmt: skip
    return [(value, n) for value, n, _ in found]
