"""The library as points on a plane: recordings that sound alike lie near each other.

t-SNE (van der Maaten & Hinton 2008) of up to ``LANDMARKS`` recordings, initialised with their principal components; the others are
placed among their nearest landmarks. The picture is derived, kept in the library's folder, and made anew when asked.
"""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from auricle.library.store import Store

LANDMARKS = 3000
FILE = "map.npz"
_NEIGHBOURS = 5
_CHUNK = 4096

Floats = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Projection:
    """contents: int64 ``[n]``; points: float32 ``[n, 2]`` in −1…1; version: of the library when it was made."""

    contents: Ids
    points: Floats
    version: str
    method: str


def version(store: Store) -> str:
    """Changes when recordings come or go."""
    layout = store.layout()
    return f"{layout.epoch}:{sum(layout.rows.values())}:{sum(count for _, count in layout.dead)}"


def load(store: Store) -> Projection | None:
    """The picture that was made last; None where there is none that can be read."""
    try:
        with np.load(store.folder / FILE, allow_pickle=False) as kept:
            return Projection(kept["contents"], kept["points"], str(kept["version"]), str(kept["method"]))
    except (OSError, KeyError, ValueError, EOFError):
        return None


def make(
    store: Store, *, seed: int = 0, progress: Callable[[int, int], None] | None = None, stop: threading.Event | None = None
) -> Projection | None:
    """Project every recording and keep the picture; None when ``stop`` was set before it was done.

    progress: recordings placed, of how many. Raises LibraryError.
    """
    made_for = version(store)
    contents, means = _means(store, stop)
    if contents is None or means is None:
        return None
    rng = np.random.default_rng(seed)
    chosen = np.sort(rng.permutation(len(contents))[:LANDMARKS])
    if progress:
        progress(0, len(contents))
    placed, method = _landmarks(means[chosen], seed)
    points = np.zeros((len(contents), 2), np.float32)
    points[chosen] = placed
    rest = np.setdiff1d(np.arange(len(contents)), chosen)
    for at in range(0, len(rest), _CHUNK):
        if stop is not None and stop.is_set():
            return None
        part = rest[at : at + _CHUNK]
        points[part] = _among(means[part], means[chosen], placed, rng)
        if progress:
            progress(len(chosen) + at + len(part), len(contents))
    if stop is not None and stop.is_set():
        return None
    found = Projection(contents, _scaled(points), made_for, method)
    _save(store, found)
    if progress:
        progress(len(contents), len(contents))
    return found


def _means(store: Store, stop: threading.Event | None) -> tuple[Ids | None, Floats | None]:
    """Each recording's mean vector, unit norm."""
    spans = store.query("SELECT id, first_window, windows FROM contents WHERE windows > 0 ORDER BY first_window")
    means = np.zeros((len(spans), store.dim), np.float32)
    for i, (_, first, count) in enumerate(spans):
        if stop is not None and stop.is_set():
            return None, None
        ids = np.arange(first, first + count, dtype=np.int64)
        means[i] = store.vectors(ids[:: max(1, count // 256)]).mean(axis=0)
    means /= np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-12)
    return np.array([row[0] for row in spans], dtype=np.int64), means


def _landmarks(vectors: Floats, seed: int) -> tuple[Floats, str]:
    n = len(vectors)
    centred = vectors - vectors.mean(axis=0) if n else vectors
    if n < 8:  # too few for neighbourhoods
        angle = 2 * np.pi * np.arange(n) / max(n, 1)
        return np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32), "circle"
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    reduced = PCA(n_components=min(32, n - 1, vectors.shape[1]), random_state=seed).fit_transform(centred)
    plane = TSNE(
        n_components=2, perplexity=float(min(30, max(2, (n - 1) // 4))), init="pca", learning_rate="auto", random_state=seed, max_iter=500
    ).fit_transform(reduced.astype(np.float32))
    return np.asarray(plane, dtype=np.float32), "t-SNE"


def _among(vectors: Floats, landmarks: Floats, placed: Floats, rng: np.random.Generator) -> Floats:
    """Between the nearest landmarks, the nearer the closer, a little apart from each other."""
    similarity = vectors @ landmarks.T
    k = min(_NEIGHBOURS, landmarks.shape[0])
    near = np.argpartition(-similarity, k - 1, axis=1)[:, :k]
    weights = np.exp(np.take_along_axis(similarity, near, axis=1) * 20.0)
    weights /= weights.sum(axis=1, keepdims=True)
    spread = 0.004 * float(np.abs(placed).max() or 1.0)
    at = (placed[near] * weights[:, :, None]).sum(axis=1)
    return np.asarray(at + rng.normal(0.0, spread, at.shape), dtype=np.float32)


def _scaled(points: Floats) -> Floats:
    """Into −1…1 on both axes, the middle at 0; one scale for both."""
    if not len(points):
        return points
    low, high = points.min(axis=0), points.max(axis=0)
    size = float((high - low).max()) or 1.0
    return np.asarray((points - (low + high) / 2) * (2.0 / size), dtype=np.float32)


def _save(store: Store, found: Projection) -> None:
    """Best effort: a folder that may only be read gives the picture, and keeps none."""
    with suppress(OSError):
        descriptor, temporary = tempfile.mkstemp(prefix=".map-", dir=store.folder)
        try:
            with os.fdopen(descriptor, "wb") as file:
                np.savez(file, contents=found.contents, points=found.points, version=np.array(found.version), method=np.array(found.method))
            os.replace(temporary, store.folder / FILE)
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary)
            raise
