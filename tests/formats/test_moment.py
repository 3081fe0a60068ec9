"""The moment as a file: its span of the recording, at its rate and channels, read back by soundfile."""

from __future__ import annotations

import struct

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from odd_moments import hit

from auricle.errors import AudioError, UsageError
from auricle.formats.moment import export_moment, targets


def recording(path, rate=22_050, channels=2, seconds=4.0, subtype="PCM_16"):
    """A file in which every sample is different: a rising ramp, each channel its own."""
    n = round(seconds * rate)
    samples = np.linspace(-0.9, 0.9, n)[:, None] * np.linspace(1, 0.5, channels)
    soundfile.write(path, samples, rate, subtype=subtype)
    return soundfile.read(path, always_2d=True)[0]


@settings(max_examples=12, deadline=None)
@given(rate=st.sampled_from([8000, 22_050, 48_000, 96_000]), channels=st.integers(1, 4), start=st.floats(0, 1.5), length=st.floats(0.2, 2))
def test_the_span_at_its_own_rate(tmp_path_factory, rate, channels, start, length):
    folder = tmp_path_factory.mktemp("moment")
    truth = recording(folder / "rain.wav", rate, channels)
    out = export_moment((str(folder / "rain.wav"), start, start + length), folder / "out.wav")
    heard, heard_rate = soundfile.read(out, always_2d=True)
    first, last = round(start * rate), round((start + length) * rate)
    assert heard_rate == rate
    assert heard.shape == (min(last, len(truth)) - first, channels)
    np.testing.assert_allclose(heard, truth[first:last], atol=2 / 32768)


@pytest.mark.parametrize(("format", "container"), [("wav", "WAV"), ("flac", "FLAC"), ("ogg", "OGG")])
def test_formats(tmp_path, format, container):
    truth = recording(tmp_path / "a.wav")
    out = export_moment(hit(str(tmp_path / "a.wav"), 1, 2.5), tmp_path / "clips", format=format)
    assert out == tmp_path / "clips" / f"a_1-2.5.{format}"
    info = soundfile.info(out)
    assert (info.format, info.samplerate, info.channels) == (container, 22_050, 2)
    heard = soundfile.read(out)[0]
    expected = truth[22_050 : round(2.5 * 22_050)]
    assert len(heard) == len(expected)
    assert np.sqrt(np.mean((heard - expected) ** 2)) < (0.02 if format == "ogg" else 1e-4)


def test_format_follows_the_suffix(tmp_path):
    recording(tmp_path / "a.wav")
    assert soundfile.info(export_moment((tmp_path / "a.wav", 0, 1), tmp_path / "b.flac")).format == "FLAC"


@pytest.mark.parametrize(
    ("subtype", "format", "kept"),
    [
        ("PCM_16", "wav", "PCM_16"),
        ("PCM_24", "wav", "PCM_24"),
        ("FLOAT", "wav", "FLOAT"),
        ("PCM_24", "flac", "PCM_24"),
        ("FLOAT", "flac", "PCM_24"),
    ],
)
def test_no_bits_are_lost(tmp_path, subtype, format, kept):
    truth = recording(tmp_path / "a.wav", subtype=subtype)
    out = export_moment((tmp_path / "a.wav", 1, 2), tmp_path / f"b.{format}")
    assert soundfile.info(out).subtype == kept
    tolerance = 2 / 2**15 if kept == "PCM_16" else 2 / 2**23
    np.testing.assert_allclose(soundfile.read(out)[0], truth[22_050:44_100], atol=tolerance)


def test_pad_reaches_no_further_than_the_recording(tmp_path):
    recording(tmp_path / "a.wav", seconds=3)
    assert soundfile.info(export_moment((tmp_path / "a.wav", 1, 2), tmp_path / "b.wav", pad=0.5)).frames == 2 * 22_050
    assert soundfile.info(export_moment((tmp_path / "a.wav", 1, 2), tmp_path / "c.wav", pad=10)).frames == 3 * 22_050


