"""Every format that is claimed: written by another library, read back with the right rate, channels and samples."""

from __future__ import annotations

import numpy as np
import pytest
from audio_files import by_ffmpeg, by_soundfile, delay, tone
from hypothesis import given, settings
from hypothesis import strategies as st

from auricle import audio

# suffix, libsndfile's format and subtype, largest error of a sample, container and codec as probe names them
LOSSLESS = [
    ("wav", "WAV", "PCM_U8", 1.6 / 128, "wav", "pcm_u8"),
    ("wav", "WAV", "PCM_16", 1e-4, "wav", "pcm_s16le"),
    ("wav", "WAV", "PCM_24", 1e-6, "wav", "pcm_s24le"),
    ("wav", "WAV", "PCM_32", 1e-6, "wav", "pcm_s32le"),
    ("wav", "WAV", "FLOAT", 0, "wav", "pcm_f32le"),
    ("wav", "WAV", "DOUBLE", 0, "wav", "pcm_f64le"),
    ("wav", "WAV", "ULAW", 0.02, "wav", "pcm_mulaw"),
    ("wav", "WAV", "IMA_ADPCM", 0.12, "wav", "ima_adpcm"),
    ("wav", "WAVEX", "PCM_24", 1e-6, "wav", "pcm_s24le"),
    ("wav", "RF64", "PCM_16", 1e-4, "rf64", "pcm_s16le"),
    ("w64", "W64", "PCM_24", 1e-6, "w64", "pcm_s24le"),
    ("flac", "FLAC", "PCM_16", 1e-4, "flac", "flac"),
    ("flac", "FLAC", "PCM_24", 1e-6, "flac", "flac"),
    ("aiff", "AIFF", "PCM_16", 1e-4, "aiff", "pcm_s16be"),
    ("aif", "AIFF", "FLOAT", 0, "aiff", "pcm_f32be"),
    ("caf", "CAF", "PCM_24", 1e-6, "caf", "pcm_s24"),
    ("au", "AU", "PCM_16", 1e-4, "au", "pcm_s16be"),
]
# suffix, FFmpeg's format and encoder, rate, container, codec, allowed delay (samples), whether a picture stream is in it
LOSSY = [
    ("mp3", "mp3", "libmp3lame", 44100, "mp3", "mp3", 0, False),
    ("m4a", "mp4", "aac", 44100, "mp4", "aac", 0, False),
    ("mp4", "mp4", "aac", 48000, "mp4", "aac", 0, True),
    ("aac", "adts", "aac", 44100, "aac", "aac", 1024, False),  # ADTS cannot say how long the encoder's delay is
    ("mkv", "matroska", "aac", 44100, "matroska", "aac", 1024, True),
    ("mka", "matroska", "libopus", 48000, "matroska", "opus", 0, False),
    ("webm", "webm", "libopus", 48000, "matroska", "opus", 0, True),
    ("mov", "mov", "aac", 44100, "mp4", "aac", 0, True),
    ("opus", "ogg", "libopus", 48000, "ogg", "opus", 0, False),
]


@pytest.mark.parametrize(("suffix", "form", "subtype", "error", "container", "codec"), LOSSLESS, ids=lambda v: str(v))
def test_lossless(tmp_path, suffix, form, subtype, error, container, codec):
    truth = tone(1.5, 22050, 2)
    path = by_soundfile(tmp_path / f"CLIP.{suffix.upper()}", truth, 22050, format=form, subtype=subtype)
    heard = audio.open(path)
    assert (heard.rate, heard.channels, heard.source, heard.offset) == (22050, 2, str(path), 0.0)
    n = truth.shape[1]
    assert n <= heard.samples.shape[1] <= n + 2048  # ADPCM comes in blocks
    assert np.abs(heard.samples[:, :n] - truth).max() <= error
    info = audio.probe(path)
    assert (info.format, info.codec, info.rate, info.channels, info.bytes) == (container, codec, 22050, 2, path.stat().st_size)
    assert info.duration == pytest.approx(1.5, abs=0.1)


@pytest.mark.parametrize(("suffix", "form", "encoder", "rate", "container", "codec", "late", "video"), LOSSY, ids=lambda v: str(v))
def test_lossy(tmp_path, suffix, form, encoder, rate, container, codec, late, video):
    truth = tone(3.0, rate, 2)
    path = by_ffmpeg(tmp_path / f"clip.{suffix}", truth, rate, format=form, codec=encoder, video=video)
    heard = audio.open(path)
    assert (heard.rate, heard.channels) == (rate, 2)
    assert heard.duration == pytest.approx(3.0, abs=0.06)
    moved = delay(heard.samples[0], truth[0])
    assert 0 <= moved <= late
    n = min(truth.shape[1], heard.samples.shape[1] - moved)
    assert np.sqrt(np.mean((heard.samples[:, moved : moved + n] - truth[:, :n]) ** 2)) < 0.02
    info = audio.probe(path)
    assert (info.format, info.codec, info.rate, info.channels) == (container, codec, rate, 2)


