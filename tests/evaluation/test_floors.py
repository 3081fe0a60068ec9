"""Models that know nothing: always the same ones, and no better than chance by name."""

from __future__ import annotations

import numpy as np
import pytest

from auricle.audio import Audio
from auricle.evaluation import floors
from auricle.models import hub
from auricle.models.capabilities import EmbedsAudio, EmbedsText


def test_random_towers_have_the_shapes_of_the_real_ones_and_know_nothing(tmp_path):
    pytest.importorskip("onnx")
    model, real = floors.load("random", folder=tmp_path), hub.load()
    assert model.name == "random@1"
    assert (model.dim, model.rate, model.windowing) == (real.dim, real.rate, real.windowing)
    assert model.calibration is None
    assert floors.load("random", folder=tmp_path / "again").pipeline_id == model.pipeline_id != real.pipeline_id
    texts = ["a dog", "rain falling", "church bells"]
    mine, theirs = model.embed_text(texts), real.embed_text(texts)
    assert np.abs(np.sum(mine * theirs, axis=1)).max() < 0.5
    np.testing.assert_allclose(np.linalg.norm(mine, axis=1), 1, atol=1e-5)


def test_random_clap_hears_and_reads():
    pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    small = transformers.ClapConfig(
        audio_config={"depths": [1, 1, 1, 1], "num_attention_heads": [1, 1, 1, 1], "patch_embeds_hidden_size": 16, "hidden_size": 128},
        text_config={"num_hidden_layers": 1, "hidden_size": 32, "num_attention_heads": 2, "intermediate_size": 32},
        projection_dim=512,
    )  # fmt: skip
    model = floors.RandomClap(transformers.ClapModel(small).eval(), "tiny")
    assert isinstance(model, EmbedsAudio)
    assert isinstance(model, EmbedsText)
    noise = np.random.default_rng(0).normal(size=(1, 16000)).astype(np.float32) * 0.1
    vectors = model.embed_audio([Audio(noise, 16000), Audio(noise[:, :9000], 48000)])
    assert vectors.shape == (2, 512)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    a, b, again = model.embed_text(["rain", "a dog barks", "Rain"])
    assert np.abs(a - b).max() > 1e-3
    np.testing.assert_allclose(a, again, atol=1e-6)
    assert model.bytes > 10_000
