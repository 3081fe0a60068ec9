"""Callers share runs, keep their order, and are refused when too many wait."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import auricle
from auricle.service.batching import Batcher
from auricle.service.embedding import Embedder
from auricle.service.metrics import Metrics
from auricle.service.problems import ServiceError


def test_callers_share_a_run():
    sizes = []

    def run(items):
        sizes.append(len(items))
        time.sleep(0.02)
        return [i * 10 for i in items]

    batcher = Batcher(run, size=8, wait=0.05)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda i: batcher([i, i + 100]), range(8)))
    batcher.close()
    assert answers == [[i * 10, (i + 100) * 10] for i in range(8)]
    assert max(sizes) == 8
    assert len(sizes) < 8


def test_a_full_queue_refuses_and_recovers():
    gate = threading.Event()

    def run(items):
        gate.wait(5)
        return list(items)

    batcher = Batcher(run, size=1, wait=0.0, capacity=3)
    first = batcher.submit([0])
    time.sleep(0.05)  # taken out of the queue and held
    rest = batcher.submit([1, 2, 3])
    with pytest.raises(ServiceError) as full:
        batcher.submit([4])
    assert (full.value.status, full.value.code) == (503, "overloaded")
    assert full.value.headers["Retry-After"]
    gate.set()
    assert [f.result(5) for f in first + rest] == [0, 1, 2, 3]
    assert batcher([9]) == [9]
    batcher.close()


def test_workers_run_side_by_side_and_share_evenly():
    both, sizes = threading.Barrier(2), []

    def run(items):
        sizes.append(len(items))
        both.wait(5)  # passes only when another run is going on
        return list(items)

    batcher = Batcher(run, size=8, wait=0.05, workers=2)
    assert batcher([1, 2, 3, 4]) == [1, 2, 3, 4]
    assert sizes == [2, 2]
    assert batcher([5, 6]) == [5, 6]
    batcher.close()
    with pytest.raises(ServiceError):
        batcher([7])


def test_workers_that_find_nothing_left_go_on():
    batcher = Batcher(lambda items: list(items), size=4, wait=0.01, workers=3)
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda i: batcher([i])[0], range(200))) == list(range(200))
    batcher.close()


def test_one_bad_item_fails_alone():
    def run(items):
        if 13 in items:
            raise ValueError("13")
        return list(items)

    batcher = Batcher(run, size=4, wait=0.05)
    futures = batcher.submit([11, 12, 13, 14])
    assert [f.result(5) for f in (*futures[:2], futures[3])] == [11, 12, 14]
    with pytest.raises(ValueError, match="13"):
        futures[2].result(5)
    batcher.close()


def test_after_closing_nobody_waits():
    batcher = Batcher(lambda items: list(items), size=4)
    assert batcher([1]) == [1]
    batcher.close()
    with pytest.raises(ServiceError):
        batcher([2])


def test_vectors_are_the_models_own():
    model = auricle.load("tiny-towers")
    embedder = Embedder(model, Metrics())
    texts = [f"sound number {i}" for i in range(70)]
    with ThreadPoolExecutor(6) as pool:
        parts = list(pool.map(lambda at: embedder.embed_text(texts[at : at + 7]), range(0, 70, 7)))
    assert np.abs(np.concatenate(parts) - model.embed_text(texts)).max() < 1e-5
    rng = np.random.default_rng(0)
    sounds = [auricle.Audio(rng.standard_normal(16000 * 3).astype(np.float32) * 0.1, 16000) for _ in range(5)]
    with ThreadPoolExecutor(5) as pool:
        got = np.stack(list(pool.map(embedder.embed_whole, sounds)))
    assert np.abs(got - model.embed_audio(sounds)).max() < 1e-5
    embedder.close()
