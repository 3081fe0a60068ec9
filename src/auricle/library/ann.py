"""The approximate index of a large library: derived from the vectors, rebuildable, ignored when it does not fit them.

An inverted file (FAISS IVF) of 8-bit codes names candidates, which the stored float16 vectors then rank. It covers the rows that
its manifest names; rows added since are scanned exactly by the caller and merged. Files: ``index/manifest.json``, which says what
is covered and which ``index/*.ivf`` is meant; it is replaced last, so that a half-written index is never seen.
"""

from __future__ import annotations

import json
import math
import os
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from auricle import _faults
from auricle.library.nearest import Layout, Scores, Vectors, load_faiss
from auricle.library.schema import sync_folder
from auricle.library.segments import ROW_BITS, Ids

THRESHOLD = 1_000_000  # windows; below, the exact scan is fast enough
STALE_SHARE = 0.25  # of rows that the index does not cover, from which on it is built again
FORMAT = 1

TRAIN_PER_LIST = 40  # vectors per list to train on: FAISS asks for at least 39
ADD_ROWS = 65536
SPARE_CANDIDATES = 200  # beyond twice the results asked for; 8-bit codes seldom err by more


def lists_for(rows: int) -> int:
    """How many lists: about 2·√n, a power of two."""
    return 1 << max(4, round(math.log2(2 * math.sqrt(rows))))


def probes_for(lists: int) -> int:
    """How many lists to look into: a text lies farther from the sounds that it means than a sound does, and needs more of them.

    Measured on a million jittered windows, 384-d: a sixteenth finds 1.00 of the ten best for sounds, .975 for texts.
    """
    return max(8, lists // 16)


class Ann:
    """A loaded index. ``covered``: rows of each segment that it holds."""

    def __init__(self, index: Any, vectors: Vectors, manifest: Mapping[str, Any]) -> None:
        self._index, self._vectors = index, vectors
        self.covered = {int(segment): int(rows) for segment, rows in manifest["covered"].items()}
        self.probes = int(manifest["probes"])

    def stale(self, layout: Layout) -> bool:
        """Whether so much was added since that building it again pays."""
        total = sum(layout.rows.values())
        return total - sum(self.covered.values()) > STALE_SHARE * total

    def search(self, queries: Scores, k: int, allowed: dict[int, npt.NDArray[np.uint8]] | None = None) -> tuple[Scores, Ids]:
        """The best k of the covered rows, nearly: shapes ``[q, k]``, scores exact; −1 and −inf where there are fewer."""
        faiss = load_faiss()
        parameters = faiss.SearchParametersIVF(nprobe=self.probes)
        if allowed is not None:
            bits = _global_bits(allowed)
            parameters.sel = faiss.IDSelectorBitmap(bits.nbytes, faiss.swig_ptr(bits))
        _, ids = self._index.search(queries, 2 * k + SPARE_CANDIDATES, params=parameters)
        scores = np.full((len(queries), k), -np.inf, dtype=np.float32)
        best = np.full((len(queries), k), -1, dtype=np.int64)
        for q, found in enumerate(ids):
            candidates = np.sort(found[found >= 0])
            exact = self._vectors.fetch(candidates) @ queries[q]
            order = np.argsort(-exact, kind="stable")[:k]
            scores[q, : len(order)], best[q, : len(order)] = exact[order], candidates[order]
        return scores, best


def _global_bits(allowed: Mapping[int, npt.NDArray[np.uint8]]) -> npt.NDArray[np.uint8]:
    """One bitmap over window ids from one a segment."""
    stride = (1 << ROW_BITS) // 8
    bits = np.zeros((max(allowed) + 1) * stride, dtype=np.uint8)
    for segment, part in allowed.items():
        bits[segment * stride : segment * stride + len(part)] = part
    return bits


def build(folder: Path, vectors: Vectors, windows: Ids, *, seed: int = 0) -> None:
    """Train, fill and write an index of ``windows`` (ids); the previous one serves until the new one is whole."""
    faiss = load_faiss()
    lists = lists_for(len(windows))
    quantizer = faiss.IndexFlatIP(vectors.dim)
    index = faiss.IndexIVFScalarQuantizer(quantizer, vectors.dim, lists, faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_INNER_PRODUCT, False)
    index.cp.seed, index.cp.niter = seed, 8
    chosen = np.random.default_rng(seed).choice(windows, size=min(len(windows), TRAIN_PER_LIST * lists), replace=False)
    index.train(vectors.fetch(np.sort(chosen)))
    for first in range(0, len(windows), ADD_ROWS):
        part = windows[first : first + ADD_ROWS]
        index.add_with_ids(vectors.fetch(part), part)
    _write(folder / "index", index, vectors.layout, len(windows), probes_for(lists))


def _write(folder: Path, index: Any, layout: Layout, windows: int, probes: int) -> None:
    faiss = load_faiss()
    folder.mkdir(exist_ok=True)
    name = f"{uuid.uuid4().hex}.ivf"
    temporary = folder / (name + ".tmp")
    _faults.point("ann.write.before")
    try:
        faiss.write_index(index, str(temporary))
    except RuntimeError as error:  # FAISS says what the disk said in words only
        temporary.unlink(missing_ok=True)
        raise OSError(28, f"could not write {temporary.name}: {error}") from error
    _sync_file(temporary)
    os.replace(temporary, folder / name)
    manifest = {
        "format": FORMAT, "file": name, "bytes": (folder / name).stat().st_size, "dim": index.d, "epoch": layout.epoch,
        "windows": windows, "covered": {str(s): rows for s, rows in layout.rows.items()}, "probes": probes,
    }  # fmt: skip
    temporary = folder / "manifest.json.tmp"
    temporary.write_text(json.dumps(manifest, indent=1))
    _sync_file(temporary)
    _faults.point("ann.rename.before")
    os.replace(temporary, folder / "manifest.json")
    sync_folder(folder)
    _faults.point("ann.rename.after")
    for other in folder.iterdir():
        if other.name not in (name, "manifest.json"):
            other.unlink()


def load(folder: Path, vectors: Vectors) -> Ann | None:
    """The index when there is one that fits the vectors; else None, and the exact scan serves."""
    manifest = read_manifest(folder)
    if manifest is None or not fits(folder, manifest, vectors.dim, vectors.layout):
        return None
    faiss = load_faiss()
    try:
        index = faiss.read_index(str(folder / "index" / manifest["file"]), faiss.IO_FLAG_MMAP)
    except RuntimeError:
        return None
    return Ann(index, vectors, manifest) if index.d == vectors.dim and index.ntotal == manifest["windows"] else None


def read_manifest(folder: Path) -> dict[str, Any] | None:
    try:
        manifest = json.loads((folder / "index" / "manifest.json").read_text())
        return manifest if isinstance(manifest, dict) and manifest.get("format") == FORMAT else None
    except (OSError, ValueError):
        return None


def fits(folder: Path, manifest: Mapping[str, Any], dim: int, layout: Layout) -> bool:
    """Whether the file is whole and every row that it covers is still that row."""
    try:
        size = (folder / "index" / manifest["file"]).stat().st_size
        covered = {int(segment): int(rows) for segment, rows in manifest["covered"].items()}
        return (
            size == manifest["bytes"]
            and manifest["dim"] == dim
            and manifest["epoch"] == layout.epoch
            and all(layout.rows.get(segment, 0) >= rows for segment, rows in covered.items())
        )
    except (OSError, KeyError, ValueError, TypeError, AttributeError):
        return False


def _sync_file(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())
