"""open and blocks: sources, cutting, resampling, blocks that join to the whole."""

from __future__ import annotations

import io
import os
import threading

import numpy as np
import pytest
import soxr
from audio_files import by_ffmpeg, by_soundfile, tone
from hypothesis import given, settings
from hypothesis import strategies as st

from auricle import audio
from auricle.errors import AudioError, UsageError


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clips")
    sound = tone(45.0, 22050, 2)
    made = {
        "wav": by_soundfile(folder / "a.wav", sound, 22050, subtype="PCM_16"),
        "flac": by_soundfile(folder / "a.flac", sound, 22050, subtype="PCM_16"),
        "ogg": by_soundfile(folder / "a.ogg", sound, 22050, format="OGG", subtype="VORBIS"),
        "opus": by_soundfile(folder / "a.opus", tone(45.0, 24000, 2), 24000, format="OGG", subtype="OPUS"),
        "mp3": by_ffmpeg(folder / "a.mp3", sound, 22050, format="mp3", codec="libmp3lame"),
        "m4a": by_ffmpeg(folder / "a.m4a", sound, 22050, format="mp4", codec="aac"),
        "mp4": by_ffmpeg(folder / "a.mp4", sound, 22050, format="mp4", codec="aac", video=True),
        "mkv": by_ffmpeg(folder / "a.mkv", sound, 22050, format="matroska", codec="aac"),
        "webm": by_ffmpeg(folder / "a.webm", tone(45.0, 48000, 2), 48000, format="webm", codec="libopus"),
    }
    return {name: (path, audio.open(path)) for name, path in made.items()}


KINDS = ["wav", "flac", "ogg", "opus", "mp3", "m4a", "mp4", "mkv", "webm"]
# Opus and Vorbis after a seek: the overlap and the predictors of the decoder settle within the preroll, to about −70 dB
SEEK_ERROR = {"wav": 0, "flac": 0, "ogg": 1e-6, "mp3": 1e-5, "m4a": 1e-5, "mp4": 1e-5, "mkv": 1e-5, "opus": 5e-3, "webm": 5e-3}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("start", "end"), [(0.0, 1.0), (3.21, 4.9), (33.037, 34.5), (42.0, None)])
def test_a_cut_is_a_slice_of_the_whole(clips, kind, start, end):
    path, whole = clips[kind]
    cut, expected = audio.open(path, start=start, end=end), whole.slice(start, end)
    assert cut.offset == expected.offset
    assert cut.samples.shape == expected.samples.shape
    assert np.abs(cut.samples - expected.samples).max() <= SEEK_ERROR[kind]


@settings(max_examples=15, deadline=None)
@given(rate=st.sampled_from([8000, 16000, 44100, 48000, 22051]), start=st.floats(0, 5), length=st.floats(0.01, 3))
def test_a_resampled_cut_is_a_slice_of_the_resampled_whole(rate, start, length):
    sound = audio.Audio(tone(9.0, 22050, 2), 22050)
    cut = audio.open(sound, rate=rate, start=start, end=start + length)
    expected = audio.open(sound, rate=rate).slice(start, start + length)
    assert cut.samples.shape == expected.samples.shape
    assert cut.offset == pytest.approx(expected.offset, abs=1e-9)
    assert np.abs(cut.samples - expected.samples).max() <= 1e-5


@settings(max_examples=20, deadline=None)
@given(
    kind=st.sampled_from(["wav", "flac", "mp3"]),
    rate=st.sampled_from([None, 16000, 48000]),
    mono=st.booleans(),
    seconds=st.floats(0.05, 40),
    span=st.sampled_from([(0.0, None), (1.5, 9.25)]),
)
def test_blocks_join_to_the_whole(clips, kind, rate, mono, seconds, span):
    path, _ = clips[kind]
    whole = audio.open(path, rate=rate, mono=mono, start=span[0], end=span[1])
    parts = list(audio.blocks(path, rate=rate, mono=mono, seconds=seconds, start=span[0], end=span[1]))
    joined = np.concatenate([p.samples for p in parts], axis=1)
    assert joined.shape == whole.samples.shape
    assert np.abs(joined - whole.samples).max() <= 1e-6
    at = 0
    for part in parts:
        assert part.offset == pytest.approx(whole.offset + at / whole.rate, abs=1e-9)
        at += part.samples.shape[1]
    assert all(abs(p.duration - seconds) <= 1 / p.rate for p in parts[:-1])


def test_resampling_is_that_of_soxr(clips):
    path, whole = clips["wav"]
    expected = soxr.resample(whole.samples.mean(axis=0, dtype=np.float32), 22050, 16000, quality="HQ")
    assert np.abs(audio.open(path, rate=16000, mono=True).samples[0] - expected).max() < 1e-6


