"""The tables of ``auricle.db``. SQLite is the one source of truth; this schema is public, for anyone who reads with ``sqlite3``.

meta        key, value: model, pipeline_id, dim, window_seconds, window_hop, created_at, epoch (changes when stored rows move)
roots       folders and files that were indexed; ``device`` tells an unmounted drive from an emptied folder
contents    one row per distinct sound (by hash of its bytes); what identical copies share. ``heard`` = 0: to be heard (again)
recordings  one row per path. ``path`` holds the bytes of the file system, ``display`` the same as text for people
windows     one row per stored vector. ``id >> 20`` is the segment, ``id & 0xFFFFF`` the row in ``vectors/NNNNNN.f16``;
            the windows of a content are ``contents.first_window`` … ``first_window + windows − 1``
tags        key and value, of a content (what the file says) or of a recording (what its name says)
texts       words with or without times: transcripts beside the file (of a recording), cue points in it (of a content)
failures    paths that could not be heard, and why
segments    committed rows of each vector file; bytes beyond them are not data
dead        ranges of rows in segments whose windows were deleted
names_index full-text index (FTS5) of recordings by name, folder and tags; rowid = recordings.id
phrases, recording_phrases  what names and tags say, and its sentence vector (float16; NULL: not embedded yet)
texts_index full-text index (FTS5) of texts; rowid = texts.id

Times are seconds; dates are ISO 8601 text, UTC with a final Z, or without when the file does not tell its zone.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from auricle.errors import LibraryError

APPLICATION_ID = 0x41555249  # "AURI"
VERSION = 1
DATABASE = "auricle.db"

TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE roots (id INTEGER PRIMARY KEY, path BLOB NOT NULL UNIQUE, device INTEGER NOT NULL, is_file INTEGER NOT NULL);
CREATE TABLE contents (
  id INTEGER PRIMARY KEY, hash TEXT NOT NULL UNIQUE, duration REAL NOT NULL, rate INTEGER NOT NULL, channels INTEGER NOT NULL,
  format TEXT NOT NULL, codec TEXT NOT NULL, bytes INTEGER NOT NULL, recorded_at TEXT, latitude REAL, longitude REAL,
  first_window INTEGER, windows INTEGER NOT NULL, checksum INTEGER NOT NULL, heard INTEGER NOT NULL);
CREATE UNIQUE INDEX contents_first_window ON contents (first_window) WHERE first_window IS NOT NULL;
CREATE TABLE recordings (
  id INTEGER PRIMARY KEY, path BLOB NOT NULL UNIQUE, display TEXT NOT NULL, name TEXT NOT NULL, folder TEXT NOT NULL,
  content_id INTEGER NOT NULL REFERENCES contents (id), root_id INTEGER REFERENCES roots (id), size INTEGER NOT NULL,
  mtime_ns INTEGER NOT NULL, inode INTEGER NOT NULL, sidecars TEXT NOT NULL, added_at TEXT NOT NULL, vanished_at TEXT);
CREATE INDEX recordings_content ON recordings (content_id);
CREATE TABLE windows (id INTEGER PRIMARY KEY, content_id INTEGER NOT NULL, start REAL NOT NULL, "end" REAL NOT NULL);
CREATE TABLE tags (
  id INTEGER PRIMARY KEY, content_id INTEGER, recording_id INTEGER, key TEXT NOT NULL, value TEXT NOT NULL, source TEXT NOT NULL);
CREATE INDEX tags_content ON tags (content_id) WHERE content_id IS NOT NULL;
CREATE INDEX tags_recording ON tags (recording_id) WHERE recording_id IS NOT NULL;
CREATE INDEX tags_key ON tags (key);
CREATE TABLE texts (
  id INTEGER PRIMARY KEY, content_id INTEGER NOT NULL, recording_id INTEGER, start REAL, "end" REAL, text TEXT NOT NULL,
  source TEXT NOT NULL, language TEXT);
CREATE INDEX texts_content ON texts (content_id);
CREATE INDEX texts_recording ON texts (recording_id) WHERE recording_id IS NOT NULL;
CREATE TABLE failures (
  path BLOB PRIMARY KEY, display TEXT NOT NULL, kind TEXT NOT NULL, error TEXT NOT NULL, hint TEXT NOT NULL, size INTEGER NOT NULL,
  mtime_ns INTEGER NOT NULL, attempts INTEGER NOT NULL, quarantined INTEGER NOT NULL, at TEXT NOT NULL);
CREATE TABLE segments (id INTEGER PRIMARY KEY, rows INTEGER NOT NULL);
CREATE TABLE dead (first INTEGER PRIMARY KEY, count INTEGER NOT NULL);
"""

