"""Tags that people give. They are small, and must not wait for a long index run: a transaction of their own beside the writer's.

The writer's lock guards vector segments; tags touch none, so SQLite's own lock is enough. It is held by a running index for the length of
one batch, a few seconds at most.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from auricle import _faults
from auricle.errors import LibraryError, UsageError
from auricle.library import schema
from auricle.library.names import index_fields
from auricle.library.store import Store
from auricle.library.words import index_name

KEY, SOURCE = "tag", "user"
MAX_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Change:
    """What one tag really did: ids of recordings that gained it, and of those that lost it."""

    tag: str
    added: tuple[int, ...]
    removed: tuple[int, ...]


def clean(tag: str) -> str:
    """A tag as it is kept: one line, no space around. Raises UsageError for an empty or a very long one."""
    text = " ".join(tag.encode("utf-8", "replace").decode("utf-8").replace("\x00", " ").split())
    if not text:
        raise UsageError("a tag is empty.", hint="Give a word.")
    if len(text) > MAX_LENGTH:
        raise UsageError(f"a tag is longer than {MAX_LENGTH} characters.", hint="Give a word or two.")
    return text


def change(
    store: Store, recordings: Sequence[int], *, add: Sequence[str] = (), remove: Sequence[str] = (), model: Any = None
) -> list[Change]:
    """Give and take tags; all of it or nothing. Tags differ by letters, not by case.

    model: embeds what the new names and tags mean, so that search by meaning knows them at once.

    Raises UsageError, LibraryError (NotFound when a recording is unknown, ReadOnly, Busy, DiskFull).
    """
    wanted, unwanted = [clean(t) for t in add], [clean(t) for t in remove]
    if both := {t.casefold() for t in wanted} & {t.casefold() for t in unwanted}:
        raise UsageError(f"the tag {min(both)!r} is to be added and removed.")
    ids = sorted(set(recordings))
    with transaction(store) as db:
        known = {row[0] for row in db.execute("SELECT id FROM recordings WHERE id IN (SELECT value FROM json_each(?))", (json.dumps(ids),))}
        if missing := [i for i in ids if i not in known]:
            raise LibraryError(
                "NotFound", f"recording {missing[0]} is not in this library.", hint="It may have been removed; search again."
            )
        changes = [Change(tag, tuple(_add(db, ids, tag)), ()) for tag in wanted] + [
            Change(tag, (), tuple(_remove(db, ids, tag))) for tag in unwanted
        ]
        touched = sorted({i for c in changes for i in (*c.added, *c.removed)})
        for recording in touched:
            _index(db, recording)
        _faults.point("tagging.before")
        if touched and getattr(model, "has_sentences", False):
            _embed(db, touched, model)
    store.refresh()
    return [c for c in changes if c.added or c.removed]


def given(store: Store, prefix: str = "", limit: int = 100) -> list[tuple[str, int]]:
    """Tags that people gave and how many recordings carry each, most first."""
    like = prefix.casefold()
    found = store.query(
        "SELECT value, count(*) AS n FROM tags WHERE source = ? AND substr(fold(value), 1, ?) = ? "
        "GROUP BY value ORDER BY n DESC, value LIMIT ?",
        SOURCE, len(like), like, limit,
    )  # fmt: skip
    return [(value, n) for value, n in found]


def copy(source: Store, target: Store) -> int:
    """Give recordings of ``target`` the tags that people gave the same paths in ``source``; gives how many were carried over."""
    found = source.query(
        "SELECT r.path, t.value FROM tags t JOIN recordings r ON r.id = t.recording_id WHERE t.source = ? ORDER BY t.id", SOURCE
    )
    carried = 0
    with transaction(target) as db:
        for path, tag in found:
            row = db.execute("SELECT id FROM recordings WHERE path = ?", (path,)).fetchone()
            if row is not None and _add(db, [row[0]], tag):
                _index(db, row[0])
                carried += 1
    target.refresh()
    return carried


def _add(db: sqlite3.Connection, ids: Sequence[int], tag: str) -> list[int]:
    have = _holders(db, ids, tag)
    new = [i for i in ids if i not in have]
    db.executemany("INSERT INTO tags (recording_id, key, value, source) VALUES (?, ?, ?, ?)", [(i, KEY, tag, SOURCE) for i in new])
    return new


def _remove(db: sqlite3.Connection, ids: Sequence[int], tag: str) -> list[int]:
    have = _holders(db, ids, tag)
    db.execute("DELETE FROM tags WHERE id IN (SELECT value FROM json_each(?))", (json.dumps(list(have.values())),))
    return sorted(have)


def _holders(db: sqlite3.Connection, ids: Sequence[int], tag: str) -> dict[int, int]:
    """Recording → id of its row for this tag."""
    rows = db.execute(
        "SELECT recording_id, id, value FROM tags WHERE source = ? AND recording_id IN (SELECT value FROM json_each(?))",
        (SOURCE, json.dumps(list(ids))),
    )
    return {recording: row for recording, row, value in rows if value.casefold() == tag.casefold()}


def _index(db: sqlite3.Connection, recording: int) -> None:
    path, content = db.execute("SELECT display, content_id FROM recordings WHERE id = ?", (recording,)).fetchone()
    tags = db.execute("SELECT key, value FROM tags WHERE content_id = ? OR recording_id = ? ORDER BY id", (content, recording)).fetchall()
    index_name(db, recording, *index_fields(path, tags))


def _embed(db: sqlite3.Connection, recordings: Sequence[int], model: Any) -> None:
    waiting = db.execute(
        "SELECT DISTINCT p.id, p.phrase FROM recording_phrases rp JOIN phrases p ON p.id = rp.phrase_id "
        "WHERE p.vector IS NULL AND rp.recording_id IN (SELECT value FROM json_each(?))",
        (json.dumps(list(recordings)),),
    ).fetchall()
    if waiting:
        vectors = model.sentence([phrase for _, phrase in waiting]).astype(np.float16)
        db.executemany("UPDATE phrases SET vector = ? WHERE id = ?", [(v.tobytes(), i) for (i, _), v in zip(waiting, vectors, strict=True)])


@contextmanager
def transaction(store: Store) -> Iterator[sqlite3.Connection]:
    """One transaction on a connection of its own; it waits for a batch of the writer."""
    if store.readonly:
        raise LibraryError("ReadOnly", f"The library in {store.folder} can only be read.", hint="Check who may write to its folder.")
    with schema.translated(store.folder):
        db = schema.connect(store.folder, readonly=False)
        try:
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
            except BaseException:
                db.execute("ROLLBACK")
                raise
            db.execute("COMMIT")
        finally:
            db.close()
