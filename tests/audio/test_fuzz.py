"""Damaged bytes, seeded: whatever happens is an Audio or an AudioError, and the worker stays in step."""

from __future__ import annotations

import random

import numpy as np
import pytest
from audio_files import by_ffmpeg, by_soundfile, tone, wav_with

from auricle import audio
from auricle.errors import AudioError

CASES_PER_FILE = 34


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    folder, sound = tmp_path_factory.mktemp("small"), tone(0.4, 16000, 2)
    files = [
        wav_with(folder / "a.wav", (b"bext", b"\0" * 700), (b"iXML", b"<a><SCENE>1</SCENE></a>"), samples=sound, rate=16000, before=True),
        by_soundfile(folder / "b.flac", sound, 16000),
        by_soundfile(folder / "c.ogg", sound, 16000, format="OGG", subtype="VORBIS"),
        by_soundfile(folder / "d.aiff", sound, 16000),
        by_soundfile(folder / "e.caf", sound, 16000, subtype="PCM_24"),
        by_soundfile(folder / "f.w64", sound, 16000),
        by_ffmpeg(folder / "g.mp3", sound, 16000, format="mp3", codec="libmp3lame"),
        by_ffmpeg(folder / "h.m4a", sound, 16000, format="mp4", codec="aac"),
        by_ffmpeg(folder / "i.mka", sound, 16000, format="matroska", codec="libopus"),
    ]
    return [file.read_bytes() for file in files]


def mutated(data, rng):
    data = bytearray(data)
    for _ in range(rng.choice((1, 2, 4, 16))):
        at = min(int(rng.expovariate(1 / 200)), len(data) - 1) if rng.random() < 0.7 else rng.randrange(len(data))
        match rng.randrange(5):
            case 0:
                data[at] = rng.randrange(256)
            case 1:
                data[at] ^= 1 << rng.randrange(8)
            case 2:
                data[at : at + 4] = rng.choice((b"\xff" * 4, b"\0" * 4, b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f"))
            case 3:
                del data[at : at + rng.randrange(1, 64)]
            case 4:
                data[at:at] = rng.randbytes(rng.randrange(1, 64))
    return bytes(data[: rng.randrange(len(data))] if rng.random() < 0.1 else data) or b"\0"


def test_mutations(small):
    outcomes = {}
    limits = audio.Limits(decoded_bytes=1 << 28, stall_seconds=20.0)
    with audio.Worker() as worker:
        worker.start()
        for number, original in enumerate(small):
            rng = random.Random(number)
            for _ in range(CASES_PER_FILE):
                data = mutated(original, rng)
                try:
                    n = sum(b.samples.shape[1] for b in audio.blocks(data, rate=8000, mono=True, worker=worker, limits=limits))
                    outcome = "heard" if n else "nothing"
                except AudioError as error:
                    outcome = error.kind if error.message.isprintable() else "several lines"
                outcomes[outcome] = outcomes.get(outcome, 0) + 1
        pid = worker.pid
        whole = np.concatenate([b.samples for b in audio.blocks(small[1], worker=worker)], axis=1)
        assert whole.shape == (2, 6400)
        assert worker.pid == pid
    assert outcomes.keys().isdisjoint({"nothing", "several lines", "Crashed", "Timeout"})
    assert outcomes["heard"] > 60
    assert sum(outcomes.values()) - outcomes["heard"] > 60


def test_mutated_metadata(small):
    for number in (0, 1, 2, 6, 7):
        rng = random.Random(100 + number)
        for _ in range(12):
            try:
                found = audio.metadata(mutated(small[number], rng))
            except AudioError:
                continue
            assert isinstance(found, audio.Metadata)
