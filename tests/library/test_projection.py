"""The map: every recording has its place, likes lie together, the same library gives the same picture."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import auricle
from auricle.library import projection
from auricle.library.bulk import bulk_insert
from auricle.library.store import Store


@pytest.fixture(scope="module")
def clusters(tmp_path_factory):
    """Three kinds of sound, 60 recordings each."""
    folder = tmp_path_factory.mktemp("map") / "library"
    rng = np.random.default_rng(0)
    model = auricle.load()
    centres = rng.standard_normal((3, model.dim))
    vectors = np.concatenate([c + 0.3 * rng.standard_normal((60, model.dim)) for c in centres]).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    with Store.create(folder, model=model) as store:
        with store.writing() as writer:
            bulk_insert(writer, vectors, path=lambda i: f"/sounds/{i}.wav", windows_per_recording=1)
        yield store


def purity(points):
    """Share of points whose five nearest neighbours are of their own kind."""
    distance = np.linalg.norm(points[:, None] - points[None], axis=2)
    near = np.argsort(distance, axis=1)[:, 1:6]
    kind = np.arange(len(points)) // 60
    return (kind[near] == kind[:, None]).mean()


@pytest.mark.parametrize("landmarks", [3000, 60])
def test_likes_lie_together(clusters, monkeypatch, landmarks):
    monkeypatch.setattr(projection, "LANDMARKS", landmarks)
    seen = []
    made = projection.make(clusters, progress=lambda done, total: seen.append((done, total)))
    assert made.points.shape == (180, 2)
    assert np.isfinite(made.points).all()
    assert np.abs(made.points).max() == pytest.approx(1.0, abs=1e-5)
    assert purity(made.points) > 0.95
    assert seen[-1] == (180, 180)


def test_the_same_again_and_kept(clusters):
    first, second = projection.make(clusters), projection.make(clusters)
    assert np.array_equal(first.points, second.points)
    kept = projection.load(clusters)
    assert np.array_equal(kept.points, second.points)
    assert kept.version == projection.version(clusters)
    (clusters.folder / projection.FILE).write_bytes(b"nothing")
    assert projection.load(clusters) is None


def test_stop_leaves_the_old_picture(clusters):
    projection.make(clusters)
    before = (clusters.folder / projection.FILE).read_bytes()
    stop = threading.Event()
    stop.set()
    assert projection.make(clusters, stop=stop) is None
    assert (clusters.folder / projection.FILE).read_bytes() == before


@pytest.mark.parametrize("n", [0, 1, 5])
def test_few_recordings(tmp_path, n):
    model = auricle.load()
    with Store.create(tmp_path / "few", model=model) as store:
        if n:
            vectors = np.eye(n, model.dim, dtype=np.float32)
            with store.writing() as writer:
                bulk_insert(writer, vectors, path=lambda i: f"/{i}.wav", windows_per_recording=1)
        assert len(projection.make(store).points) == n
