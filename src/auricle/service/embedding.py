"""Vectors for many callers at once: one model in memory, its runs shared through :mod:`auricle.service.batching`."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np

from auricle.audio.types import Audio
from auricle.models.capabilities import Vectors
from auricle.models.listening import window_cuts
from auricle.models.two_towers import unit
from auricle.service.batching import Batcher
from auricle.service.metrics import Metrics
from auricle.settings import threads

TEXTS = 64  # texts of one batch
WAITING_TEXTS = 4096
# Texts are a third to two thirds cheaper together. A window of sound is work enough for a processor by itself (1, 2 and 8 at once cost
# CLAP 86, 88 and 96 ms each): there it is worth more that one run begins while another ends, and that callers do not all wait for all.
WINDOWS = 2  # windows of one batch
WAITING_WINDOWS = 1024
RUNS = 4  # of windows at the same time, at most


class Embedder:
    """A model with a queue for texts and one for windows of sound; stands in for the model where vectors are asked for.

    batching: off, every caller runs the model alone.
    """

    def __init__(self, model: Any, metrics: Metrics, *, batching: bool = True) -> None:
        self.model = model
        self._batching = batching
        name = model.name

        def observed(tower: str) -> Any:
            return lambda size, waiting: metrics.batch(name, tower, size, waiting)

        self._texts: Batcher[str, Any] = Batcher(model.embed_text, size=TEXTS, capacity=WAITING_TEXTS, observe=observed("text"))
        self._windows: Batcher[Audio, Any] = Batcher(
            model.embed_audio, size=WINDOWS, wait=0.0, capacity=WAITING_WINDOWS, workers=min(RUNS, threads()), observe=observed("audio")
        )

    def __getattr__(self, name: str) -> Any:
        return getattr(self.model, name)

    def embed_text(self, texts: Sequence[str]) -> Vectors:
        if not texts:
            return np.zeros((0, self.model.dim), np.float32)
        if not self._batching:
            return self.model.embed_text(texts)  # type: ignore[no-any-return]
        return np.stack(self._texts(list(texts)))

    def embed_audio(self, windows: Sequence[Audio]) -> Vectors:
        if not windows:
            return np.zeros((0, self.model.dim), np.float32)
        if not self._batching:
            return self.model.embed_audio(windows)  # type: ignore[no-any-return]
        return np.stack(self._windows(list(windows)))

    def embed_sound(self, sound: Audio) -> tuple[Vectors, list[tuple[float, float]]]:
        """Vectors ``[n, d]`` of all windows of a sound, and their seconds."""
        rate = self.model.rate
        samples = sound.mono().at(rate).samples
        length, hop = round(self.model.windowing.seconds * rate), round(self.model.windowing.hop * rate)
        cuts = window_cuts(samples.shape[1], length, hop, rate)
        vectors = self.embed_audio([Audio(samples[:, first:last], rate, sound.source) for first, last in cuts])
        return vectors, [(first / rate, last / rate) for first, last in cuts]

    def embed_whole(self, sound: Audio) -> Vectors:
        """One vector ``[d]`` for all of a sound: the mean of its windows, unit norm."""
        whole: Vectors = unit(self.embed_sound(sound)[0].mean(axis=0, keepdims=True))[0]
        return whole

    def close(self) -> None:
        self._texts.close()
        self._windows.close()


class Embedders:
    """One :class:`Embedder` a model, made when first asked for; libraries that share a model share it."""

    def __init__(self, metrics: Metrics, *, batching: bool = True) -> None:
        self._metrics, self._batching = metrics, batching
        self._made: dict[str, Embedder] = {}
        self._lock = threading.Lock()

    def of(self, model: Any) -> Embedder:
        if isinstance(model, Embedder):
            return model
        with self._lock:
            if model.pipeline_id not in self._made:
                self._made[model.pipeline_id] = Embedder(model, self._metrics, batching=self._batching)
            return self._made[model.pipeline_id]

    def loaded(self) -> list[Embedder]:
        with self._lock:
            return list(self._made.values())

    def close(self) -> None:
        for embedder in self.loaded():
            embedder.close()
