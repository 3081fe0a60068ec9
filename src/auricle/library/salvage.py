"""Save what can be read of a damaged database into a new one. What is derived (full-text index, dead ranges) is made anew."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from auricle import _faults
from auricle.errors import LibraryError
from auricle.library import schema
from auricle.library.names import index_fields
from auricle.library.segments import ROW_BITS, ROW_MASK
from auricle.library.words import index_name

PROBES = 256  # places at which a gap in a table is entered again


@dataclass(slots=True)
class Salvaged:
    kept_as: str = ""  # where the damaged database lies now
    rows: dict[str, int] = field(default_factory=dict)  # read, by table
    damaged: list[str] = field(default_factory=list)  # tables that were not read to the end
    lost_recordings: int = 0  # whose content could not be read
    lost_windows: int = 0  # contents whose windows could not all be read


def salvage(folder: Path, meta: dict[str, str] | None = None) -> Salvaged:
    """Replace ``auricle.db`` by a sound one; the damaged one is kept beside it.

    meta: what to bind the new library to where the old one does not say. Raises LibraryError Corrupt when that is missing, too;
    then nothing is changed.
    """
    path = folder / schema.DATABASE
    result = Salvaged()
    tables = _read_all(path, result)
    known = {str(key): str(value) for key, value in tables["meta"]}
    if not {"model", "pipeline_id", "dim", "window_seconds", "window_hop"} <= known.keys():
        if meta is None:
            raise LibraryError(
                "Corrupt",
                f"Nothing of {path} can be read, not even the name of its model.",
                hint="Name it with --model to begin anew in this folder, or delete the folder and index again.",
            )
        known = {**meta, **known}
    tables["meta"] = list(known.items())
    new = path.with_suffix(".salvaged")
    _write_new(new, tables, result)
    _faults.point("repair.rename.before")
    result.kept_as = _keep(path)
    os.replace(new, path)
    schema.sync_folder(folder)
    return result


def _keep(path: Path) -> str:
    kept = path.with_name(f"{path.name}.damaged-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}")
    os.link(path, kept)
    for suffix in ("-wal", "-shm"):  # they belong to the damaged one: a new database must not find them
        beside = path.with_name(path.name + suffix)
        if beside.exists():
            os.replace(beside, kept.with_name(kept.name + suffix))
    return kept.name


def _read_all(path: Path, result: Salvaged) -> dict[str, list[tuple[object, ...]]]:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
    try:
        tables: dict[str, list[tuple[object, ...]]] = {}
        for table in schema.DATA_TABLES:
            tables[table] = list(_rows(connection, table, result))
            result.rows[table] = len(tables[table])
        return tables
    finally:
        connection.close()


def _rows(connection: sqlite3.Connection, table: str, result: Salvaged) -> Iterator[tuple[object, ...]]:
    """Every row that can be read: forwards, backwards, and from places between."""
    if table in ("meta",):
        yield from _scan(connection, table, "1", (), "", result)[0]
        return
    found: dict[int, tuple[object, ...]] = {}

    def take(condition: str, parameters: tuple[int, ...], order: str) -> bool:
        rows, whole = _scan(connection, table, condition, parameters, f"ORDER BY rowid {order}", result, keyed=True)
        found.update((row[0], row[1:]) for row in rows)  # type: ignore[misc]
        return whole

    if not take("1", (), "ASC"):
        last = max(found, default=0)
        take("rowid > ?", (last,), "DESC")
        first_after = min((row for row in found if row > last), default=last + (1 << 16))
        step = max(1, (first_after - last) // PROBES)
        for start in range(last + step, first_after, step):
            take("rowid >= ? AND rowid < ?", (start, min(start + step, first_after)), "ASC")
    for _, row in sorted(found.items()):
        yield row


def _scan(
    connection: sqlite3.Connection,
    table: str,
    condition: str,
    parameters: tuple[int, ...],
    order: str,
    result: Salvaged,
    *,
    keyed: bool = False,
) -> tuple[list[tuple[object, ...]], bool]:
    """Rows until the first that cannot be read; and whether all could."""
    rows: list[tuple[object, ...]] = []
    columns = "rowid, *" if keyed else "*"
    try:
        for row in connection.execute(f"SELECT {columns} FROM {table} NOT INDEXED WHERE {condition} {order}", parameters):
            rows.append(row)
    except sqlite3.Error:
        if table not in result.damaged:
            result.damaged.append(table)
        return rows, False
    return rows, True


def _write_new(path: Path, tables: dict[str, list[tuple[object, ...]]], result: Salvaged) -> None:
    path.unlink(missing_ok=True)
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {schema.VERSION}")
        connection.execute("BEGIN")
        for statement in schema.split(schema.TABLES) + schema.split(schema.INDEXES):
            connection.execute(statement)
        for table in schema.DATA_TABLES:
            _insert(connection, table, tables[table])
        _settle(connection, result)
        rebuild_segments(connection)
        rebuild_words(connection)
        connection.execute("COMMIT")
    finally:
        connection.close()
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _insert(connection: sqlite3.Connection, table: str, rows: list[tuple[object, ...]]) -> None:
    width = len(connection.execute(f"PRAGMA table_info({table})").fetchall())
    marks = ", ".join("?" * width)
    connection.executemany(f"INSERT OR IGNORE INTO {table} VALUES ({marks})", [row for row in rows if len(row) == width])


def _settle(connection: sqlite3.Connection, result: Salvaged) -> None:
    """Make what was read agree with itself."""
    result.lost_recordings = connection.execute("DELETE FROM recordings WHERE content_id NOT IN (SELECT id FROM contents)").rowcount
    connection.execute("DELETE FROM contents WHERE id NOT IN (SELECT content_id FROM recordings)")
    broken = [
        identity
        for identity, windows, held in connection.execute(
            "SELECT c.id, c.windows, (SELECT count(*) FROM windows w WHERE w.id >= c.first_window AND w.id < c.first_window + c.windows "
            "AND w.content_id = c.id) FROM contents c WHERE c.first_window IS NOT NULL"
        )
        if windows != held
    ]
    result.lost_windows = len(broken)
    connection.executemany(
        "UPDATE contents SET first_window = NULL, windows = 0, heard = 0 WHERE id = ?", [(identity,) for identity in broken]
    )
    connection.execute(
        "DELETE FROM windows WHERE id NOT IN (SELECT w.id FROM contents c JOIN windows w "
        "ON w.id >= c.first_window AND w.id < c.first_window + c.windows AND w.content_id = c.id)"
    )
    for table in ("tags", "texts"):
        connection.execute(f"DELETE FROM {table} WHERE content_id IS NOT NULL AND content_id NOT IN (SELECT id FROM contents)")
        connection.execute(f"DELETE FROM {table} WHERE recording_id IS NOT NULL AND recording_id NOT IN (SELECT id FROM recordings)")
    connection.execute("UPDATE recordings SET root_id = NULL WHERE root_id NOT IN (SELECT id FROM roots)")


def rebuild_segments(connection: sqlite3.Connection) -> None:
    """Tables ``segments`` and ``dead`` from the spans of contents: no row beyond the last that is used, no row unaccounted for."""
    spans = connection.execute("SELECT first_window, windows FROM contents WHERE windows > 0 ORDER BY first_window").fetchall()
    rows: dict[int, int] = {}
    dead: list[tuple[int, int]] = []
    for first, count in spans:
        segment, row = first >> ROW_BITS, first & ROW_MASK
        used = rows.get(segment, 0)
        if row > used:
            dead.append((segment << ROW_BITS | used, row - used))
        rows[segment] = row + count
    connection.execute("DELETE FROM segments")
    connection.execute("DELETE FROM dead")
    connection.executemany("INSERT INTO segments VALUES (?, ?)", sorted(rows.items()))
    connection.executemany("INSERT INTO dead VALUES (?, ?)", dead)
    bump_epoch(connection)


def bump_epoch(connection: sqlite3.Connection) -> None:
    """Rows may mean something else now: a derived index of before does not fit."""
    connection.execute("INSERT OR IGNORE INTO meta VALUES ('epoch', '0')")
    connection.execute("UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE key = 'epoch'")


def rebuild_words(connection: sqlite3.Connection) -> None:
    """Both full-text indexes from the tables that they index."""
    for name in ("texts_insert", "texts_delete", "texts_update"):
        connection.execute(f"DROP TRIGGER IF EXISTS {name}")
    for name in ("names_index", "texts_index", "recording_phrases"):
        connection.execute(f"DROP TABLE IF EXISTS {name}")
    for statement in schema.split(schema.INDEXES):
        connection.execute(statement)
    connection.execute("INSERT INTO texts_index (texts_index) VALUES ('rebuild')")
    for recording, content, path in connection.execute("SELECT id, content_id, display FROM recordings").fetchall():
        tags = connection.execute(
            "SELECT key, value FROM tags WHERE content_id = ? OR recording_id = ? ORDER BY id", (content, recording)
        ).fetchall()
        index_name(connection, recording, *index_fields(path, tags))
