"""The approximate index: near the truth, never in the way."""

from __future__ import annotations

import json

import numpy as np
import pytest
from library_sounds import SpectrumModel

from auricle import _faults
from auricle.errors import LibraryError
from auricle.library import ann
from auricle.library.bulk import bulk_insert
from auricle.library.lock import WriterLock
from auricle.library.store import Store

MODEL = SpectrumModel()


def clustered(n, seed, centres=60):
    """Vectors as sounds lie: in clumps."""
    rng = np.random.default_rng(seed)
    centre = np.random.default_rng(1).standard_normal((centres, 32))
    vectors = centre[rng.integers(0, centres, n)] + 0.5 * rng.standard_normal((n, 32))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ann") / "library"
    with Store.create(folder, model=MODEL) as store:
        with store.writing() as writer:
            bulk_insert(writer, clustered(12_000, seed=2))
        assert not store.build_index()
        assert store.build_index(threshold=1000)
    return folder


@pytest.fixture
def store(made, tmp_path):
    import shutil

    shutil.copytree(made, tmp_path / "library")
    with Store.open(tmp_path / "library") as opened:
        yield opened


def recall(store, queries, k=10, **options):
    found, truth = store.nearest(queries, k, **options)[1], store.nearest(queries, k, exact=True, **options)[1]
    return np.mean([len(set(a) & set(b)) / k for a, b in zip(found.tolist(), truth.tolist(), strict=True)])


def test_bulk_insert_makes_a_library(store):
    assert (store.stats().windows, store.stats().recordings) == (12_000, 500)
    assert store.words("recording 0000123")
    assert store.hydrate(store.window_ids()[-1:])[0].end == 23 * 0.5 + 1


def test_it_finds_nearly_all(store):
    queries = clustered(50, seed=3)
    assert store.has_index
    assert recall(store, queries) >= 0.95
    scores, ids = store.nearest(queries, 10)
    expected = np.einsum("qd,qkd->qk", queries, store.vectors(ids.reshape(-1)).reshape(50, 10, 32))
    np.testing.assert_allclose(scores, expected, atol=1e-6)  # ranked by the stored vectors, not by the codes
    assert (np.diff(scores, axis=1) <= 0).all()


def test_what_came_later_is_found_and_what_went_is_not(store):
    new = clustered(240, seed=4)
    with store.writing() as writer:
        bulk_insert(writer, new, path=lambda i: f"/later/{i}.wav")
        gone = store.recording(1)
        windows = [w for w, _, _ in store.windows_of(gone.content_id)]
        vectors = store.vectors(windows)
        writer.remove_recording(1)
    assert store.has_index
    assert (store.nearest(new, 1)[0] > 0.999).all()
    assert not set(store.nearest(vectors, 20)[1].reshape(-1).tolist()) & set(windows)
    assert not store.build_index(threshold=1000)  # too little is new


def test_much_that_is_new_makes_it_stale(store):
    with store.writing() as writer:
        bulk_insert(writer, clustered(6000, seed=5), path=lambda i: f"/later/{i}.wav")
    old = json.loads((store.folder / "index" / "manifest.json").read_text())["file"]
    assert store.build_index(threshold=1000)
    names = sorted(p.name for p in (store.folder / "index").iterdir())
    assert len(names) == 2
    assert old not in names
    assert recall(store, clustered(30, seed=6)) >= 0.95


def test_filters(store):
    queries, ids = clustered(20, seed=7), store.window_ids()
    half = ids[::2]
    found = store.nearest(queries, 10, windows=half)[1]
    assert np.isin(found, half).all()
    assert recall(store, queries, windows=half) >= 0.9
    few = ids[:9000:9]
    np.testing.assert_array_equal(store.nearest(queries, 5, windows=few)[1], store.nearest(queries, 5, windows=few, exact=True)[1])


@pytest.mark.parametrize("damage", ["short", "garbage", "no file", "no manifest", "half manifest", "epoch"])
def test_a_damaged_index_is_ignored(store, damage):
    manifest = store.folder / "index" / "manifest.json"
    said = json.loads(manifest.read_text())
    file = manifest.with_name(said["file"])
    if damage == "short":
        file.write_bytes(file.read_bytes()[:1000])
    elif damage == "garbage":
        file.write_bytes(b"\x00" * file.stat().st_size)
    elif damage == "no file":
        file.unlink()
    elif damage == "no manifest":
        manifest.unlink()
    elif damage == "half manifest":
        manifest.write_text(manifest.read_text()[:50])
    else:
        manifest.write_text(json.dumps({**said, "epoch": "77"}))
    with Store.open(store.folder) as again:
        assert not again.has_index
        assert recall(again, clustered(5, seed=8)) == 1.0
        assert again.build_index(threshold=1000)
        assert again.has_index


def test_a_crash_while_building_leaves_the_old_one(store):
    with store.writing() as writer:
        bulk_insert(writer, clustered(6000, seed=5), path=lambda i: f"/later/{i}.wav")
    _faults.arm("ann.rename.before", "crash")
    with pytest.raises(_faults.SimulatedCrash):
        store.build_index(threshold=1000)
    with Store.open(store.folder) as again:
        assert again.has_index
        assert recall(again, clustered(5, seed=8)) >= 0.9
        assert again.build_index(threshold=1000)
        assert len(list((store.folder / "index").iterdir())) == 2


def test_building_takes_the_lock(store):
    with store.writing() as writer:
        bulk_insert(writer, clustered(6000, seed=5), path=lambda i: f"/later/{i}.wav")
    lock = WriterLock(store.folder)
    with pytest.raises(LibraryError) as error:
        store.build_index(threshold=1000)
    lock.release()
    assert error.value.kind == "Busy"


def test_sizes():
    assert [ann.lists_for(n) for n in (1000, 1_000_000, 16_000_000)] == [64, 2048, 8192]
