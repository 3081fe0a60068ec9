"""Mend a damaged library: rebuild what is derived, keep what can be read, and say what the next index run will hear again."""

from __future__ import annotations

import os
import shutil
import sqlite3
from dataclasses import dataclass, field
from pathlib import Path

from auricle import _faults
from auricle.errors import LibraryError
from auricle.library import schema
from auricle.library.lock import WriterLock
from auricle.library.salvage import Salvaged, bump_epoch, rebuild_words, salvage
from auricle.library.segments import ROW_BITS, ROW_MASK, checksum, segment_path
from auricle.library.store import Bound, Store, now

MAX_PATHS = 1000  # named in a report


@dataclass(slots=True)
class RepairReport:
    """What was found and done. ``sound``: nothing was wrong."""

    windows_checked: int = 0
    windows_lost: int = 0
    recordings_to_hear: int = 0
    paths_to_hear: list[str] = field(default_factory=list)  # the first thousand
    recordings_lost: int = 0  # only the database knew of them; index their folders again
    segments_damaged: list[str] = field(default_factory=list)
    database: str = ""  # how it was rebuilt
    kept_as: str = ""  # the damaged database
    words_rebuilt: bool = False
    index_removed: bool = False
    index_rebuilt: bool = False

    @property
    def sound(self) -> bool:
        damage = self.windows_lost or self.recordings_to_hear or self.segments_damaged or self.database
        return not (damage or self.words_rebuilt or self.index_removed)

    def lines(self) -> list[str]:
        """The report for people."""
        said = [f"Checked {self.windows_checked} windows."]
        if self.sound:
            return [*said, "Nothing is damaged."]
        if self.database:
            said.append(f"The database was damaged; {self.database}. The damaged one is kept as {self.kept_as}.")
        said += [f"Damaged: {what}." for what in self.segments_damaged]
        if self.words_rebuilt:
            said.append("The full-text index was rebuilt; nothing of it is lost.")
        if self.index_removed:
            said.append(f"The approximate index was {'rebuilt' if self.index_rebuilt else 'removed; the exact search serves without it'}.")
        if self.recordings_lost:
            said.append(f"{self.recordings_lost} recordings could not be read: run `auricle index` on their folders again.")
        if self.recordings_to_hear:
            said.append(
                f"{self.windows_lost} windows of {self.recordings_to_hear} recordings could not be rebuilt: "
                "the next `auricle index` hears them again."
            )
        return said


def repair(folder: str | os.PathLike[str], model: Bound | None = None) -> RepairReport:
    """Check everything, mend what can be mended.

    model: what to bind the library to when its database says nothing any more.
    Raises LibraryError: NotALibrary, Newer, Busy, Corrupt (nothing can be read and no model was given), DiskFull.
    """
    path = Path(folder)
    if not (path / schema.DATABASE).is_file():
        raise schema.not_a_library(path)
    report = RepairReport()
    with schema.translated(path):
        lock = WriterLock(path)
        try:
            if _database_damaged(path):
                _report_salvage(salvage(path, _meta(model) if model else None), report)
            (path / "vectors").mkdir(exist_ok=True)
            with Store.open(path) as store:
                _mend_vectors(store, report)
                _mend_words(store, report)
                _mend_index(store, report)
        finally:
            lock.release()
    with Store.open(path) as store:
        if report.index_removed:
            report.index_rebuilt = store.build_index()
        stats = store.stats()
        report.recordings_to_hear = stats.to_hear
        report.paths_to_hear = _paths_to_hear(store)
    return report


def _meta(model: Bound) -> dict[str, str]:
    return {
        "model": model.name, "pipeline_id": model.pipeline_id, "dim": str(model.dim), "window_seconds": str(model.windowing.seconds),
        "window_hop": str(model.windowing.hop), "created_at": now(), "epoch": "0",
    }  # fmt: skip


def _database_damaged(folder: Path) -> bool:
    try:
        connection = schema.connect(folder, readonly=False)
    except LibraryError as error:
        # A header full of garbage reads as no library at all; the folder says otherwise.
        if error.kind == "Corrupt" or (error.kind == "NotALibrary" and (folder / "vectors").is_dir()):
            return True
        raise
    try:
        Store(folder, connection, readonly=True)
        # FTS5's own tables are judged by FTS5, later: they can be rebuilt without touching the rest.
        return [row[0] for row in connection.execute("PRAGMA integrity_check(1)")] != ["ok"]
    except (sqlite3.DatabaseError, LibraryError):
        return True
    finally:
        connection.close()