INDEXES = """
CREATE VIRTUAL TABLE IF NOT EXISTS names_index USING fts5(name, folder, tags, tokenize = "porter unicode61 remove_diacritics 2");
CREATE VIRTUAL TABLE IF NOT EXISTS texts_index USING fts5(
  text, content = 'texts', content_rowid = 'id', tokenize = "porter unicode61 remove_diacritics 2");
CREATE TABLE IF NOT EXISTS phrases (id INTEGER PRIMARY KEY, phrase TEXT NOT NULL UNIQUE, vector BLOB);
CREATE TABLE IF NOT EXISTS recording_phrases (recording_id INTEGER PRIMARY KEY, phrase_id INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS recording_phrases_phrase ON recording_phrases (phrase_id);
CREATE TRIGGER IF NOT EXISTS texts_insert AFTER INSERT ON texts BEGIN
  INSERT INTO texts_index (rowid, text) VALUES (new.id, new.text); END;
CREATE TRIGGER IF NOT EXISTS texts_delete AFTER DELETE ON texts BEGIN
  INSERT INTO texts_index (texts_index, rowid, text) VALUES ('delete', old.id, old.text); END;
CREATE TRIGGER IF NOT EXISTS texts_update AFTER UPDATE OF text ON texts BEGIN
  INSERT INTO texts_index (texts_index, rowid, text) VALUES ('delete', old.id, old.text);
  INSERT INTO texts_index (rowid, text) VALUES (new.id, new.text); END;
"""

# Tables that hold data, in an order in which a copy may be made; the rest is derived from them.
DATA_TABLES = ("meta", "roots", "contents", "recordings", "windows", "tags", "texts", "failures", "segments", "dead")


def create(folder: Path, meta: dict[str, str]) -> None:
    """Write a new, empty database. It appears under its name only when whole."""
    final, temporary = folder / DATABASE, folder / (DATABASE + ".new")
    temporary.unlink(missing_ok=True)
    connection = sqlite3.connect(temporary, isolation_level=None)
    try:
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("BEGIN")
        for statement in split(TABLES) + split(INDEXES):
            connection.execute(statement)
        connection.executemany("INSERT INTO meta VALUES (?, ?)", sorted(meta.items()))
        connection.execute("COMMIT")
    finally:
        connection.close()
    os.replace(temporary, final)
    sync_folder(folder)


def split(script: str) -> list[str]:
    """Whole statements of a script (a trigger holds semicolons of its own)."""
    statements, pending = [], ""
    for line in script.strip().splitlines():
        pending += line + "\n"
        if sqlite3.complete_statement(pending):
            statements.append(pending.strip())
            pending = ""
    return statements


def connect(folder: Path, *, readonly: bool) -> sqlite3.Connection:
    """Open and check the database of the library in ``folder``.

    Raises LibraryError: NotALibrary, Newer, Corrupt, ReadOnly.
    """
    path = folder / DATABASE
    if not path.is_file():
        raise not_a_library(folder)
    with translated(folder):
        if readonly:
            connection = _connect_readonly(path)
        else:
            connection = sqlite3.connect(path, timeout=30.0, isolation_level=None, check_same_thread=False)
        try:
            _check(connection, folder)
            if not readonly:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA synchronous = FULL")  # a commit must survive a power cut
            connection.execute("PRAGMA cache_size = -32000")
            connection.execute("PRAGMA temp_store = MEMORY")
        except BaseException:
            connection.close()
            raise
    return connection


