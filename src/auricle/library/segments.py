"""Vectors on disk: append-only files of float16 rows, ``vectors/NNNNNN.f16``, little-endian, no header.

A row is data once SQLite says so (table ``segments``); bytes beyond the committed rows are the rest of an interrupted run and are
cut off when the next writer opens. A window id is ``segment << 20 | row``, so that no table maps one to the other.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from auricle import _faults
from auricle.library.schema import corrupt, sync_folder

ROW_BITS = 20
ROW_MASK = (1 << ROW_BITS) - 1
SEGMENT_ROWS = 1 << 18  # a new segment is begun after this many rows; one content is never split over two

Half = npt.NDArray[np.float16]
Ids = npt.NDArray[np.int64]


def segment_path(folder: Path, segment: int) -> Path:
    return folder / "vectors" / f"{segment:06d}.f16"


def to_stored(vectors: npt.NDArray[np.floating]) -> Half:
    """float32 ``[n, d]`` → what is written. Raises ValueError when a value is not finite."""
    stored = np.ascontiguousarray(vectors, dtype="<f2")
    if stored.ndim != 2 or not np.isfinite(stored).all():
        raise ValueError(f"vectors must be finite and [n, d], got shape {stored.shape}")
    return stored


def checksum(stored: npt.NDArray[np.float16]) -> int:
    """CRC-32 of the stored bytes of one content."""
    return zlib.crc32(np.ascontiguousarray(stored).view(np.uint8).data)


def map_segment(folder: Path, segment: int, rows: int, dim: int) -> Half:
    """The committed rows, float16 ``[rows, dim]``, mapped and read-only. Raises LibraryError Corrupt when missing or short."""
    path = segment_path(folder, segment)
    if rows == 0:
        return np.empty((0, dim), dtype=np.float16)
    try:
        size = path.stat().st_size
        if size < rows * dim * 2:
            raise corrupt(folder, f"{path.name} was cut short ({size} of {rows * dim * 2} bytes)")
        return np.memmap(path, dtype="<f2", mode="r", shape=(rows, dim))
    except FileNotFoundError:
        raise corrupt(folder, f"{path.name} is missing") from None


class Appender:
    """The writing end. Bytes are durable after :meth:`sync`, and data after the caller's SQLite commit.

    committed: rows of each segment, as in the table ``segments``.
    """

    def __init__(self, folder: Path, dim: int, committed: Mapping[int, int], *, segment_rows: int = SEGMENT_ROWS) -> None:
        self.folder, self.dim, self.segment_rows = folder, dim, segment_rows
        self.rows: dict[int, int] = dict(committed)
        self._descriptors: dict[int, int] = {}  # open segments with bytes that are not synced
        self._new = False
        (folder / "vectors").mkdir(exist_ok=True)
        self._cut()

    @property
    def row_bytes(self) -> int:
        return self.dim * 2

    def append(self, stored: Half) -> int:
        """Write the vectors of one content; gives the window id of the first."""
        if stored.shape[0] > ROW_MASK:
            raise ValueError(f"{stored.shape[0]} windows in one recording; at most {ROW_MASK}")
        segment = max(self.rows, default=1)
        used = self.rows.get(segment, 0)
        if used >= self.segment_rows or used + stored.shape[0] > ROW_MASK:
            segment, used = segment + 1, 0
        descriptor = self._open(segment)
        _faults.point("segments.append.before")
        _write(descriptor, np.ascontiguousarray(stored).view(np.uint8).data, used * self.row_bytes)
        _faults.point("segments.append.after")
        self.rows[segment] = used + stored.shape[0]
        return segment << ROW_BITS | used

    def sync(self) -> None:
        _faults.point("segments.sync.before")
        for descriptor in self._descriptors.values():
            os.fsync(descriptor)
        if self._new:
            sync_folder(self.folder / "vectors")
            self._new = False
        _faults.point("segments.sync.after")
        self.close()

    def rollback(self, committed: Mapping[int, int]) -> None:
        """Forget what was appended since the last commit."""
        self.close()
        self.rows = dict(committed)
        self._cut()

    def close(self) -> None:
        for descriptor in self._descriptors.values():
            os.close(descriptor)
        self._descriptors.clear()

    def _open(self, segment: int) -> int:
        if segment not in self._descriptors:
            path = segment_path(self.folder, segment)
            self._new = self._new or not path.exists()
            flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
            self._descriptors[segment] = os.open(path, flags, 0o644)
        return self._descriptors[segment]

    def _cut(self) -> None:
        """Remove what no commit made data. A file shorter than its committed rows is left for `repair`."""
        for path in (self.folder / "vectors").glob("[0-9]*.f16"):
            keep = self.rows.get(int(path.stem), 0) * self.row_bytes
            if keep == 0:
                path.unlink()
            elif path.stat().st_size > keep:
                os.truncate(path, keep)


def _write(descriptor: int, data: memoryview, offset: int) -> None:
    os.lseek(descriptor, offset, os.SEEK_SET)
    while data:
        data = data[os.write(descriptor, data) :]  # a full disk may take a part
