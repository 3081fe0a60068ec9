"""What every bundle must keep, whichever pipeline it holds: ours, CLAP's, and the weights that ship."""

from __future__ import annotations

import threading
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auricle.audio.types import Audio
from auricle.errors import AudioError, ModelError, UsageError
from auricle.models import hub
from auricle.models.bundle import Bundle
from auricle.models.capabilities import EmbedsAudio, EmbedsFrames, EmbedsText
from auricle.models.card import ModelCard
from auricle.models.two_towers import FrameTowers, TwoTowers, open_towers, unit

from .making import DIM, clap_bundle, text_graph, tiny_bundle, tiny_config, tiny_files, word_tokenizer
from .test_listening import sound

TEXTS = ["rain on a tin roof", "", "dog", "someone is speaking in the street, no music", "  ", "Zug — поезд 🚂", "far " * 40]


@pytest.fixture(scope="module", params=["tiny", "clap", "shipped"])
def model(request: pytest.FixtureRequest, tiny: Bundle, tmp_path_factory: pytest.TempPathFactory) -> TwoTowers:
    pytest.importorskip("onnx")
    if request.param == "tiny":
        return open_towers(tiny, threads=1)
    if request.param == "clap":
        return open_towers(clap_bundle(tmp_path_factory.mktemp("models") / "clap"), threads=1)
    if not (hub.bundles_folder() / "tiny-towers@1").is_dir():
        pytest.skip("no weights ship with this tree")
    return hub.load("tiny-towers@1", threads=1)


# ---------------------------------------------------------------------------------------------------------------- contract


def test_it_is_what_tasks_ask_for(model: TwoTowers) -> None:
    assert isinstance(model, EmbedsAudio)
    assert isinstance(model, EmbedsText)
    assert isinstance(model, EmbedsFrames) == model.has_frames == isinstance(model, FrameTowers)
    assert model.dim % 16 == 0
    assert model.pipeline_id.startswith(f"{model.name}:")
    assert model.card.full_name == model.name


def test_vectors_are_unit_float32(model: TwoTowers) -> None:
    for vectors in (model.embed_audio([sound(2.0), sound(7.3)]), model.embed_text(TEXTS)):
        assert vectors.dtype == np.float32
        assert vectors.shape[1] == model.dim
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)


def test_no_windows_and_no_texts(model: TwoTowers) -> None:
    assert model.embed_audio([]).shape == (0, model.dim)
    assert model.embed_text([]).shape == (0, model.dim)


def test_audio_is_bit_identical_across_calls(model: TwoTowers) -> None:
    windows = [sound(seconds) for seconds in (0.2, 1.0, 5.0, 9.7)]
    np.testing.assert_array_equal(model.embed_audio(windows), model.embed_audio(windows))


@settings(max_examples=15, deadline=None)
@given(seconds=st.lists(st.floats(0.01, 6.0), min_size=2, max_size=6), seed=st.integers(0, 99))
def test_audio_does_not_depend_on_its_company(model: TwoTowers, seconds: list[float], seed: int) -> None:
    windows = [sound(s, seed=seed + i) for i, s in enumerate(seconds)]
    together = model.embed_audio(windows)
    alone = np.concatenate([model.embed_audio([window]) for window in windows])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_text_does_not_depend_on_its_company(model: TwoTowers) -> None:
    together = model.embed_text(TEXTS)
    alone = np.concatenate([model.embed_text([text]) for text in TEXTS])
    assert (together * alone).sum(axis=1).min() >= 0.9999
    backwards = model.embed_text(TEXTS[::-1])[::-1]
    assert (together * backwards).sum(axis=1).min() >= 0.9999
    assert len(np.unique(np.round(together, 4), axis=0)) >= len(TEXTS) - 1  # "" and blanks alone may be one


def test_texts_of_any_kind(model: TwoTowers) -> None:
    vectors = model.embed_text(["\ud800 broken", "\0", "a" * 5000, "word " * 5000])
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)


