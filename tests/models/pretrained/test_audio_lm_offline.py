"""Checkpoints from disk ask nobody; where answers end; the windows of Audio Flamingo."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("transformers", minversion="5.0")

from auricle.audio.types import Audio
from auricle.models import hub
from auricle.models.capabilities import Cut

from .checkpoints import audio_flamingo, qwen2_audio


def noise(seconds: float, seed: int = 0) -> Audio:
    samples = np.random.default_rng(seed).standard_normal((1, round(seconds * 16_000))).astype(np.float32)
    return Audio(samples * np.float32(0.1), 16_000, "noise.wav")


@pytest.mark.parametrize("make", [qwen2_audio, audio_flamingo])
def test_nobody_is_asked(make: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make(tmp_path / "ears")
    asked: list[Any] = []
    monkeypatch.setattr(socket.socket, "connect", lambda self, address: asked.append(address))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *given, **_: asked.append(given) or [])
    model: Any = hub.load(folder, threads=1)
    assert list(model.generate([noise(1.0)], "What is heard?", max_tokens=3))
    assert model.pipeline_id
    assert not asked


@pytest.mark.parametrize("make", [qwen2_audio, audio_flamingo])
def test_an_answer_ends_where_the_model_ends_it(make: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model: Any = hub.load(make(tmp_path / "ears"), threads=1)
    tokens = list(model._tokens(model._asked([noise(1.0)], "What is heard?"), 0, 12))
    assert len(tokens) == 12
    last = next(i for i in range(3, 12) if tokens[i] not in tokens[:i])
    monkeypatch.setattr(model, "_ends", lambda: {tokens[last]})
    said = list(model.generate([noise(1.0)], "What is heard?", max_tokens=12))
    assert not any(isinstance(piece, Cut) for piece in said)
    assert "".join(said) == model._processor().tokenizer.decode(tokens[:last], skip_special_tokens=True).rstrip("\ufffd")
    assert isinstance(list(model.generate([noise(1.0)], "What is heard?", max_tokens=last))[-1], Cut)


def test_windows_of_thirty_seconds_are_one_sound(tmp_path: Path) -> None:
    """Its encoder gives 25 tokens a second, over the borders of its windows too."""
    model: Any = hub.load(audio_flamingo(tmp_path / "ears"), threads=1)
    mark = model._processor().audio_token_id
    counts = [int((model._asked([noise(s)], "?")["input_ids"] == mark).sum()) for s in (1.0, 30.0, 30.001, 40.0, 60.0, 75.0)]
    assert counts == [25, 750, 750, 1000, 1500, 1500]
    assert np.isfinite(model.score([noise(30.001)], "?", ["rain"])).all()
