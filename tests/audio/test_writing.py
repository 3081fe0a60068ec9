"""write: what comes back is what was written; nothing is overwritten or left half done."""

from __future__ import annotations

import hashlib
import os

import numpy as np
import pytest
from audio_files import tone

from auricle import audio
from auricle.errors import AudioError, UsageError


@pytest.mark.parametrize(
    ("name", "keys", "error"),
    [
        ("a.wav", {}, 1e-4),
        ("A.WAV", {"subtype": "FLOAT"}, 0),
        ("a.flac", {"subtype": "PCM_24"}, 1e-6),
        ("a.ogg", {}, 0.02),
        ("a.opus", {}, 0.02),
        ("a.bin", {"format": "FLAC"}, 1e-4),
        ("a.aiff", {}, 1e-4),
    ],
)
def test_round_trip(tmp_path, name, keys, error):
    sound = audio.Audio(tone(2.3, 48000, 2), 48000)
    audio.write(tmp_path / name, sound, **keys)
    heard = audio.open(tmp_path / name)
    assert (heard.rate, heard.samples.shape) == (48000, sound.samples.shape)
    difference = heard.samples - sound.samples
    lossy = name.endswith(("ogg", "opus"))
    assert (np.sqrt(np.mean(difference**2)) if lossy else np.abs(difference).max()) <= error
    assert os.listdir(tmp_path) == [name]
    assert (tmp_path / name).stat().st_mode & 0o777 == 0o666 & ~_umask()


def test_a_minute_of_vorbis_and_blocks(tmp_path):
    sound = audio.Audio(tone(70.0, 48000, 2), 48000)
    audio.write(tmp_path / "a.ogg", sound)
    audio.write(tmp_path / "b.flac", audio.blocks(tmp_path / "a.ogg", seconds=13))
    assert audio.open(tmp_path / "b.flac").duration == 70.0


def test_samples_beyond_one_are_clipped(tmp_path):
    audio.write(tmp_path / "a.wav", audio.Audio(np.array([1.5, -1.5, 0.5], np.float32), 8000))
    assert audio.open(tmp_path / "a.wav").samples[0] == pytest.approx([1, -1, 0.5], abs=1e-4)


def test_refusals(tmp_path):
    sound = audio.Audio(tone(0.1, 8000, 1), 8000)
    audio.write(tmp_path / "a.wav", sound)
    before = (tmp_path / "a.wav").read_bytes()
    for path, value, keys in [
        ("a.wav", sound, {}),
        ("a.xyz", sound, {}),
        ("b.wav", sound, {"subtype": "NONSENSE"}),
        ("b.flac", sound, {"subtype": "FLOAT"}),
        ("b.wav", [], {}),
        ("b.wav", [sound, audio.Audio(tone(0.1, 8000, 2), 8000)], {}),
        ("b.opus", audio.Audio(tone(0.1, 44100, 1), 44100), {}),
    ]:
        with pytest.raises(UsageError) as caught:
            audio.write(tmp_path / path, value, **keys)
        assert caught.value.hint
    assert (tmp_path / "a.wav").read_bytes() == before
    assert os.listdir(tmp_path) == ["a.wav"]
    audio.write(tmp_path / "a.wav", audio.Audio(tone(0.2, 8000, 1), 8000), overwrite=True)
    assert audio.open(tmp_path / "a.wav").duration == pytest.approx(0.2)
    with pytest.raises(AudioError) as caught:
        audio.write(tmp_path / "gone" / "a.wav", sound)
    assert caught.value.kind == "Missing"


def test_a_source_that_fails_half_way_leaves_what_was_there(tmp_path):
    def broken():
        yield audio.Audio(tone(0.1, 8000, 1), 8000)
        raise RuntimeError("half way")

    (tmp_path / "a.wav").write_bytes(b"old")
    with pytest.raises(RuntimeError):
        audio.write(tmp_path / "a.wav", broken(), overwrite=True)
    assert (tmp_path / "a.wav").read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.wav"]


def test_content_hash(tmp_path):
    data = np.random.default_rng(0).bytes(3_000_001)
    (tmp_path / "a.wav").write_bytes(data)
    (tmp_path / "b.mp3").write_bytes(data)
    expected = hashlib.blake2b(data, digest_size=16).hexdigest()
    assert audio.content_hash(tmp_path / "a.wav") == audio.content_hash(str(tmp_path / "b.mp3")) == expected
    for path, kind in ((tmp_path, "IsFolder"), (tmp_path / "gone", "Missing")):
        with pytest.raises(AudioError) as caught:
            audio.content_hash(path)
        assert caught.value.kind == kind


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask
