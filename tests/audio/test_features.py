"""Front ends: the same numbers as the references, the same on any cut of the same sound, and nothing unheard."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auricle.audio.features import TAIL_SECONDS, ClapFrontEnd, YamnetFrontEnd, front_end, hann, mel_filter_bank

YAMNET = YamnetFrontEnd()
SMALL_CLAP = ClapFrontEnd(rate=8000, n_fft=256, hop_length=80, f_max=3500.0, max_length=8000, truncation="rand_trunc")


def noise(n: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    loudness = np.abs(np.sin(np.arange(n) / 3000.0)) * 0.5
    return (rng.standard_normal(n) * loudness).astype(np.float32)


# ---------------------------------------------------------------------------------------------------------------- mel


BANKS = [(513, 64, 0.0, 14000.0, 48000), (257, 64, 125.0, 7500.0, 16000), (513, 64, 50.0, 14000.0, 48000)]


@pytest.mark.parametrize(("scale", "norm"), [("htk", None), ("slaney", "slaney"), ("slaney", None), ("htk", "slaney")])
@pytest.mark.parametrize("bank", BANKS)
def test_filter_bank_is_that_of_transformers(scale: str, norm: str | None, bank: tuple[int, int, float, float, int]) -> None:
    reference = pytest.importorskip("transformers.audio_utils").mel_filter_bank(*bank, norm=norm, mel_scale=scale)
    np.testing.assert_allclose(mel_filter_bank(*bank, scale, norm), reference, atol=1e-12)


def test_filters_are_triangles_that_meet() -> None:
    bank = mel_filter_bank(257, 64, 125.0, 7500.0, 16000)
    inside = slice(round(200 / 8000 * 256), round(7000 / 8000 * 256))
    np.testing.assert_allclose(bank[inside].sum(axis=1), 1.0, atol=1e-9)
    assert not bank[: int(125 / 8000 * 256)].any()
    assert not bank[int(7500 / 8000 * 256) + 2 :].any()


@pytest.mark.parametrize("bad", [{"n_freqs": 1}, {"n_mels": 0}, {"f_min": 9000.0}, {"f_min": -1.0}, {"scale": "bark"}, {"norm": "area"}])
def test_impossible_filter_banks(bad: dict[str, object]) -> None:
    good: dict[str, object] = {"n_freqs": 257, "n_mels": 64, "f_min": 125.0, "f_max": 7500.0, "rate": 16000}
    with pytest.raises(ValueError):
        mel_filter_bank(**{**good, **bad})  # type: ignore[arg-type]


def test_window_is_periodic() -> None:
    np.testing.assert_allclose(hann(400), np.hanning(401)[:-1], atol=1e-15)


# ---------------------------------------------------------------------------------------------------------------- yamnet


def test_log_mel_is_that_of_a_plain_transform() -> None:
    """Against the definition, written out in float64, one frame at a time."""
    x = noise(5000)
    bank = mel_filter_bank(257, 64, 125.0, 7500.0, 16000)
    window = np.hanning(401)[:-1]
    frames = [x[at : at + 400].astype(np.float64) * window for at in range(0, 5000 - 400 + 1, 160)]
    expected = np.log(np.abs(np.fft.rfft(frames, 512)) @ bank + 1e-6)
    found = YAMNET.log_mel(x)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_log_mel_agrees_with_torch() -> None:
    torch = pytest.importorskip("torch")
    x = noise(16000, seed=3)
    spectrum = torch.stft(torch.from_numpy(x), 512, 160, 400, torch.hann_window(400), center=False, return_complex=True)
    bank = torch.from_numpy(mel_filter_bank(257, 64, 125.0, 7500.0, 16000).astype(np.float32))
    expected = torch.log(spectrum.abs().T @ bank + 1e-6).numpy()
    found = YAMNET.log_mel(x[56:])[: expected.shape[0]]  # torch centres a window of 400 in its frame of 512
    np.testing.assert_allclose(found, expected[: found.shape[0]], atol=2e-3)


@settings(max_examples=60, deadline=None)
@given(n=st.integers(1, 16000 * 40), hop=st.sampled_from([48, 50, 25, 96]))
def test_patches_leave_no_tail_unheard(n: int, hop: int) -> None:
    front = YamnetFrontEnd(hop_frames=hop)
    cuts = front.cuts(n)
    assert cuts[0][0] == 0
    assert n - cuts[-1][1] <= TAIL_SECONDS * 16000
    assert all(end <= n for _, end in cuts)
    assert all(later[0] <= earlier[1] + 160 for earlier, later in pairwise(cuts))
    assert all(start % 160 == 0 for start, _ in cuts)
    if len(cuts) > 1:
        assert {end - start for start, end in cuts} == {front.length}
        assert all(start == i * front.hop for i, (start, _) in enumerate(cuts[:-1]))


@settings(max_examples=15, deadline=None)
@given(n=st.integers(16000, 16000 * 12), first=st.integers(0, 8))
def test_a_patch_does_not_depend_on_what_is_around_it(n: int, first: int) -> None:
    x = noise(n)
    cuts = YAMNET.cuts(n)
    together = YAMNET.features(x, cuts)
    assert together.shape == (len(cuts), 1, 96, 64)
    start, end = cuts[min(first, len(cuts) - 1)]
    alone = YAMNET.features(x[start:end], [(0, end - start)])
    np.testing.assert_allclose(alone[0], together[min(first, len(cuts) - 1)], atol=1e-5)


def test_same_in_same_out() -> None:
    x = noise(80000)
    np.testing.assert_array_equal(YAMNET.features(x, YAMNET.cuts(80000)), YAMNET.features(x.copy(), YAMNET.cuts(80000)))


def test_short_sounds_are_filled_as_told() -> None:
    x = noise(8000)
    silent = YAMNET.features(x, [(0, 8000)])
    repeated = YamnetFrontEnd(pad="repeat").features(x, [(0, 8000)])
    np.testing.assert_array_equal(silent[0, 0, :47], repeated[0, 0, :47])
    np.testing.assert_allclose(silent[0, 0, 60:], np.log(1e-6), atol=1e-4)
    np.testing.assert_allclose(repeated[0, 0, 50:90], repeated[0, 0, 0:40], atol=1e-4)  # 8000 samples are 50 frames
    assert YAMNET.features(np.zeros(1, np.float32), [(0, 1)]).shape == (1, 1, 96, 64)


# ---------------------------------------------------------------------------------------------------------------- clap


@pytest.mark.parametrize("truncation", ["rand_trunc", "fusion"])
@pytest.mark.parametrize("padding", ["repeatpad", "pad", "repeat"])
@pytest.mark.parametrize("seconds", [0.03, 0.7, 3.3, 10.0])
def test_clap_features_are_those_of_transformers(truncation: str, padding: str, seconds: float) -> None:
    transformers = pytest.importorskip("transformers")
    x = noise(round(seconds * 48000), seed=5)
    x[: x.shape[0] // 4] = 0.0
    extractor = transformers.ClapFeatureExtractor(truncation=truncation, padding=padding)
    expected = extractor(x, sampling_rate=48000, return_tensors="np")["input_features"]
    front = front_end({"kind": "clap", "truncation": truncation, "padding": padding})
    found = front.features(x, front.cuts(x.shape[0]))
    assert found.dtype == np.float32
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_clap_features_with_other_numbers() -> None:
    transformers = pytest.importorskip("transformers")
    options = {
        "sampling_rate": 16000,
        "hop_length": 160,
        "fft_window_size": 512,
        "max_length_s": 2,
        "frequency_min": 50,
        "frequency_max": 7000,
    }
    extractor = transformers.ClapFeatureExtractor(truncation="rand_trunc", **options)
    front = ClapFrontEnd(16000, 512, 160, 64, 50.0, 7000.0, 32000, "rand_trunc")
    x = noise(20000)
    expected = extractor(x, sampling_rate=16000, return_tensors="np")["input_features"]
    np.testing.assert_allclose(front.features(x, [(0, 20000)]), expected, atol=1e-4)


@settings(max_examples=60, deadline=None)
@given(n=st.integers(1, 8000 * 30))
def test_long_sounds_are_cut_never_cropped(n: int) -> None:
    cuts = SMALL_CLAP.cuts(n)
    assert cuts[0][0] == 0
    assert n - cuts[-1][1] <= TAIL_SECONDS * 8000
    assert all(later[0] <= earlier[1] for earlier, later in pairwise(cuts))
    assert cuts == [(0, n)] or {end - start for start, end in cuts} == {8000}


def test_clap_batches_equal_single_inputs() -> None:
    x = noise(20000)
    cuts = SMALL_CLAP.cuts(20000)
    together = SMALL_CLAP.features(x, cuts)
    for cut, features in zip(cuts, together, strict=True):
        np.testing.assert_array_equal(SMALL_CLAP.features(x, [cut])[0], features)


# ---------------------------------------------------------------------------------------------------------------- config


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"kind": "mfcc"},
        {"kind": "yamnet", "hops": 3},
        {"kind": "yamnet", "hop_frames": 0},
        {"kind": "yamnet", "rate": 16000.0},
        {"kind": "yamnet", "window_length": 600},
        {"kind": "yamnet", "log_offset": 0.0},
        {"kind": "yamnet", "pad": "mirror"},
        {"kind": "clap", "truncation": "random"},
        {"kind": "clap", "padding": "mirror"},
        {"kind": "clap", "f_min": 15000.0},
    ],
)
def test_impossible_front_ends(config: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        front_end(config)
