"""Nearest vectors, exactly: FAISS reads the float16 segments where they lie (memory-mapped, nothing is copied or built)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from auricle.library.segments import ROW_BITS, ROW_MASK, Half, Ids, map_segment

Scores = npt.NDArray[np.float32]

GATHER_ROWS = 8192  # up to so many allowed windows it is cheaper to fetch them than to scan all


@dataclass(frozen=True, slots=True)
class Layout:
    """What the database says of the segments at one moment."""

    rows: Mapping[int, int]  # segment → committed rows
    dead: tuple[tuple[int, int], ...]  # (first window id, count), in order
    epoch: str  # changes when rows move

    @property
    def live(self) -> int:
        return sum(self.rows.values()) - sum(count for _, count in self.dead)


class Vectors:
    """All stored vectors of a library as one :class:`Layout` describes them."""

    def __init__(self, folder: Path, dim: int, layout: Layout) -> None:
        self.dim, self.layout = dim, layout
        self.segments: dict[int, Half] = {
            segment: map_segment(folder, segment, rows, dim) for segment, rows in sorted(layout.rows.items()) if rows
        }

    def fetch(self, windows: Ids) -> npt.NDArray[np.float32]:
        """float32 ``[n, d]`` in the order asked. Raises KeyError for an id that no segment holds."""
        out = np.empty((len(windows), self.dim), dtype=np.float32)
        number, row = windows >> ROW_BITS, windows & ROW_MASK
        for segment in np.unique(number):
            mapped = self.segments.get(int(segment))
            here = number == segment
            if mapped is None or row[here].max() >= len(mapped):
                raise KeyError(f"no window {int(windows[here][0])}")
            out[here] = mapped[row[here]]
        return out

    def allowed(self, windows: Ids | None) -> dict[int, npt.NDArray[np.uint8]] | None:
        """Bitmaps (little bit order) of the rows that may be found, by segment; None when all may."""
        if windows is None and not self.layout.dead:
            return None
        masks = {}
        for segment, mapped in self.segments.items():
            masks[segment] = np.full(len(mapped), windows is None, dtype=bool)
        if windows is not None:
            number, row = windows >> ROW_BITS, windows & ROW_MASK
            for segment, mask in masks.items():
                rows = row[number == segment]
                mask[rows[rows < len(mask)]] = True
        for first, count in self.layout.dead:
            mask = masks.get(first >> ROW_BITS, np.empty(0, dtype=bool))
            mask[first & ROW_MASK : (first & ROW_MASK) + count] = False
        return {segment: np.packbits(mask, bitorder="little") for segment, mask in masks.items()}

    def scan(
        self,
        queries: Scores,
        k: int,
        allowed: dict[int, npt.NDArray[np.uint8]] | None = None,
        beyond: Mapping[int, int] | None = None,
    ) -> tuple[Scores, Ids]:
        """The best k of every row (``beyond``: of the rows from that one on, by segment). Shapes ``[q, ≤ k]``."""
        found = []
        for segment, mapped in self.segments.items():
            first = beyond.get(segment, 0) if beyond else 0
            if first < len(mapped):
                bits = allowed[segment] if allowed is not None else None
                found.append(_scan_segment(segment, mapped, first, queries, k, bits))
        return merge(found, len(queries), k)

    def gather(self, queries: Scores, k: int, windows: Ids) -> tuple[Scores, Ids]:
        """The best k of a few windows: fetched and multiplied."""
        scores = queries @ self.fetch(windows).T
        return merge([(scores, np.broadcast_to(windows, scores.shape))], len(queries), k)


def _scan_segment(
    segment: int, mapped: Half, first: int, queries: Scores, k: int, bits: npt.NDArray[np.uint8] | None
) -> tuple[Scores, Ids]:
    faiss = load_faiss()
    part = mapped[first:]
    index = fp16_view(part)
    parameters = None
    if bits is not None:
        if first:
            bits = np.packbits(np.unpackbits(bits, count=len(mapped), bitorder="little")[first:], bitorder="little")
        selector = faiss.IDSelectorBitmap(bits.nbytes, faiss.swig_ptr(bits))
        parameters = faiss.SearchParameters(sel=selector)
    scores, rows = index.search(queries, min(k, len(part)), params=parameters)
    return scores, np.where(rows < 0, -1, rows + ((segment << ROW_BITS) + first))


def load_faiss() -> Any:
    """FAISS, imported when first needed; its type stubs lack half of what it has."""
    import faiss

    return faiss


def fp16_view(rows: Half) -> Any:
    """A FAISS index over rows that stay where they are; the caller keeps them alive. A float16 row is FAISS' own fp16 code."""
    faiss = load_faiss()
    index = faiss.IndexScalarQuantizer(rows.shape[1], faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
    flat = np.asarray(rows).reshape(-1).view(np.uint8)
    index.codes = faiss.MaybeOwnedVectorUInt8.create_view(faiss.swig_ptr(flat), flat.nbytes, index.codes.owner)
    index.ntotal = len(rows)
    return index


def merge(found: Sequence[tuple[Scores, Ids]], queries: int, k: int) -> tuple[Scores, Ids]:
    """The best k of several lists, best first; ids < 0 are no results and stand last, with score −inf."""
    if not found:
        return np.empty((queries, 0), dtype=np.float32), np.empty((queries, 0), dtype=np.int64)
    ids = np.concatenate([i for _, i in found], axis=1)
    scores = np.where(ids < 0, -np.inf, np.concatenate([s for s, _ in found], axis=1)).astype(np.float32)
    order = np.lexsort((ids, -scores))[:, :k]  # ties in the order in which they were heard
    return np.take_along_axis(scores, order, axis=1), np.take_along_axis(ids, order, axis=1)