def _report_salvage(result: Salvaged, report: RepairReport) -> None:
    kept = result.rows.get("recordings", 0) - result.lost_recordings
    report.database = f"{kept} recordings and {result.rows.get('windows', 0)} windows were read from it into a new one"
    if result.damaged:
        report.database += f" (unreadable in part: {', '.join(result.damaged)})"
    report.kept_as, report.recordings_lost = result.kept_as, result.lost_recordings
    report.words_rebuilt = True


def _mend_vectors(store: Store, report: RepairReport) -> None:
    """Every content's stored bytes against the checksum that its commit wrote."""
    import numpy as np

    db, sizes = store.connection, {}
    for segment, rows in store.layout().rows.items():
        path = segment_path(store.folder, segment)
        size = path.stat().st_size // (store.dim * 2) if path.exists() else 0
        sizes[segment] = size
        if size < rows:
            what = f"was cut short, {size} of {rows} windows left" if path.exists() else f"is missing, {rows} windows"
            report.segments_damaged.append(f"{path.name} {what}")
    lost, garbage = [], dict.fromkeys(sizes, 0)
    for content, first, count, expected in db.execute(
        "SELECT id, first_window, windows, checksum FROM contents WHERE windows > 0 ORDER BY first_window"
    ):
        segment, row = first >> ROW_BITS, first & ROW_MASK
        report.windows_checked += count
        if row + count <= sizes.get(segment, 0):
            path = segment_path(store.folder, segment)
            stored = np.fromfile(path, dtype="<f2", count=count * store.dim, offset=row * store.dim * 2)
            if checksum(stored) == expected:
                continue
            garbage[segment] = garbage.get(segment, 0) + count
        report.windows_lost += count
        lost.append(content)
    report.segments_damaged += [f"{s:06d}.f16 holds garbage in {n} windows" for s, n in garbage.items() if n]
    if lost or report.segments_damaged:
        _drop(store, lost, sizes)


def _drop(store: Store, lost: list[int], sizes: dict[int, int]) -> None:
    db = store.connection
    db.execute("BEGIN IMMEDIATE")
    try:
        for content in lost:
            first, count = db.execute("SELECT first_window, windows FROM contents WHERE id = ?", (content,)).fetchone()
            db.execute("DELETE FROM windows WHERE id >= ? AND id < ?", (first, first + count))
            db.execute("INSERT OR REPLACE INTO dead VALUES (?, ?)", (first, count))
            db.execute("UPDATE contents SET first_window = NULL, windows = 0, heard = 0 WHERE id = ?", (content,))
        for segment, size in sizes.items():
            db.execute("UPDATE segments SET rows = min(rows, ?) WHERE id = ?", (size, segment))
            end, limit = segment << ROW_BITS | size, (segment + 1) << ROW_BITS
            db.execute("DELETE FROM dead WHERE first >= ? AND first < ?", (end, limit))
            db.execute(
                "UPDATE dead SET count = ?1 - first WHERE first < ?1 AND first >= ?2 AND first + count > ?1", (end, segment << ROW_BITS)
            )
        bump_epoch(db)
        _faults.point("repair.commit.before")
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
    store.refresh()


def _mend_words(store: Store, report: RepairReport) -> None:
    db = store.connection
    try:
        db.execute("INSERT INTO names_index (names_index) VALUES ('integrity-check')")
        db.execute("INSERT INTO texts_index (texts_index, rank) VALUES ('integrity-check', 1)")
        sound = db.execute("SELECT NOT EXISTS (SELECT id FROM recordings EXCEPT SELECT rowid FROM names_index)").fetchone()[0]
        triggers = db.execute("SELECT count(*) FROM sqlite_schema WHERE type = 'trigger' AND name LIKE 'texts_%'").fetchone()[0]
        if sound and triggers == 3:
            return
    except sqlite3.DatabaseError:
        pass
    db.execute("BEGIN IMMEDIATE")
    try:
        rebuild_words(db)
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
    report.words_rebuilt = True


def _mend_index(store: Store, report: RepairReport) -> None:
    folder = store.folder / "index"
    if folder.is_dir() and any(folder.iterdir()) and not store.has_index:
        shutil.rmtree(folder)
        report.index_removed = True


def _paths_to_hear(store: Store) -> list[str]:
    rows = store.connection.execute(
        "SELECT r.path FROM recordings r JOIN contents c ON c.id = r.content_id WHERE c.heard = 0 ORDER BY r.path LIMIT ?", (MAX_PATHS,)
    )
    return [os.fsdecode(row[0]) for row in rows]


__all__ = ["RepairReport", "repair"]