def test_fade(tmp_path):
    truth = recording(tmp_path / "a.wav")
    heard = soundfile.read(export_moment((tmp_path / "a.wav", 0, 1), tmp_path / "b.wav", fade=0.25))[0]
    n = round(0.25 * 22_050)
    assert np.abs(heard[0]).max() < 1e-4
    assert np.abs(heard[-1]).max() < 1e-4
    np.testing.assert_allclose(heard[n:-n], truth[n : 22_050 - n], atol=1e-4)
    assert np.all(np.abs(heard) <= np.abs(truth[:22_050]) + 1e-4)


def test_a_fade_longer_than_the_moment(tmp_path):
    recording(tmp_path / "a.wav")
    assert np.isfinite(soundfile.read(export_moment((tmp_path / "a.wav", 0, 0.1), tmp_path / "b.wav", fade=5))[0]).all()


def test_nothing_is_overwritten_unasked(tmp_path):
    recording(tmp_path / "a.wav")
    out = export_moment((tmp_path / "a.wav", 0, 1), tmp_path)
    first = out.read_bytes()
    with pytest.raises(UsageError, match="exists already"):
        export_moment((tmp_path / "a.wav", 0, 1), tmp_path, fade=0.2)
    assert out.read_bytes() == first
    export_moment((tmp_path / "a.wav", 0, 1), tmp_path, fade=0.2, overwrite=True)
    assert out.read_bytes() != first


def test_unknown_format(tmp_path):
    with pytest.raises(UsageError) as caught:
        export_moment(("a.wav", 0, 1), tmp_path, format="mp3")
    assert "wav, flac or ogg" in caught.value.hint


def test_past_the_end(tmp_path):
    recording(tmp_path / "a.wav", seconds=1)
    with pytest.raises(AudioError) as caught:
        export_moment((tmp_path / "a.wav", 5, 6), tmp_path / "b.wav")
    assert caught.value.kind == "Empty"
    assert not (tmp_path / "b.wav").exists()


def test_missing_recording(tmp_path):
    with pytest.raises(AudioError) as caught:
        export_moment((tmp_path / "none.wav", 0, 1), tmp_path / "b.wav")
    assert caught.value.kind == "Missing"


@pytest.mark.parametrize("options", [{"pad": -1}, {"fade": float("nan")}, {"pad": float("inf")}])
def test_impossible_options(tmp_path, options):
    with pytest.raises(UsageError):
        export_moment(("a.wav", 0, 1), tmp_path, **options)


@pytest.mark.parametrize(("stem", "name"), [("con", "_con_0-1.wav"), ('a:"b"?', "a__b___0-1.wav"), ("é" * 200, None)])
def test_names_that_every_system_takes(tmp_path, stem, name):
    [path] = targets([(f"/s/{stem}.wav", 0, 1)], tmp_path)
    assert name is None or path.name == name
    assert path.name.endswith("_0-1.wav")
    assert len(path.name.encode()) <= 255


def test_recordings_of_one_name_do_not_meet(tmp_path):
    made = targets([("/a/rain.wav", 0, 1), ("/b/rain.wav", 0, 1), ("/b/Rain.wav", 0, 1)], tmp_path, "flac")
    assert [p.name for p in made] == ["rain_0-1.flac", "rain_0-1-2.flac", "Rain_0-1-3.flac"]


def test_a_moment_deep_in_a_large_recording(tmp_path):
    """Larger than the gate lets a clip be: only the span counts. The file is sparse, a minute of ones at its end."""
    path, size = tmp_path / "large.wav", 1_200_000_000
    ones = np.full(48_000 * 60, 16_384, "<i2").tobytes()
    with open(path, "wb") as file:
        file.write(struct.pack("<4sI4s4sIHHIIHH", b"RIFF", 36 + size, b"WAVE", b"fmt ", 16, 1, 1, 48_000, 96_000, 2, 16))
        file.write(struct.pack("<4sI", b"data", size))
        file.truncate(44 + size)
        file.seek(44 + size - len(ones))
        file.write(ones)
    end = size / 96_000
    heard, rate = soundfile.read(export_moment((path, end - 62, end - 58), tmp_path / "b.wav"))
    assert rate == 48_000
    np.testing.assert_allclose(heard[: 2 * 48_000], 0)
    np.testing.assert_allclose(heard[2 * 48_000 :], 0.5, atol=1e-3)