def test_every_kind_of_source_is_the_same_sound(tmp_path, clips):
    path, whole = clips["flac"]
    data = path.read_bytes()

    class Socket(io.RawIOBase):  # gives little at a time, has no name, cannot seek
        def __init__(self):
            self.left = data

        def readable(self):
            return True

        def read(self, size=-1):
            piece, self.left = self.left[: min(size, 70_000)], self.left[min(size, 70_000) :]
            return piece

    with open(path, "rb") as file:
        sources = [
            (str(path), str(path)),
            (data, "<bytes>"),
            (memoryview(data), "<bytes>"),
            (io.BytesIO(data), "<file>"),
            (file, str(path)),
            (Socket(), "<file>"),
            ({"path": str(path), "bytes": None}, str(path)),
            ({"path": "name.flac", "bytes": data}, "name.flac"),
            ((whole.samples, whole.rate), "<array>"),
            ({"array": whole.samples, "sampling_rate": whole.rate}, "<array>"),
            (whole, str(path)),
        ]
        for source, label in sources:
            heard = audio.open(source)
            assert np.array_equal(heard.samples, whole.samples)
            assert heard.source == label


def test_large_bytes_go_through_a_file_that_is_gone_afterwards(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    path = by_soundfile(tmp_path / "a.wav", tone(110.0, 48000, 2)[:, :], 48000, subtype="DOUBLE")
    data = path.read_bytes()
    assert len(data) > 64 << 20
    for source in (data, io.BytesIO(data)):
        assert audio.open(source, mono=True, rate=8000).duration == pytest.approx(110.0)
    assert [n for n in os.listdir(tmp_path / "tmp") if n.startswith("auricle-")] == []


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (np.array([0, 16384, -32768], np.int16), [0, 0.5, -1]),
        (np.array([128, 192, 0], np.uint8), [0, 0.5, -1]),
        (np.array([0, 1 << 30, -(1 << 31)], np.int32), [0, 0.5, -1]),
        (np.array([0.0, 0.5, -1.0]), [0, 0.5, -1]),
        ([0.0, 0.5, -1.0], [0, 0.5, -1]),
    ],
)
def test_arrays_of_numbers(array, expected):
    assert audio.open((array, 16000)).samples.tolist() == [expected]


@pytest.mark.parametrize(
    "source",
    [np.zeros(10), [0.0], 5, None, {"what": 1}, {"path": None, "bytes": None}, (np.zeros(3), 1.5), (np.zeros((2, 2, 2)), 8000)],
)
def test_what_is_no_sound_is_a_type_error(source):
    with pytest.raises(TypeError) as caught:
        audio.open(source)
    assert "\n" not in str(caught.value)
    with pytest.raises(TypeError):
        list(audio.blocks(source))


def test_a_bare_array_says_how():
    with pytest.raises(TypeError, match=r"pass \(samples, rate\)"):
        audio.blocks(np.zeros(100))  # at once, not at the first block


@pytest.mark.parametrize("keys", [{"start": -1}, {"start": 2, "end": 1}, {"rate": 0}, {"start": float("nan")}, {"end": float("nan")}])
def test_impossible_spans(keys):
    with pytest.raises(UsageError):
        audio.open((np.zeros(100), 8000), **keys)
    with pytest.raises(UsageError):
        audio.blocks((np.zeros(100), 8000), **keys)


@pytest.mark.parametrize("n", [1, 2, 3, 800])
@pytest.mark.parametrize("rate", [None, 8000, 16000])
def test_very_short_sounds(tmp_path, n, rate):
    path = by_soundfile(tmp_path / "a.wav", np.full((1, n), 0.25, np.float32), 44100, subtype="FLOAT")
    for source in (path, audio.open(path)):
        heard = audio.open(source, rate=rate)
        assert heard.samples.shape[1] >= 1
        assert heard.duration == pytest.approx(n / 44100, abs=1 / 8000)


def test_silence_is_sound(tmp_path):
    path = by_soundfile(tmp_path / "a.flac", np.zeros((2, 44100), np.float32), 44100)
    assert not audio.open(path, rate=16000).samples.any()


def test_start_beyond_the_end(clips):
    for source in (clips["wav"][0], clips["wav"][1]):
        with pytest.raises(AudioError) as caught:
            audio.open(source, start=50)
        assert caught.value.kind == "Empty"


def test_names_that_are_not_utf8_and_odd_ones(tmp_path):
    for name in (b"caf\xe9.wav", "día\n2.wav".encode(), b"-rf.wav", b"a%20b?.WAV"):
        path = os.path.join(os.fsencode(tmp_path), name)
        by_soundfile(tmp_path / "x.wav", tone(0.1, 8000, 1), 8000).rename(os.fsdecode(path))
        text = os.fsdecode(path)
        assert audio.open(text).source == text
        assert audio.probe(text).path == text
        assert len(audio.content_hash(text)) == 32
        with pytest.raises(AudioError) as caught:
            audio.open(text + ".gone")
        assert "\n" not in caught.value.message
        caught.value.message.encode("utf-8")
        assert caught.value.path == text + ".gone"


def test_many_threads_at_once(clips):
    heard, failed = {}, []

    def listen(kind):
        try:
            heard[kind] = [np.concatenate([b.samples for b in audio.blocks(clips[kind][0], seconds=7)], axis=1) for _ in range(2)]
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=listen, args=(kind,)) for kind in ("wav", "flac", "mp3", "m4a", "ogg")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert all(np.array_equal(x, clips[kind][1].samples) for kind, both in heard.items() for x in both)
    assert len(heard) == 5
