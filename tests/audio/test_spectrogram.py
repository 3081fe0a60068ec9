"""Pictures of sound: what is known to be there is where it must be."""

from __future__ import annotations

import io
import tracemalloc

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auricle import audio
from auricle.audio import spectrogram as s
from auricle.demo import SOUNDS


def cut(samples, rate, size):
    for at in range(0, len(samples), size):
        yield audio.Audio(samples[at : at + size], rate, offset=at / rate)


def drawn(samples, rate, width=200, height=128, start=0.0, end=None, size=None, max_hz=None):
    layout = s.plan(rate, start, len(samples) / rate if end is None else end, width)
    return s.spectrogram(cut(samples, rate, size or len(samples)), layout, height, max_hz)


def row_of(hertz, height, top):
    """Rows are even on the mel scale, the highest first."""
    mel = 2595 * np.log10(1 + hertz / 700) / (2595 * np.log10(1 + top / 700))
    return height - mel * (height + 1)


@pytest.mark.parametrize("rate", [8000, 16000, 44100, 48000])
@pytest.mark.parametrize("width", [50, 400, 3000])
@pytest.mark.parametrize("hertz", [300, 1000, 3500])
def test_a_tone_lies_in_its_row(rate, width, hertz):
    tone = 0.5 * np.sin(2 * np.pi * hertz * np.arange(2 * rate) / rate).astype(np.float32)
    image = drawn(tone, rate, width, 256)
    inner = image[:, width // 10 : -width // 10]
    wide = 256 * (rate / s.plan(rate, 0, 2, width).n_fft) / (hertz + 700) * 1127 / (2595 * np.log10(1 + s.top_hz(rate) / 700))
    assert np.abs(inner.argmax(axis=0) - row_of(hertz, 256, s.top_hz(rate))).max() <= 2 + wide
    assert inner.max(axis=0).min() >= 250
    assert np.median(image) < 80


def test_a_click_lies_in_its_column():
    sound = np.zeros(48000, np.float32)
    sound[12_345] = 0.9
    image = drawn(sound, 48000, width=300)
    assert int(image.sum(axis=0, dtype=int).argmax()) == 12_345 * 300 // 48000
    far = np.abs(np.arange(300) - 77) > 8
    assert not image[:, far].any()


def test_a_click_is_seen_from_afar():
    sound = np.random.default_rng(0).standard_normal(8000 * 600).astype(np.float32) * 1e-3
    sound[8000 * 400 + 17] = 0.9
    image = drawn(sound, 8000, width=60)
    assert int(image.sum(axis=0, dtype=int).argmax()) == 40


def test_louder_is_brighter_down_to_eighty_decibels():
    rate, steps = 8000, np.repeat(10.0 ** (-np.arange(10) * 10 / 20), 8000)
    tone = (steps * np.sin(2 * np.pi * 1000 * np.arange(len(steps)) / rate)).astype(np.float32)
    image = drawn(tone, rate, width=100)
    row = round(row_of(1000, 128, 4000))
    levels = image[row - 1 : row + 2].max(axis=0)[5::10].astype(int)
    assert levels[0] == 255
    np.testing.assert_allclose(np.diff(levels[1:9]), -255 / 8, atol=1.5)
    assert levels[9] == 0


def test_silence_is_dark():
    assert not drawn(np.zeros(16000, np.float32), 16000).any()
    hiss = np.random.default_rng(0).standard_normal(48000).astype(np.float32) * 1e-6
    assert drawn(hiss, 48000).max() < 100


@given(st.integers(0, 1000), st.integers(1, 400), st.integers(1, 64), st.integers(200, 9000), st.integers(1, 9000))
@settings(max_examples=30, deadline=None)
def test_how_the_sound_comes_in_makes_no_difference(seed, width, height, n, size):
    sound = np.random.default_rng(seed).uniform(-1, 1, n).astype(np.float32)
    whole = drawn(sound, 8000, width, height)
    assert whole.shape == (height, width)
    assert whole.dtype == np.uint8
    parts = drawn(sound, 8000, width, height, size=max(size, n // 50))
    assert np.abs(whole.astype(int) - parts).max() <= 1


def test_a_stretch_is_what_the_whole_shows_there():
    rate = 16000
    sound = (0.3 * np.sin(2 * np.pi * (300 + 200 * np.arange(10 * rate) / rate) * np.arange(10 * rate) / rate)).astype(np.float32)
    whole = drawn(sound, rate, width=1000)
    layout = s.plan(rate, 4.0, 6.0, 200)
    first = round((4.0 - layout.lead) * rate)
    part = s.spectrogram([audio.Audio(sound[first:], rate, offset=first / rate)], layout, 128)
    assert np.abs(whole[:, 400:600].argmax(axis=0) - part.argmax(axis=0)).max() <= 1


def test_a_bat_is_seen_when_asked_for():
    rate = 384_000
    call = (0.5 * np.sin(2 * np.pi * 45_000 * np.arange(rate // 4) / rate)).astype(np.float32)
    assert s.top_hz(rate) == 24_000
    assert s.top_hz(rate, 200_000) == 192_000
    assert s.top_hz(16_000) == 8_000
    seen = drawn(call, rate, max_hz=192_000)
    assert np.abs(np.median(seen[:, 20:-20].argmax(axis=0)) - row_of(45_000, 128, 192_000)) <= 1


def test_memory_does_not_grow_with_the_duration():
    block = np.random.default_rng(0).uniform(-0.1, 0.1, 80_000).astype(np.float32)
    blocks = (audio.Audio(block, 16000, offset=5.0 * i) for i in range(360))
    tracemalloc.start()
    image = s.spectrogram(blocks, s.plan(16000, 0.0, 1800.0, 300), 64)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert image[:, -1].any()
    assert peak < 16 << 20


def test_real_sounds():
    for path in sorted(SOUNDS.rglob("*.flac")) + sorted(SOUNDS.rglob("*.opus"))[:3]:
        heard = audio.open(path, mono=True)
        image = drawn(heard.samples[0], heard.rate, 300, 100, size=heard.rate)
        assert 200 < image.max() <= 255
        assert image.min() < 60


def test_the_colours_are_even():
    table = s.colours().astype(float)
    assert table.shape == (256, 3)
    assert table[0].tolist() == [0, 0, 4]
    assert table[255].tolist() == [252, 253, 191]
    linear = np.where(table <= 10, table / 3294.6, ((table / 255 + 0.055) / 1.055) ** 2.4)
    y = linear @ [0.2126, 0.7152, 0.0722]
    lightness = np.where(y > 0.008856, 116 * np.cbrt(y) - 16, 903.3 * y)
    assert (np.diff(lightness) > 0).all()
    assert np.abs(lightness - np.linspace(0, 98.5, 256)).max() < 7


def test_png_is_read_by_others():
    image = np.arange(256, dtype=np.uint8).reshape(4, 64)
    with av.open(io.BytesIO(s.png(image)), format="png_pipe") as container:
        frame = next(container.decode(video=0))
    np.testing.assert_array_equal(frame.to_ndarray(format="rgb24"), s.colours()[image])
