"""Streamed equals full: whatever the block sizes, every window is what it would be alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auricle.audio.features import TAIL_SECONDS
from auricle.audio.types import Audio
from auricle.errors import AudioError, ModelError
from auricle.models.bundle import Bundle
from auricle.models.capabilities import EmbedsFrames
from auricle.models.listening import Heard, HeardCache, frames, hear, listen
from auricle.models.two_towers import FrameTowers, TwoTowers, open_towers

from .making import clap_bundle, tiny_bundle


def sound(seconds: float, rate: int = 16000, channels: int = 1, seed: int = 0) -> Audio:
    """Noise whose level and colour change over time, so that no two windows are alike."""
    rng = np.random.default_rng(seed)
    n = round(seconds * rate)
    noise = rng.standard_normal((channels, n)).astype(np.float32)
    noise[:, 1:] += np.linspace(-0.9, 0.9, max(0, n - 1), dtype=np.float32) * noise[:, :-1]
    return Audio(noise * np.abs(np.sin(np.arange(n, dtype=np.float32) / rate * 1.7)) * 0.3, rate)


def in_blocks(audio: Audio, sizes: list[int]) -> Iterator[Audio]:
    at = turn = 0
    while at < audio.samples.shape[1]:
        size = sizes[turn % len(sizes)]
        yield Audio(audio.samples[:, at : at + size], audio.rate, audio.source, audio.offset + at / audio.rate)
        at, turn = at + size, turn + 1


def all_of(model: TwoTowers, audio: Audio, sizes: list[int]) -> Heard:
    return Heard.joined(listen(in_blocks(audio, sizes), model), model.dim)


@pytest.fixture(scope="module", params=["frames", "frames off the grid", "windows"])
def model(request: pytest.FixtureRequest, tiny: Bundle, tmp_path_factory: pytest.TempPathFactory) -> TwoTowers:
    folder: Path = tmp_path_factory.mktemp("models")
    if request.param == "frames":
        return open_towers(tiny, threads=1)
    if request.param == "windows":
        return open_towers(clap_bundle(folder / "clap"), threads=1)
    return open_towers(tiny_bundle(folder / "off", audio__frontend={"kind": "yamnet", "hop_frames": 48}), threads=1)


def test_only_a_grid_that_fits_is_shared(tiny: Bundle, tmp_path: Path) -> None:
    on = open_towers(tiny)
    off = open_towers(tiny_bundle(tmp_path / "off", audio__frontend={"kind": "yamnet", "hop_frames": 48}))
    assert isinstance(on, FrameTowers)
    assert isinstance(off, FrameTowers)
    assert on.shares_frames
    assert not off.shares_frames


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_streamed_equals_full(model: TwoTowers, data: st.DataObject) -> None:
    longest = 30.0 if model.rate == 16000 else 4.0
    n = data.draw(st.integers(1, round(longest * model.rate)))
    sizes = data.draw(st.lists(st.integers(max(1, n // 40), n), min_size=1, max_size=3))
    audio = sound(n / model.rate, model.rate)
    heard = all_of(model, audio, sizes)
    alone = model.embed_audio([audio.slice(start, end) for start, end in zip(heard.starts, heard.ends, strict=True)])
    np.testing.assert_allclose(heard.vectors, alone, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(heard.vectors, axis=1), 1.0, atol=1e-5)


@settings(max_examples=25, deadline=None)
@given(n=st.integers(1, 480_000))
def test_windows_cover_the_recording(n: int, tiny: Bundle) -> None:
    model = open_towers(tiny, threads=1)
    heard = hear(sound(n / 16000), model)
    duration = n / 16000
    assert heard.starts[0] == 0.0
    assert np.all(heard.ends <= duration + 1e-9)
    assert np.all(heard.starts[1:] <= heard.ends[:-1])
    assert duration - heard.ends[-1] <= TAIL_SECONDS
    regular = heard.ends - heard.starts == 5.0
    np.testing.assert_allclose(heard.starts[regular], np.arange(regular.sum()) * 2.5)
    assert regular[:-1].all()


def test_a_short_clip_is_one_window(model: TwoTowers) -> None:
    heard = hear(sound(0.1, model.rate), model)
    assert len(heard) == 1
    assert heard.ends[0] == pytest.approx(0.1)


def test_the_end_is_heard(tiny: Bundle) -> None:
    """A loud quarter second at the end changes the last window and none that ends before it."""
    model = open_towers(tiny, threads=1)
    quiet = sound(11.3)
    louder = np.array(quiet.samples)
    louder[:, -4000:] *= 30
    before, after = hear(quiet, model), hear(Audio(louder, 16000), model)
    assert np.abs(before.vectors[-1] - after.vectors[-1]).max() > 1e-3
    np.testing.assert_array_equal(before.vectors[:-1], after.vectors[:-1])


def test_stereo_at_another_rate_streams_the_same(model: TwoTowers) -> None:
    audio = sound(9.0 if model.rate == 16000 else 3.0, 22050, channels=2)
    whole, pieces = all_of(model, audio, [audio.samples.shape[1]]), all_of(model, audio, [997, 20011])
    np.testing.assert_allclose(whole.vectors, pieces.vectors, atol=1e-5)
    alone = model.embed_audio([audio.slice(start, end) for start, end in zip(whole.starts, whole.ends, strict=True)])
    assert np.min((alone * whole.vectors).sum(axis=1)) > 0.999  # resampled alone, a window lacks its neighbours' samples


def test_frames_have_times_and_stream_the_same(tiny: Bundle) -> None:
    model = open_towers(tiny, threads=1)
    assert isinstance(model, EmbedsFrames)
    audio = sound(12.3)
    whole = frames(audio, model)
    pieces = list(model.frames(in_blocks(audio, [5000])))
    np.testing.assert_allclose(np.concatenate([p.vectors for p in pieces]), whole.vectors, atol=1e-5)
    np.testing.assert_allclose(np.concatenate([p.starts for p in pieces]), whole.starts)
    assert max(p.vectors.shape[0] for p in pieces) <= 2 * model.batch
    np.testing.assert_allclose(whole.starts[:-1], np.arange(whole.starts.shape[0] - 1) * 0.5)
    np.testing.assert_allclose(whole.ends - whole.starts, 0.975)
    assert 12.3 - whole.ends[-1] < 0.011  # the last frame is moved back to the end, on the grid of 10 ms
    one = model.embed_audio([audio.slice(whole.starts[3], whole.ends[3])])
    np.testing.assert_allclose(one[0], whole.vectors[3], atol=1e-5)


def test_offset_of_the_first_block_counts(model: TwoTowers) -> None:
    audio = sound(2.0, model.rate)
    moved = Audio(audio.samples, audio.rate, audio.source, offset=100.0)
    assert hear(moved, model).starts[0] == 100.0
    np.testing.assert_array_equal(hear(moved, model).vectors, hear(audio, model).vectors)


def test_memory_stays_bounded(tiny: Bundle) -> None:
    """Forty minutes in blocks of 30 s: parts come as they are known, each small."""
    import tracemalloc

    model = open_towers(tiny, threads=1)
    block = sound(30.0)
    model.embed_audio([block])
    tracemalloc.start()
    windows = sum(len(part) for part in listen((block for _ in range(80)), model))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert windows == 959
    assert peak < 60 << 20


def test_nothing_to_hear_is_said(model: TwoTowers) -> None:
    nothing = Audio(np.zeros((1, 0), np.float32), model.rate, "nothing.wav")
    assert list(listen([nothing], model)) == []
    with pytest.raises(AudioError, match=r"nothing\.wav") as caught:
        hear(nothing, model)
    assert caught.value.kind == "Empty"


def test_not_a_number_is_refused(model: TwoTowers) -> None:
    samples = np.zeros((1, 50000), np.float32)
    samples[0, 40000] = np.nan
    with pytest.raises(AudioError) as caught:
        hear(Audio(samples, model.rate, "nan.wav"), model)
    assert caught.value.kind == "NonFinite"


def test_frames_of_a_model_without(tmp_path: Path) -> None:
    with pytest.raises(ModelError) as caught:
        frames(sound(1.0), open_towers(clap_bundle(tmp_path / "clap")))
    assert caught.value.kind == "Capability"


def test_cache_knows_content_and_pipeline(tiny: Bundle, tmp_path: Path) -> None:
    cache = HeardCache()
    model, other = open_towers(tiny), open_towers(clap_bundle(tmp_path / "clap"))
    audio = sound(3.0)
    first = hear(audio, model, cache=cache)
    assert hear(Audio(np.array(audio.samples), 16000), model, cache=cache) is first
    assert hear(sound(3.0, seed=1), model, cache=cache) is not first
    assert hear(audio, other, cache=cache) is not first
    assert frames(audio, model, cache=cache) is frames(audio, model, cache=cache)


def test_cache_forgets_what_is_oldest(tiny: Bundle) -> None:
    cache = HeardCache(max_bytes=300)  # two windows of 32 float32
    model = open_towers(tiny)
    sounds = [sound(2.0, seed=seed) for seed in range(3)]
    found = [hear(audio, model, cache=cache) for audio in sounds]
    assert hear(sounds[2], model, cache=cache) is found[2]
    assert hear(sounds[0], model, cache=cache) is not found[0]
