"""Captions in the library: what a model said of a recording, kept beside its other texts and found by the same search.

They are derived: captioning a recording anew replaces what was said of it before, and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence

from auricle import _faults
from auricle.errors import LibraryError
from auricle.library.rows import Text
from auricle.library.store import Store
from auricle.library.tagging import transaction

SOURCE = "caption"


def put_captions(store: Store, recording: int, captions: Sequence[Text]) -> None:
    """Replace the captions of a recording's sound; all of it or nothing.

    Raises LibraryError (NotFound, ReadOnly, Busy, DiskFull).
    """
    with transaction(store) as db:
        row = db.execute("SELECT content_id FROM recordings WHERE id = ?", (recording,)).fetchone()
        if row is None:
            raise LibraryError("NotFound", f"recording {recording} is not in this library.", hint="It may have been removed; search again.")
        db.execute("DELETE FROM texts WHERE content_id = ? AND recording_id IS NULL AND source = ?", (row[0], SOURCE))
        db.executemany(
            'INSERT INTO texts (content_id, start, "end", text, source) VALUES (?, ?, ?, ?, ?)',
            [(row[0], t.start, t.end, t.text, SOURCE) for t in captions if t.text.strip()],
        )
        _faults.point("said.before")
    store.refresh()


def copy(source: Store, target: Store) -> None:
    """Give sounds of ``target`` the captions that the same sounds have in ``source``."""
    said = source.query(
        'SELECT c.hash, t.start, t."end", t.text FROM texts t JOIN contents c ON c.id = t.content_id '
        "WHERE t.source = ? AND t.recording_id IS NULL ORDER BY t.id",
        SOURCE,
    )
    with transaction(target) as db:
        db.execute("DELETE FROM texts WHERE source = ? AND recording_id IS NULL", (SOURCE,))
        db.executemany(
            'INSERT INTO texts (content_id, start, "end", text, source) SELECT id, ?, ?, ?, ? FROM contents WHERE hash = ?',
            [(start, end, text, SOURCE, sound) for sound, start, end, text in said],
        )
    target.refresh()