def test_rate_and_channels_do_not_matter(model: TwoTowers) -> None:
    rate = model.rate
    seconds = np.arange(3 * 96000) / 96000
    fine = (0.3 * np.sin(2 * np.pi * 440 * seconds) + 0.1 * np.sin(2 * np.pi * 1500 * seconds)).astype(np.float32)
    source = Audio(fine, 96000)
    mono = source.at(rate)
    stereo = Audio(np.repeat(mono.samples, 2, axis=0), rate)
    there = model.embed_audio([mono, stereo, source.at(44100)])
    np.testing.assert_allclose(there[0], there[1], atol=1e-6)
    assert there[0] @ there[2] > 0.999


@pytest.mark.parametrize("seconds", [0.0001, 0.1, 0.96, 1.0, 30.0])
def test_any_length(model: TwoTowers, seconds: float) -> None:
    vectors = model.embed_audio([sound(seconds, model.rate)])
    np.testing.assert_allclose(np.linalg.norm(vectors), 1.0, atol=1e-5)


def test_silence_has_a_vector(model: TwoTowers) -> None:
    vectors = model.embed_audio([Audio(np.zeros((1, model.rate), np.float32), model.rate)])
    np.testing.assert_allclose(np.linalg.norm(vectors), 1.0, atol=1e-5)


def test_nothing_and_not_a_number_name_their_source(model: TwoTowers) -> None:
    with pytest.raises(AudioError, match=r"nothing\.wav") as caught:
        model.embed_audio([Audio(np.zeros((1, 0), np.float32), 16000, "nothing.wav")])
    assert caught.value.kind == "Empty"
    bad = np.full((1, 16000), np.inf, np.float32)
    with pytest.raises(AudioError, match=r"inf\.wav") as caught:
        model.embed_audio([Audio(bad, model.rate, "inf.wav")])
    assert caught.value.kind == "NonFinite"


def test_threads_share_a_model(model: TwoTowers) -> None:
    windows = [sound(3.0, seed=seed) for seed in range(4)]
    expected = [model.embed_audio([window]) for window in windows]
    text = model.embed_text(TEXTS)
    found: dict[int, Any] = {}

    def work(i: int) -> None:
        found[i] = (model.embed_audio([windows[i % 4]]), model.embed_text(TEXTS))

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i in range(8):
        np.testing.assert_array_equal(found[i][0], expected[i % 4])
        np.testing.assert_array_equal(found[i][1], text)


def test_frames_pool_to_the_window(model: TwoTowers) -> None:
    if not isinstance(model, FrameTowers):
        pytest.skip("windows only")
    window = sound(model.windowing.seconds, model.rate)
    raw = [part.vectors for part in model.raw_frames([window])]
    pooled = unit(np.concatenate(raw).mean(axis=0, dtype=np.float64))
    np.testing.assert_allclose(pooled, model.embed_audio([window])[0], atol=1e-5)
    frames = list(model.frames([window]))
    starts = np.concatenate([part.starts for part in frames])
    assert all(b - a <= model.frame_hop + 1e-9 for a, b in pairwise(starts))
    np.testing.assert_allclose(np.linalg.norm(frames[0].vectors, axis=1), 1.0, atol=1e-5)


# ---------------------------------------------------------------------------------------------------------------- bundles


def made(folder: Path, files: dict[str, bytes] | None = None, **changes: Any) -> TwoTowers:
    card = ModelCard(name="tiny", version="1", family="two-towers")
    return open_towers(Bundle.write(folder, tiny_config(**changes), card, dict(files or tiny_files())), threads=1)


def test_a_search_loads_the_text_tower_alone(tiny: Bundle) -> None:
    model = open_towers(tiny, threads=1)
    model.embed_text(["dog"])
    assert model._audio_session._session is None
    assert model._text_session._session is not None


def test_towers_load_ahead(tiny: Bundle, tmp_path: Path) -> None:
    model = open_towers(tiny, threads=1)
    model.warm(audio=False)
    deadline = time.monotonic() + 10
    while model._text_session._session is None and time.monotonic() < deadline:
        time.sleep(0.005)
    assert model._text_session._session is not None
    assert model._audio_session._session is None
    damaged = made(tmp_path / "b")
    (tmp_path / "b" / "audio.onnx").write_bytes(b"nonsense")
    damaged.warm()
    with pytest.raises(ModelError, match="ONNX"):
        damaged.embed_audio([sound(1.0)])