@pytest.mark.parametrize(("subtype", "rate"), [("VORBIS", 44100), ("OPUS", 48000)])
def test_ogg_by_libsndfile(tmp_path, subtype, rate):
    truth = tone(3.0, rate, 2)
    path = by_soundfile(tmp_path / "clip.ogg", truth, rate, format="OGG", subtype=subtype)
    heard = audio.open(path)
    assert (heard.rate, heard.samples.shape) == (rate, truth.shape)
    assert delay(heard.samples[1], truth[1]) == 0
    assert np.sqrt(np.mean((heard.samples - truth) ** 2)) < 0.02


def test_alac_and_mp3_in_wav_fall_to_the_second_decoder(tmp_path):
    truth = tone(1.0, 44100, 2)
    alac = by_ffmpeg(tmp_path / "a.m4a", truth, 44100, format="mp4", codec="alac", bit_rate=0)
    assert np.abs(audio.open(alac).samples - truth).max() < 1e-4
    wrapped = by_ffmpeg(tmp_path / "a.wav", truth, 44100, format="wav", codec="libmp3lame")
    assert audio.open(wrapped).duration == pytest.approx(1.0, abs=0.1)
    assert audio.probe(wrapped).codec == "mp3"


@pytest.mark.parametrize("rate", [8000, 96000, 192000, 384000])
def test_rates(tmp_path, rate):
    path = by_soundfile(tmp_path / "a.wav", tone(0.5, rate, 1), rate, subtype="PCM_16")
    assert audio.open(path).rate == rate
    assert audio.open(path, rate=16000).samples.shape == (1, 8000)


@settings(max_examples=12, deadline=None)
@given(channels=st.integers(1, 64), n=st.integers(1, 5000))
def test_any_channels_and_length(tmp_path_factory, channels, n):
    truth = np.random.default_rng(n).uniform(-1, 1, (channels, n)).astype(np.float32)
    path = by_soundfile(tmp_path_factory.mktemp("c") / "a.wav", truth, 16000, subtype="FLOAT")
    assert np.array_equal(audio.open(path).samples, truth)
    assert np.abs(audio.open(path, mono=True).samples - audio.open((truth, 16000)).mono().samples).max() < 1e-6


def test_vbr_mp3_without_a_header_and_joined_files_are_read_to_the_end(tmp_path):
    truth = tone(8.0, 44100, 2)
    truth[:, : 4 * 44100] *= 1e-3  # quiet first, so that the first frames promise too small a file
    plain = {"format": "mp3", "codec": "libmp3lame", "options": {"write_xing": "0"}}
    vbr = {"stream_options": {"global_quality": "472", "flags": "+qscale"}, "bit_rate": 0}
    assert audio.open(by_ffmpeg(tmp_path / "v.mp3", truth, 44100, **plain, **vbr)).duration == pytest.approx(8.0, abs=0.1)
    one = by_ffmpeg(tmp_path / "one.mp3", truth, 44100, format="mp3", codec="libmp3lame").read_bytes()
    (tmp_path / "two.mp3").write_bytes(one * 2)
    assert audio.open(tmp_path / "two.mp3").duration == pytest.approx(16.0, abs=0.2)


def test_chained_ogg_is_read_to_the_end(tmp_path):
    for i in range(2):
        by_soundfile(tmp_path / f"{i}.ogg", tone(1.0, 44100, 2, seed=i), 44100, format="OGG", subtype="VORBIS")
    parts = [(tmp_path / f"{i}.ogg").read_bytes() for i in range(2)]
    assert parts[0][14:18] != parts[1][14:18]
    (tmp_path / "radio.ogg").write_bytes(b"".join(parts))
    assert audio.open(tmp_path / "radio.ogg").duration == pytest.approx(2.0, abs=0.05)


@pytest.mark.data
def test_real_recordings(data):
    for name in sorted((data / "ambience").rglob("*"))[:6]:
        if name.suffix.lower() in audio.SUFFIXES:
            heard = audio.open(name, rate=16000, mono=True)
            assert heard.duration == pytest.approx(audio.probe(name).duration, abs=0.2)
            assert 1e-5 < np.abs(heard.samples).mean() < 0.5
