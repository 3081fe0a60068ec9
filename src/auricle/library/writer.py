"""The one writer of a library.

A batch: vectors are appended to segments, rows are written in an open SQLite transaction; :meth:`Writer.commit` makes the bytes
durable and then commits, which is the moment at which both exist. A crash before leaves the library as it was.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from auricle import _faults
from auricle.errors import LibraryError
from auricle.library import schema
from auricle.library.lock import WriterLock
from auricle.library.names import index_fields
from auricle.library.rows import Content, FailureRow, Known, Place, Tag, Text
from auricle.library.segments import SEGMENT_ROWS, Appender, Half, checksum, to_stored
from auricle.library.words import index_name

if TYPE_CHECKING:
    from auricle.library.store import Store

COMMIT_SECONDS = 2.0
COMMIT_FILES = 64
COMMIT_BYTES = 64 << 20


class Writer:
    """Made by :meth:`Store.writing`; a context manager that commits at the end, also on Ctrl-C, and rolls back on other errors.

    Every method may raise LibraryError (DiskFull, Corrupt, …); the batch since the last commit is then lost, and nothing else.
    """

    def __init__(self, store: Store, *, wait: bool = False, stop: threading.Event | None = None, segment_rows: int = SEGMENT_ROWS) -> None:
        self.store, self.db = store, store.connection
        with schema.translated(store.folder):
            self._lock = WriterLock(store.folder, wait=wait, stop=stop)
            try:
                store.refresh()
                self._appender = Appender(store.folder, store.dim, self._committed_rows(), segment_rows=segment_rows)
            except BaseException:
                self._lock.release()
                raise
        self._files, self._bytes, self._since = 0, 0, time.monotonic()
        self._level = 0

    # -- batches -------------------------------------------------------------------------------------------------------------

    def commit(self) -> None:
        """Make everything so far durable and visible."""
        if self.db.in_transaction:
            with self._guarded():
                self._appender.sync()
                self._save_segments()
                _faults.point("store.commit.before")
                self.db.execute("COMMIT")
                _faults.point("store.commit.after")
        self._files, self._bytes, self._since = 0, 0, time.monotonic()
        self.store.refresh()

    def commit_if_due(self) -> bool:
        """Commit when a batch is full or old. True when it did."""
        due = self._files >= COMMIT_FILES or self._bytes >= COMMIT_BYTES or time.monotonic() - self._since >= COMMIT_SECONDS
        if due:
            self.commit()
        return due

    def rollback(self) -> None:
        """Forget the batch since the last commit."""
        if self.db.in_transaction:
            self.db.execute("ROLLBACK")
        self._level = 0
        self._appender.rollback(self._committed_rows())
        self.store.refresh()

    def close(self) -> None:
        """Release the lock; what is not committed is lost."""
        try:
            if self.db.in_transaction:
                self.rollback()
        finally:
            self._appender.close()
            self._lock.release()

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if kind is not None and issubclass(kind, _faults.SimulatedCrash):
            self._appender.close()  # as the kernel would, and nothing more
            self._lock.release()
            return
        try:
            if kind is None or issubclass(kind, KeyboardInterrupt):
                self.commit()
        finally:
            self.close()

    @contextmanager
    def unit(self) -> Iterator[None]:
        """Everything inside happens as one: an exception undoes this unit and keeps the batch before it."""
        with self._guarded():
            if not self.db.in_transaction:
                self.db.execute("BEGIN IMMEDIATE")
            self._level += 1
            name = f"unit{self._level}"
            self.db.execute(f"SAVEPOINT {name}")
            before = dict(self._appender.rows)
            try:
                yield
            except BaseException:
                self._appender.rows = before  # its bytes are overwritten by the next append
                if self.db.in_transaction:  # SQLite rolls back all by itself when the disk is full
                    self.db.execute(f"ROLLBACK TO {name}")
                    self.db.execute(f"RELEASE {name}")
                raise
            else:
                self.db.execute(f"RELEASE {name}")
            finally:
                self._level = max(0, self._level - 1)

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """Errors of the disk undo the batch and become LibraryError."""
        try:
            with schema.translated(self.store.folder):
                yield
        except (KeyboardInterrupt, _faults.SimulatedCrash):
            raise
        except LibraryError:
            self._roll_back_quietly()
            raise

    def _roll_back_quietly(self) -> None:
        with contextlib.suppress(OSError, sqlite3.Error):  # the next writer cuts and rolls back
            self.rollback()

    def _committed_rows(self) -> dict[int, int]:
        return dict(self.db.execute("SELECT id, rows FROM segments"))

    def _save_segments(self) -> None:
        self.db.executemany("INSERT OR REPLACE INTO segments (id, rows) VALUES (?, ?)", sorted(self._appender.rows.items()))

    # -- contents ------------------------------------------------------------------------------------------------------------

    def content_id(self, digest: str) -> tuple[int, bool] | None:
        """(id, heard) of the content with this hash."""
        row = self.db.execute("SELECT id, heard FROM contents WHERE hash = ?", (digest,)).fetchone()
        return (row[0], bool(row[1])) if row else None

    def add_content(self, content: Content, starts: npt.ArrayLike, ends: npt.ArrayLike, vectors: npt.NDArray[np.floating]) -> int:
        """Add a sound, or hear a known one again: its windows are replaced. ``starts``, ``ends``: seconds ``[n]``; vectors ``[n, d]``."""
        stored = to_stored(vectors)
        times = np.column_stack([np.asarray(starts, dtype=np.float64), np.asarray(ends, dtype=np.float64)])
        if stored.shape != (len(times), self.store.dim):
            raise ValueError(f"{len(times)} windows need vectors [{len(times)}, {self.store.dim}], got {stored.shape}")
        with self.unit():
            identity = self._put_content(content, stored)
            first = self._appender.append(stored) if len(stored) else None
            self.db.execute("UPDATE contents SET first_window = ? WHERE id = ?", (first, identity))
            if first is not None:
                self.db.executemany(
                    "INSERT INTO windows VALUES (?, ?, ?, ?)",
                    [(first + i, identity, start, end) for i, (start, end) in enumerate(times.tolist())],
                )
            self._put_file_tags(identity, content)
            _faults.point("store.content.after")
        self._bytes += stored.nbytes
        return identity

    def _put_content(self, content: Content, stored: Half) -> int:
        values = (
            content.duration, content.rate, content.channels, content.format, content.codec, content.bytes, content.recorded_at,
            content.latitude, content.longitude, len(stored), checksum(stored),
        )  # fmt: skip
        known = self.content_id(content.hash)
        if known is None:
            cursor = self.db.execute(
                "INSERT INTO contents (duration, rate, channels, format, codec, bytes, recorded_at, latitude, longitude, windows, "
                "checksum, heard, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?)",
                (*values, content.hash),
            )
            assert cursor.lastrowid is not None
            return cursor.lastrowid
        self.drop_windows(known[0])
        self.db.execute(
            "UPDATE contents SET duration = ?, rate = ?, channels = ?, format = ?, codec = ?, bytes = ?, recorded_at = ?, "
            "latitude = ?, longitude = ?, windows = ?, checksum = ?, heard = 1 WHERE id = ?",
            (*values, known[0]),
        )
        return known[0]

    def _put_file_tags(self, content_id: int, content: Content) -> None:
        self.db.execute("DELETE FROM tags WHERE content_id = ?", (content_id,))
        self.db.execute("DELETE FROM texts WHERE content_id = ? AND source = 'marker'", (content_id,))
        self.db.executemany(
            "INSERT INTO tags (content_id, key, value, source) VALUES (?, ?, ?, ?)",
            [(content_id, tag.key, tag.value, tag.source) for tag in content.tags],
        )
        self.db.executemany(
            "INSERT INTO texts (content_id, start, \"end\", text, source) VALUES (?, ?, ?, ?, 'marker')",
            [(content_id, m.start, m.end if m.end is not None else m.start, m.label) for m in content.markers if m.label.strip()],
        )

    def drop_windows(self, content_id: int) -> None:
        """Take a content's windows away and mark it to be heard again."""
        first, count = self.db.execute("SELECT first_window, windows FROM contents WHERE id = ?", (content_id,)).fetchone()
        if first is not None and count:
            self.db.execute("DELETE FROM windows WHERE id >= ? AND id < ?", (first, first + count))
            self.db.execute("INSERT OR REPLACE INTO dead VALUES (?, ?)", (first, count))
        self.db.execute("UPDATE contents SET first_window = NULL, windows = 0, heard = 0 WHERE id = ?", (content_id,))

    def _drop_content_if_orphan(self, content_id: int) -> None:
        if self.db.execute("SELECT 1 FROM recordings WHERE content_id = ?", (content_id,)).fetchone():
            return
        self.drop_windows(content_id)
        self.db.execute("DELETE FROM tags WHERE content_id = ?", (content_id,))
        self.db.execute("DELETE FROM texts WHERE content_id = ?", (content_id,))
        self.db.execute("DELETE FROM contents WHERE id = ?", (content_id,))

    # -- recordings ----------------------------------------------------------------------------------------------------------

    def known(self, path: str) -> Known | None:
        row = self.db.execute(
            "SELECT r.id, r.content_id, r.size, r.mtime_ns, r.inode, r.sidecars, c.heard, r.vanished_at IS NOT NULL "
            "FROM recordings r JOIN contents c ON c.id = r.content_id WHERE r.path = ?",
            (os.fsencode(path),),
        ).fetchone()
        return Known(*row) if row else None

    def put_recording(self, place: Place, content_id: int, *, moved_from: int | None = None) -> int:
        """Say that ``content_id`` lies at a path now: a new recording, a changed one, or one that moved (it keeps its id)."""
        from auricle.library.store import now

        path = os.fsencode(place.path)
        display = path.decode("utf-8", "replace")
        folder, name = os.path.split(display)
        with self.unit():
            row = self.db.execute("SELECT id, content_id FROM recordings WHERE path = ?", (path,)).fetchone()
            if moved_from is not None and row is None:
                row = self.db.execute("SELECT id, content_id FROM recordings WHERE id = ?", (moved_from,)).fetchone()
            if row is None:
                cursor = self.db.execute(
                    "INSERT INTO recordings (path, display, name, folder, content_id, root_id, size, mtime_ns, inode, sidecars, "
                    "added_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (path, display, name, folder, content_id, place.root_id, place.size, place.mtime_ns, place.inode,
                     place.sidecars, now()),
                )  # fmt: skip
                assert cursor.lastrowid is not None
                identity = cursor.lastrowid
            else:
                identity = row[0]
                self.db.execute(
                    "UPDATE recordings SET path = ?, display = ?, name = ?, folder = ?, content_id = ?, root_id = ?, size = ?, "
                    "mtime_ns = ?, inode = ?, sidecars = ?, vanished_at = NULL WHERE id = ?",
                    (path, display, name, folder, content_id, place.root_id, place.size, place.mtime_ns, place.inode,
                     place.sidecars, identity),
                )  # fmt: skip
                if row[1] != content_id:
                    self.db.execute("DELETE FROM texts WHERE recording_id = ?", (identity,))
                    self._drop_content_if_orphan(row[1])
            self._put_name_tags(identity, content_id, place.tags)
            self.put_texts(identity, content_id, place.texts)
            self.index_words(identity)
            self.forget_failure(place.path)
            _faults.point("store.recording.after")
        self._files += 1
        return identity

    def touch_recording(self, recording_id: int, place: Place) -> None:
        """The same content at the same path, with another stat."""
        with self.unit():
            self.db.execute(
                "UPDATE recordings SET size = ?, mtime_ns = ?, inode = ?, root_id = ?, vanished_at = NULL WHERE id = ?",
                (place.size, place.mtime_ns, place.inode, place.root_id, recording_id),
            )

    def _put_name_tags(self, recording_id: int, content_id: int, tags: Sequence[Tag]) -> None:
        self.db.execute("DELETE FROM tags WHERE recording_id = ? AND source = 'name'", (recording_id,))
        self.db.executemany(
            "INSERT INTO tags (recording_id, key, value, source) VALUES (?, ?, ?, ?)",
            [(recording_id, tag.key, tag.value, tag.source) for tag in tags],
        )

    def put_texts(self, recording_id: int, content_id: int, texts: Sequence[Text], sidecars: str | None = None) -> None:
        """Replace the texts that lie beside a recording."""
        with self.unit():
            self.db.execute("DELETE FROM texts WHERE recording_id = ?", (recording_id,))
            self.db.executemany(
                'INSERT INTO texts (content_id, recording_id, start, "end", text, source, language) VALUES (?, ?, ?, ?, ?, ?, ?)',
                [(content_id, recording_id, t.start, t.end, t.text, t.source, t.language) for t in texts if t.text.strip()],
            )
            if sidecars is not None:
                self.db.execute("UPDATE recordings SET sidecars = ? WHERE id = ?", (sidecars, recording_id))
            _faults.point("store.texts.after")

    def index_words(self, recording_id: int) -> None:
        """Full-text row of one recording, from its name and tags."""
        _faults.point("store.fts.before")
        path, content_id = self.db.execute("SELECT display, content_id FROM recordings WHERE id = ?", (recording_id,)).fetchone()
        tags = self.db.execute(
            "SELECT key, value FROM tags WHERE content_id = ? OR recording_id = ? ORDER BY id", (content_id, recording_id)
        ).fetchall()
        index_name(self.db, recording_id, *index_fields(path, [(key, value) for key, value in tags]))

    def remove_recording(self, recording_id: int) -> None:
        """Take a recording out, and its content with the last path that holds it."""
        with self.unit():
            _faults.point("store.remove.before")
            row = self.db.execute("SELECT content_id FROM recordings WHERE id = ?", (recording_id,)).fetchone()
            if row is None:
                return
            self.db.execute("DELETE FROM texts WHERE recording_id = ?", (recording_id,))
            self.db.execute("DELETE FROM tags WHERE recording_id = ?", (recording_id,))
            self.db.execute("DELETE FROM names_index WHERE rowid = ?", (recording_id,))
            self.db.execute("DELETE FROM recording_phrases WHERE recording_id = ?", (recording_id,))
            self.db.execute("DELETE FROM recordings WHERE id = ?", (recording_id,))
            self._drop_content_if_orphan(row[0])
            _faults.point("store.remove.after")

    def set_vanished(self, recording_id: int, at: str | None) -> None:
        with self.unit():
            self.db.execute("UPDATE recordings SET vanished_at = ? WHERE id = ?", (at, recording_id))

    # -- failures and roots --------------------------------------------------------------------------------------------------

    def put_failure(self, failure: FailureRow) -> None:
        path = os.fsencode(failure.path)
        with self.unit():
            self.db.execute(
                "INSERT OR REPLACE INTO failures VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (path, path.decode("utf-8", "replace"), failure.kind, failure.error, failure.hint, failure.size, failure.mtime_ns,
                 failure.attempts, int(failure.quarantined), failure.at),
            )  # fmt: skip
            _faults.point("store.failure.after")
        self._files += 1

    def forget_failure(self, path: str) -> None:
        with self.unit():
            self.db.execute("DELETE FROM failures WHERE path = ?", (os.fsencode(path),))

    def put_root(self, path: str, device: int, *, is_file: bool) -> int:
        raw = os.fsencode(path)
        with self.unit():
            self.db.execute(
                "INSERT INTO roots (path, device, is_file) VALUES (?, ?, ?) "
                "ON CONFLICT (path) DO UPDATE SET device = excluded.device, is_file = excluded.is_file",
                (raw, device, int(is_file)),
            )
        identity: int = self.db.execute("SELECT id FROM roots WHERE path = ?", (raw,)).fetchone()[0]
        return identity

    def root(self, path: str) -> tuple[int, int] | None:
        """(id, device) of a root that was indexed before."""
        row = self.db.execute("SELECT id, device FROM roots WHERE path = ?", (os.fsencode(path),)).fetchone()
        return (row[0], row[1]) if row else None

    # -- what is where -------------------------------------------------------------------------------------------------------

    def recordings_under(self, path: str) -> list[tuple[int, bytes, bool, int | None]]:
        """(id, path, vanished, root) of the recording at ``path`` and of those below it."""
        raw = os.fsencode(path)
        below = raw.rstrip(b"/") + b"/"
        return [
            (identity, at, bool(vanished), root)
            for identity, at, vanished, root in self.db.execute(
                "SELECT id, path, vanished_at IS NOT NULL, root_id FROM recordings WHERE path = ? OR (path > ? AND path < ?) ORDER BY path",
                (raw, below, below[:-1] + b"0"),  # "0" comes after "/"
            )
        ]

    def places_of(self, content_id: int) -> list[tuple[int, bytes, bytes | None, int]]:
        """(recording, path, root, device) of every path of a content."""
        return self.db.execute(
            "SELECT r.id, r.path, o.path, coalesce(o.device, -1) FROM recordings r LEFT JOIN roots o ON o.id = r.root_id "
            "WHERE r.content_id = ? ORDER BY r.id",
            (content_id,),
        ).fetchall()