def test_a_long_window_is_the_mean_of_its_parts(tmp_path: Path) -> None:
    model = open_towers(clap_bundle(tmp_path / "clap"), threads=1)
    long = sound(3.0, model.rate)
    parts = model.embed_audio([long.slice(i, i + 1) for i in range(3)])
    np.testing.assert_allclose(model.embed_audio([long])[0], unit(parts.mean(axis=0)), atol=1e-5)


def test_batch_sizes_agree(tmp_path: Path) -> None:
    windows = [sound(s) for s in (5.0, 0.3, 12.0)]
    found = [made(tmp_path / str(batch), audio__batch=batch).embed_audio(windows) for batch in (1, 3, 64)]
    np.testing.assert_allclose(found[0], found[1], atol=1e-5)
    np.testing.assert_allclose(found[0], found[2], atol=1e-5)


def test_a_narrow_graph_is_filled_with_zeros(tmp_path: Path) -> None:
    wide, plain = made(tmp_path / "wide", dim=48), made(tmp_path / "plain")
    window, text = sound(2.0), ["dog barking"]
    assert wide.dim == 48
    assert not wide.embed_audio([window])[:, DIM:].any()
    dots = [m.embed_audio([window]) @ m.embed_text(text).T for m in (wide, plain)]
    np.testing.assert_allclose(dots[0], dots[1], atol=1e-6)


def test_length_belongs_to_the_bundle(tmp_path: Path) -> None:
    model = made(tmp_path / "short", text__max_length=4)
    np.testing.assert_array_equal(model.embed_text(["dog barking far"]), model.embed_text(["dog barking music"]))
    assert (made(tmp_path / "long").embed_text(["dog barking far", "dog barking music"]).prod(axis=0)).sum() < 0.999


def test_sentences_where_they_are_kept(tiny: Bundle, tmp_path: Path) -> None:
    sentences = open_towers(tiny).sentence(["dog", "rain"])
    assert sentences.shape == (2, 24)
    np.testing.assert_allclose(np.linalg.norm(sentences, axis=1), 1.0, atol=1e-5)
    without = made(tmp_path / "without", text__sentence="other")
    assert not without.has_sentences
    with pytest.raises(ModelError) as caught:
        without.sentence(["dog"])
    assert caught.value.kind == "Capability"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"audio__frontend": {"kind": "mfcc"}}, "front end"),
        ({"audio__frontend": {"kind": "yamnet", "hops": 1}}, "hops"),
        ({"audio__pool": "max"}, "pool"),
        ({"audio__batch": 0}, r"audio\.batch"),
        ({"text__max_length": "long"}, "max_length"),
        ({"text__languages": ["en"]}, "languages"),
        ({"window": {"seconds": 1.0, "hop": 2.0}}, "hop"),
        ({"window": {"seconds": "five"}}, "five"),
    ],
)
def test_a_config_that_makes_no_sense(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ModelError, match=words) as caught:
        made(tmp_path / "b", **changes)
    assert caught.value.kind == "Damaged"


def test_another_architecture_asks_for_an_upgrade(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="one_head") as caught:
        made(tmp_path / "b", architecture="one_head")
    assert caught.value.kind == "Unsupported"


@pytest.mark.parametrize("name", ["audio.onnx", "text.onnx", "tokenizer.json"])
def test_files_that_cannot_be_used(tmp_path: Path, name: str) -> None:
    model = made(tmp_path / "b")
    (tmp_path / "b" / name).write_bytes(b"nonsense")
    with pytest.raises(ModelError) as caught:
        model.embed_audio([sound(1.0)]) if name == "audio.onnx" else model.embed_text(["x"])
    assert caught.value.kind == "Damaged"


def test_a_graph_of_another_shape(tmp_path: Path) -> None:
    _, size = word_tokenizer()
    model = made(tmp_path / "b", {**tiny_files(), "text.onnx": text_graph(size, dim=64)})
    with pytest.raises(ModelError, match="64"):
        model.embed_text(["dog"])


def test_devices_and_threads_are_checked(tiny: Bundle) -> None:
    with pytest.raises(UsageError, match="device"):
        open_towers(tiny, device="tpu")
    with pytest.raises(UsageError, match="threads"):
        open_towers(tiny, threads=0)


def test_tiny_bundle_is_the_fixture(tiny: Bundle, tmp_path: Path) -> None:
    assert tiny_bundle(tmp_path / "again").pipeline_id == tiny.pipeline_id
