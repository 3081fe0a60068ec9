"""Waveforms of the sounds of a library, kept in ``peaks.db`` beside it. Derived: deleting the file costs nothing but time.

One row a content hash. Nothing that goes wrong here stops an index run or a search: what cannot be kept is drawn again.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import shutil
import sqlite3
import threading
import weakref
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from auricle import _faults
from auricle.audio.waveform import Envelope, Tracer
from auricle.errors import AudioError

DATABASE = "peaks.db"
FILES = frozenset({DATABASE, DATABASE + "-wal", DATABASE + "-shm", DATABASE + "-journal"})
APPLICATION_ID = 0x41555250  # "AURP"
VERSION = 1
RATE_FACTOR = 3  # a model that hears less than a third of a recording's rate is deaf to too much of it to draw it
RESERVED_BYTES = 64 << 20  # free space that is left to the library itself

_TABLE = (
    "CREATE TABLE envelopes (hash TEXT PRIMARY KEY, bucket REAL NOT NULL, seconds REAL NOT NULL, peak REAL NOT NULL, "
    "buckets BLOB NOT NULL)"  # low, high (int8) and level (uint8), one after the other
)
_BUSY_SECONDS = 2.0


class PeakCache:
    """The waveforms of the library in ``folder``. Safe to share between threads and processes; opens nothing before it is asked."""

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self._path = Path(folder) / DATABASE
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None

    def get(self, digest: str) -> Envelope | None:
        """The envelope of a content, None where it is not kept."""
        return self.get_many([digest]).get(digest)

    def get_many(self, digests: Iterable[str]) -> dict[str, Envelope]:
        """Those that are kept, by hash."""
        found: dict[str, Envelope] = {}
        with self._lock, self._tolerant():
            connection = self._ready()
            if connection is not None:
                asked = json.dumps(sorted(set(digests)))
                rows = connection.execute(
                    "SELECT e.hash, bucket, seconds, peak, buckets FROM json_each(?) j JOIN envelopes e ON e.hash = j.value", (asked,)
                )
                found = {row[0]: _unpacked(*row[1:]) for row in rows}
        return found

    def put(self, digest: str, envelope: Envelope) -> bool:
        """Keep an envelope; False where that is not possible (the folder is read-only, the disk is full)."""
        kept = False
        with self._lock, self._tolerant():
            _faults.point("peaks.put")
            connection = self._ready() if shutil.disk_usage(self._path.parent).free > RESERVED_BYTES else None
            if connection is not None:
                blob = envelope.low.tobytes() + envelope.high.tobytes() + envelope.level.tobytes()
                row = (digest, envelope.bucket, envelope.seconds, envelope.peak, blob)
                connection.execute("INSERT OR REPLACE INTO envelopes VALUES (?, ?, ?, ?, ?)", row)
                kept = True
        return kept

    def close(self) -> None:
        with self._lock:
            connection, self._connection, self._identity = self._connection, None, None
            if connection is not None:
                with contextlib.suppress(sqlite3.Error):
                    connection.close()

    def __enter__(self) -> PeakCache:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    # -- inside --------------------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _tolerant(self) -> Iterator[None]:
        """Whatever goes wrong is passed over; a damaged file is deleted, so that the next call begins anew."""
        try:
            yield
        except sqlite3.OperationalError as error:
            self.close()
            if _primary(error) == sqlite3.SQLITE_ERROR:  # a table is missing or another: not our file
                self._delete()
        except (sqlite3.DatabaseError, ValueError):
            self.close()
            self._delete()
        except (OSError, OverflowError):
            self.close()

    def _ready(self) -> sqlite3.Connection | None:
        """The open database; opened again when somebody deleted or replaced the file."""
        if self._connection is not None and self._identity == _identity(self._path):
            return self._connection
        self.close()
        if not self._path.parent.is_dir():
            return None
        connection = _connect(self._path)
        try:
            made_by, version = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version"))
            if made_by == version == 0 and not connection.execute("SELECT 1 FROM sqlite_schema").fetchone():
                _make(connection)
            elif (made_by, version) != (APPLICATION_ID, VERSION):
                raise sqlite3.DatabaseError("made by another version")
        except BaseException:
            connection.close()
            raise
        self._connection, self._identity = connection, _identity(self._path)
        return connection

    def _delete(self) -> None:
        for name in FILES:
            with contextlib.suppress(OSError):
                self._path.with_name(name).unlink()


def ensure(folder: str | os.PathLike[str], path: str, digest: str) -> Envelope:
    """The envelope of a recording, from the library in ``folder`` or by hearing ``path`` now. Raises AudioError.

    A truncated file is drawn as far as it goes. Whoever asks for the same sound meanwhile waits for the first.
    """
    with _one_at_a_time(digest):
        cache = of(folder)
        known = cache.get(digest)
        if known is None:
            known = trace(path)
            cache.put(digest, known)
        return known


def trace(path: str) -> Envelope:
    """Draw a file at its own rate. Raises AudioError."""
    from auricle import audio

    tracer: Tracer | None = None
    try:
        for block in audio.blocks(path, mono=True, seconds=10.0):
            tracer = tracer or Tracer(block.rate)
            tracer.add(block.samples[0])
    except AudioError as error:
        if error.kind != "Truncated" or tracer is None:
            raise
    assert tracer is not None  # a file without samples is an error
    return tracer.finish()


def of(folder: str | os.PathLike[str]) -> PeakCache:
    """The cache of a library, shared by all that ask in this process."""
    key = os.path.abspath(folder)
    with _guard:
        cache = _caches.get(key)
        if cache is None:
            cache = _caches[key] = PeakCache(key)
        return cache


def close_all() -> None:
    """Close every shared cache. A later call opens it again."""
    with _guard:
        for cache in _caches.values():
            cache.close()


atexit.register(close_all)
_guard = threading.Lock()
_caches: dict[str, PeakCache] = {}
_under_way: weakref.WeakValueDictionary[str, _Turn] = weakref.WeakValueDictionary()


class _Turn:
    """A lock that is forgotten when nobody waits for it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()


@contextlib.contextmanager
def _one_at_a_time(name: str) -> Iterator[None]:
    with _guard:
        turn = _under_way.get(name)
        if turn is None:
            turn = _under_way[name] = _Turn()
    with turn.lock:
        yield


def _connect(path: Path) -> sqlite3.Connection:
    uri = path.absolute().as_uri()
    if os.access(path.parent, os.W_OK):
        connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = OFF")  # derived: a power cut may cost it
        except BaseException:
            connection.close()
            raise
        return connection
    return sqlite3.connect(uri + "?immutable=1", uri=True, isolation_level=None, check_same_thread=False)


def _make(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        if not connection.execute("SELECT 1 FROM sqlite_schema").fetchone():  # another process may have been first
            connection.execute(_TABLE)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _unpacked(bucket: float, seconds: float, peak: float, blob: bytes) -> Envelope:
    parts = np.frombuffer(blob, np.int8).reshape(3, -1)
    return Envelope(bucket, seconds, peak, parts[0], parts[1], parts[2].view(np.uint8))


def _primary(error: sqlite3.Error) -> int:
    return int(getattr(error, "sqlite_errorcode", 0) or 0) & 0xFF


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
