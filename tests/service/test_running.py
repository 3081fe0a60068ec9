"""What keeps the server quick: answers leave at once, slow requests do not hold up quick ones, an empty filter is none."""

from __future__ import annotations

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import auricle
from auricle.library.browse import Filter
from auricle.service.asked import Filters
from auricle.service.config import ServiceConfig
from auricle.service.context import filter_of
from auricle.service.embedding import Embedder
from auricle.service.metrics import Metrics
from auricle.service.routes import sound
from auricle.service.running import listen


def test_the_socket_says_that_it_is_tcp():
    """asyncio sets TCP_NODELAY for such only; without it every answer with a body takes 40 ms longer."""
    (listening,) = listen(ServiceConfig(port=0))
    with listening, socket.create_connection(listening.getsockname()):
        accepted, _ = listening.accept()
        with accepted:
            assert accepted.proto == socket.IPPROTO_TCP


def test_answers_do_not_wait_for_the_other_side(server):
    server.client.get("/api/v1/libraries/demo")
    took = []
    for _ in range(20):
        begin = time.perf_counter()
        server.client.get("/api/v1/libraries/demo").raise_for_status()
        took.append(time.perf_counter() - begin)
    assert min(took) < 0.030


def test_slow_requests_leave_threads_for_quick_ones(server, monkeypatch):
    gate, waiting = threading.Event(), threading.Semaphore(0)

    def slow(*_):
        waiting.release()
        gate.wait(30)
        raise auricle.UsageError("enough")

    monkeypatch.setattr(sound.media, "spectrogram_png", slow)
    identity = next(iter(server.ids().values()))
    with ThreadPoolExecutor(60) as pool:
        pictures = [pool.submit(server.client.get, f"/api/v1/recordings/{identity}/spectrogram") for _ in range(60)]
        try:
            for _ in range(60):
                assert waiting.acquire(timeout=20)
            assert server.client.get("/api/v1/status", timeout=10.0).status_code == 200
        finally:
            gate.set()
        assert {each.result().status_code for each in pictures} == {400}


def test_an_empty_filter_is_none():
    assert not Filter()
    assert not filter_of(Filters())  # its lists are lists, not tuples
    assert filter_of(Filters(min_duration=0.0))
    assert filter_of(Filters(tag=["rain"]))
    assert filter_of(Filters(where="duration > 1"))


def test_without_batching_a_caller_runs_the_model_alone():
    class Model:
        name, dim = "fake", 2

        def embed_text(self, texts):
            assert threading.current_thread() is threading.main_thread()
            return [[1.0, 0.0]] * len(texts)

        embed_audio = embed_text

    embedder = Embedder(Model(), Metrics(), batching=False)
    assert len(embedder.embed_text(["a", "b"])) == len(embedder.embed_audio(["c", "d"])) == 2


def test_the_first_search_finds_the_model_loaded(server):
    service = server.service
    service.context.warm()
    model = service.context.embedder(service.context.libraries.get()).model
    assert model._text_session._session is not None


def test_a_stretch_shorter_than_a_sample_is_no_defect(server):
    identity = next(iter(server.ids().values()))
    for what in ("peaks", "spectrogram"):
        for end in ("5e-324", "1e-9"):
            answer = server.client.get(f"/api/v1/recordings/{identity}/{what}", params={"end": end})
            assert (answer.status_code, answer.json()["code"]) == (400, "usage")