def _connect_readonly(path: Path) -> sqlite3.Connection:
    uri = path.absolute().as_uri()
    connection = sqlite3.connect(uri + "?mode=ro", uri=True, timeout=30.0, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone()
    except sqlite3.OperationalError:
        # WAL needs a -shm file beside the database; on a read-only medium there is no writer to share with.
        connection.close()
        if os.access(path.parent, os.W_OK):
            raise
        return sqlite3.connect(uri + "?immutable=1", uri=True, isolation_level=None, check_same_thread=False)
    return connection


def _check(connection: sqlite3.Connection, folder: Path) -> None:
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if application != APPLICATION_ID:
        raise not_a_library(folder)
    if version > VERSION:
        raise LibraryError(
            "Newer",
            f"{folder} was made by a newer auricle (library format {version}, this one reads up to {VERSION}).",
            hint="Update auricle: pip install --upgrade auricle.",
        )
    missing = set(DATA_TABLES) - {row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    if missing:
        raise corrupt(folder, f"table {min(missing)} is missing")


def not_a_library(folder: Path) -> LibraryError:
    return LibraryError(
        "NotALibrary", f"{folder} is not an auricle library.", hint="Make one with `auricle index FOLDER`, or name another with --library."
    )


def corrupt(folder: Path, what: str) -> LibraryError:
    return LibraryError("Corrupt", f"The library in {folder} is damaged: {what}.", hint="Run `auricle repair`.")


def disk_full(folder: Path) -> LibraryError:
    return LibraryError(
        "DiskFull",
        f"No space left for the library in {folder}; what was committed is safe.",
        hint="Free some space and run the same command again: it goes on from here.",
    )


@contextmanager
def translated(folder: Path) -> Iterator[None]:
    """Errors of SQLite and of the disk as LibraryError."""
    try:
        yield
    except sqlite3.Error as error:
        raise from_sqlite(folder, error) from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise disk_full(folder) from error
        if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
            raise _read_only(folder) from error
        if error.errno == errno.EIO:
            raise _io_error(folder, str(error)) from error
        raise


def from_sqlite(folder: Path, error: sqlite3.Error) -> Exception:
    """The LibraryError that says what SQLite met; ``error`` itself when it is a mistake of ours."""
    code = getattr(error, "sqlite_errorcode", None)
    primary = code & 0xFF if code is not None else None
    if primary == sqlite3.SQLITE_FULL:
        return disk_full(folder)
    if primary in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return corrupt(folder, str(error))
    if primary == sqlite3.SQLITE_ERROR and any(sign in str(error) for sign in ("no such table", "vtable constructor", "fts5: ")):
        return corrupt(folder, str(error))  # the tables are ours, and so are the questions
    if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return LibraryError("Busy", f"The library in {folder} is in use by another program.", hint="Wait for it, or close it.")
    if primary in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        return _read_only(folder)
    if primary == sqlite3.SQLITE_IOERR:
        return _io_error(folder, str(error))
    return error


def _read_only(folder: Path) -> LibraryError:
    return LibraryError("ReadOnly", f"The library in {folder} cannot be written.", hint="Check the permissions of its files.")


def _io_error(folder: Path, what: str) -> LibraryError:
    return LibraryError(
        "Corrupt", f"The disk failed under the library in {folder}: {what}.", hint="Check the disk, then run `auricle repair`."
    )


def sync_folder(folder: Path) -> None:
    """Make names in ``folder`` durable (a rename or a new file is not, before its folder is)."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
