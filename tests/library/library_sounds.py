"""A small model and sounds for the tests of the library: deterministic, real files, heard in milliseconds."""

from __future__ import annotations

import wave
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from auricle.audio.types import Audio
from auricle.models.capabilities import Windowing


@dataclass(frozen=True)
class SpectrumModel:
    """The mean power of 32 bands, roots taken, unit norm: tones of different pitch are apart."""

    name: str = "spectrum@1"
    pipeline_id: str = "spectrum@1:0123456789ab"
    dim: int = 32
    rate: int = 8000
    windowing: Windowing = field(default_factory=lambda: Windowing(1.0, 0.5))

    def embed_audio(self, windows: Sequence[Audio]) -> npt.NDArray[np.float32]:
        out = np.zeros((len(windows), self.dim), np.float32)
        for i, window in enumerate(windows):
            samples = window.mono().samples[0]
            power = np.abs(np.fft.rfft(samples, n=max(256, samples.size))) ** 2
            bands = np.array([part.mean() for part in np.array_split(power, self.dim)])
            vector = np.sqrt(bands + 1e-6)
            out[i] = vector / np.linalg.norm(vector)
        return out


def tone(seconds: float, pitch: float, rate: int = 8000, seed: int = 0) -> npt.NDArray[np.float32]:
    """A gliding tone with a little noise, float32 ``[n]``."""
    t = np.arange(round(seconds * rate)) / rate
    noise = np.random.default_rng(seed).standard_normal(t.size) * 0.01
    return (0.4 * np.sin(2 * np.pi * pitch * t * (1 + 0.1 * t)) + noise).astype(np.float32)


def write_wav(path: Path, samples: npt.NDArray[np.float32], rate: int = 8000) -> Path:
    """16-bit WAV; the standard library's writer, so that the tests do not stand on our own."""
    path.parent.mkdir(parents=True, exist_ok=True)
    channels = samples.reshape(1, -1) if samples.ndim == 1 else samples
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels.shape[0])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((np.clip(channels.T, -1, 1) * 32767).astype("<i2").tobytes())
    return path


def write_tone(path: Path, seconds: float = 2.0, pitch: float = 440.0, seed: int = 0) -> Path:
    return write_wav(path, tone(seconds, pitch, seed=seed))


def picture(store: object) -> dict[str, object]:
    """All that a library says about its recordings, as comparable values; also checks that it agrees with itself."""
    import os

    seen = {}
    check(store)
    for recording in store.recordings():
        full = store.recording(recording.id)
        windows = store.windows_of(full.content_id)
        seen[os.path.basename(full.path)] = (
            full.path, full.hash, round(full.duration, 6), full.vanished_at is not None,
            [(start, end) for _, start, end in windows],
            store.vectors([w for w, _, _ in windows]).tobytes(),
            sorted((t.key, t.value) for t in full.tags),
            sorted((t.text, t.start, t.end) for t in full.texts),
        )  # fmt: skip
    failures = sorted((f.path, f.kind) for f in store.failures())
    words = sorted((hit.field, hit.snippet) for hit in store.words("sound tone spoken speech"))
    return {"recordings": seen, "failures": failures, "words": words}


def check(store: object) -> None:
    """Nothing twice, nothing half: rows, vectors and full-text index agree."""
    from auricle.library.segments import checksum

    db = store.connection
    assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    db.execute("INSERT INTO names_index (names_index) VALUES ('integrity-check')")
    db.execute("INSERT INTO texts_index (texts_index, rank) VALUES ('integrity-check', 1)")
    stats, layout = store.stats(), store.layout()
    assert layout.live == stats.windows == db.execute("SELECT count(*) FROM windows").fetchone()[0]
    assert db.execute("SELECT count(*) FROM names_index").fetchone()[0] == stats.recordings
    assert db.execute("SELECT count(DISTINCT path) FROM recordings").fetchone()[0] == stats.recordings
    assert db.execute("SELECT count(DISTINCT hash) FROM contents").fetchone()[0] == stats.contents
    assert not db.execute("SELECT 1 FROM recordings WHERE content_id NOT IN (SELECT id FROM contents)").fetchall()
    assert not db.execute("SELECT 1 FROM contents WHERE id NOT IN (SELECT content_id FROM recordings)").fetchall()
    ids = store.window_ids()
    assert len(np.unique(ids)) == len(ids) == stats.windows
    stored = db.execute("SELECT id, first_window, windows, checksum FROM contents WHERE windows > 0").fetchall()
    for content, first, count, expected in stored:
        rows = store.windows_of(content)
        assert [w for w, _, _ in rows] == list(range(first, first + count))
        assert checksum(store.vectors([w for w, _, _ in rows]).astype("<f2")) == expected
