"""From a source to files of the corpus: decode, cut silence and length, 32 kHz mono FLAC, and the print that tells copies."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile as sf
import soxr
from gather import TRACKERS, Source
from likeness import Floats, prints

RATE = 32000  # a file of a lower rate keeps its own
SHORTEST, LONGEST, PIECE = 0.06, 30.0, 20.0  # seconds; what is longer is cut into pieces
SKIP = 2.0  # seconds left out at the start of what is cut: intros fade in
QUIET = 3e-4  # a peak below is silence
VERSION = 2  # raise it when what is written changes


@dataclass(frozen=True)
class Stored:
    """A file of the corpus. ``path``: relative to it, POSIX; ``part``: which piece of its source, from 1; 0 where it is whole."""

    source: str
    path: str
    part: int
    seconds: float
    samples_hash: str
    print: Floats


def store(source: Source, out: Path) -> list[Stored]:
    """Write the pieces of ``source``. Raises OSError, ValueError or sf.LibsndfileError for what is no readable sound."""
    written = (write_samples(source.id, source.package, samples, rate, part, out) for part, samples, rate in _pieces(source))
    return [file for file in written if file is not None]


def write_samples(name: str, folder: str, samples: Floats, rate: int, part: int, out: Path) -> Stored | None:
    """A file of these samples, or none where there is nothing to hear."""
    if len(samples) < SHORTEST * rate or float(np.abs(samples).max()) < QUIET:
        return None
    place = f"audio/{folder}/{_slug(name, part)}.flac"
    target = out / place
    target.parent.mkdir(parents=True, exist_ok=True)
    ready = _words(samples)
    partial = target.with_suffix(".part")
    sf.write(partial, ready, rate, format="FLAC", subtype="PCM_16", compression_level=0.5)
    partial.replace(target)
    return Stored(name, place, part, round(len(ready) / rate, 4), samples_hash(samples), prints(samples, rate).astype(np.float16))


def _pieces(source: Source) -> Iterator[tuple[int, Floats, int]]:
    """(0, all of it, rate), or numbered pieces of a long one, spread over it."""
    samples, rate = prepared(source.path, source.pieces)
    if len(samples) <= LONGEST * rate:
        yield 0, samples, rate
        return
    size = round(PIECE * rate)
    starts = range(round(SKIP * rate), len(samples) - size // 2, size)
    wanted = min(source.pieces, len(starts))
    for part, start in enumerate((starts[i * len(starts) // wanted] for i in range(wanted)), 1):
        yield part, samples[start : start + size], rate


def prepared(path: Path, pieces: int) -> tuple[Floats, int]:
    """Samples as they are stored, before they are cut into pieces."""
    samples, rate = read(path, pieces)
    samples = trimmed(samples, rate)
    return (samples, rate) if rate <= RATE else (np.asarray(soxr.resample(samples, rate, RATE, quality="HQ"), np.float32), RATE)


def samples_hash(samples: Floats) -> str:
    """The same for files that hold the same sound, however they are written."""
    return hashlib.sha256(_words(samples).tobytes()).hexdigest()


def _words(samples: Floats) -> npt.NDArray[np.int16]:
    return np.round(np.clip(samples, -1, 1) * 32767).astype(np.int16)


def read(path: Path, pieces: int) -> tuple[Floats, int]:
    """Mono samples; of a long file no more than its pieces may need."""
    suffix = path.suffix.lower()
    if suffix in TRACKERS:
        return _tracker(path)
    if suffix == ".gsm":
        samples, rate = sf.read(path, dtype="float32", format="RAW", subtype="GSM610", samplerate=8000, channels=1)
        return samples, rate
    with sf.SoundFile(path) as handle:
        most = int((SKIP + max(LONGEST, 3 * PIECE * pieces)) * handle.samplerate)
        block = handle.read(most, dtype="float32", always_2d=True)
        return block.mean(axis=1), handle.samplerate


def _tracker(path: Path) -> tuple[Floats, int]:
    """The first minutes of a module, played by libopenmpt."""
    with tempfile.TemporaryDirectory() as folder:
        module = Path(folder) / f"module{path.suffix}"
        shutil.copyfile(path, module)
        command = [
            "openmpt123",
            "--quiet",
            "--batch",
            "--render",
            "--end-time",
            "120",
            "--samplerate",
            str(RATE),
            "--channels",
            "1",
            str(module),
        ]
        subprocess.run(command, check=True, capture_output=True, timeout=300)
        samples, rate = sf.read(next(Path(folder).glob("*.wav")), dtype="float32", always_2d=True)
    return samples.mean(axis=1), rate


def trimmed(samples: Floats, rate: int) -> Floats:
    """Without the silence (60 dB below the peak) at both ends, 20 ms kept."""
    loud = np.abs(samples)
    peak = float(loud.max(initial=0.0))
    above = np.flatnonzero(loud > peak * 1e-3)
    if peak < QUIET or not len(above):
        return samples[:0]
    margin = int(0.02 * rate)
    return samples[max(0, above[0] - margin) : above[-1] + margin]


def _slug(name: str, part: int) -> str:
    """A short file name that no other source has."""
    plain = re.sub(r"[^A-Za-z0-9]+", "_", name.partition(":")[2].rsplit("/", 1)[-1]).strip("_")[:40]
    return f"{plain or 'sound'}-{hashlib.sha256(f'{name}#{part}'.encode()).hexdigest()[:10]}"
