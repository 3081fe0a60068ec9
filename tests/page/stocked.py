"""Libraries for the page's tests: the demo sounds with doubles, a hundred thousand recordings, a recording of ten hours."""

from __future__ import annotations

import json
import os
import shutil
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import soundfile as sf
import soxr

import auricle
from auricle.demo import SOUNDS
from auricle.evaluation import report
from auricle.library.bulk import bulk_insert
from auricle.library.store import Store
from auricle.models import hub
from auricle.models.bundle import Bundle
from evaluation import results_files

MANY = 100_000
HOURS = 10
BARK = 3 * 3600 + 12 * 60 + 40  # where in the ten hours a dog barks, in seconds
_JITTER = 0.48  # norm of the noise added to a unit vector: cosine about 0.9
_RATE = 8000


def demo(folder: Path) -> Path:
    """A library of the demo sounds; one of them lies there three times: to the byte, and as another file of the same samples."""
    sounds = shutil.copytree(SOUNDS, folder / "sounds")
    doubles = sounds / "doubles"
    doubles.mkdir()
    shutil.copy(SOUNDS / "music" / "church bells.ogg", doubles / "bells, a copy.ogg")
    samples, rate = sf.read(SOUNDS / "music" / "church bells.ogg")
    sf.write(doubles / "bells, once more.flac", samples, rate)
    return _indexed(folder / "demo.library", sounds)


def incoming(folder: Path) -> Path:
    """A folder to be added: real sounds, and two files that only look like sounds."""
    shutil.copytree(SOUNDS / "town", folder / "incoming" / "town")
    shutil.copytree(SOUNDS / "home", folder / "incoming" / "home")
    (folder / "incoming" / "shopping list.wav").write_text("milk\nbread\n" * 40)
    (folder / "incoming" / "nothing.flac").touch()
    return folder / "incoming"


def reports(folder: Path, home: Path) -> None:
    """Two reports as `auricle report` leaves them: one of spoken digits, and a newer one of more."""
    (home / "reports").mkdir(parents=True)
    models = results_files.MODELS
    for age, (name, benchmarks, two) in enumerate((("more", ("esc10", "mmau"), (models[0], models[3])), ("digits", ("fsdd",), models[:2]))):
        written = folder / f"{name}.json"
        written.write_text(json.dumps(results_files.document(benchmarks, two, n=60), default=float))
        page = home / "reports" / f"{name}.html"
        page.write_text(report.page(report.compose(report.read([written]), f"auricle report {name}.json")))
        os.utime(page, (2e9 - age, 2e9 - age))


def many(folder: Path, like: Path) -> Path:
    """A library of :data:`MANY` recordings of one window each: embeddings of real sounds, jittered; there are no files."""
    with auricle.Library(like) as library:
        model = library.model
        real = np.concatenate([vectors for _, vectors in library.store.all_vectors()])
    rng = np.random.default_rng(7)
    noise = rng.standard_normal((MANY, real.shape[1]), dtype=np.float32) * np.float32(_JITTER / np.sqrt(real.shape[1]))
    vectors = real[rng.integers(0, len(real), MANY)] + noise
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    target = folder / "many.library"
    with Store.create(target, model=model) as store, store.writing() as writer:
        bulk_insert(writer, vectors, windows_per_recording=1)
    return target


def coarse(models: Path) -> str:
    """Another model, installed as if it had been pulled: tiny-towers that listens to a second in four. Gives its name."""
    shipped = Bundle.open(hub.resolve(hub.DEFAULT))
    audio = dict(shipped.config["audio"])
    audio["frontend"] = {**audio["frontend"], "hop_frames": 400}
    config = {**shipped.config, "window": {"seconds": 20.0, "hop": 20.0}, "audio": audio}
    card = replace(shipped.card, name="coarse-towers", description="tiny-towers that listens to a second in four.")
    files = {name: shipped.file(name).read_bytes() for name in shipped.card.files if name != "config.json"}
    return Bundle.write(models / "hf--tests--coarse", config, card, files).name


def night(folder: Path, model: str) -> Path:
    """A library of one recording of :data:`HOURS` hours, nearly all of it silence; the file is a hole in the disk, but for one bark."""
    path = folder / "night" / "night.wav"
    path.parent.mkdir()
    size = HOURS * 3600 * _RATE * 2
    samples, rate = sf.read(SOUNDS / "animals" / "dog barking.ogg", always_2d=True)
    bark = soxr.resample(samples.mean(axis=1), rate, _RATE)
    with path.open("wb") as file:
        file.write(b"RIFF" + struct.pack("<I", 36 + size) + b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, _RATE, 2 * _RATE, 2, 16))
        file.write(b"data" + struct.pack("<I", size))
        file.seek(44 + 2 * _RATE * BARK)
        file.write((np.clip(bark, -1, 1) * 32767).astype("<i2").tobytes())
        file.truncate(44 + size)
    target = folder / "night.library"
    with auricle.Library(target, model=model) as library:
        library.index([path.parent])
    return target


def scene(folder: Path) -> Path:
    """A library of one recording: a dog, then bells that a siren joins, all from the demo sounds."""
    rate = 16_000
    sound = np.random.default_rng(0).normal(size=40 * rate) * 1e-4
    for name, at, seconds in (("animals/dog barking.ogg", 8.0, 4.5), ("music/church bells.ogg", 18.0, 12.0), ("town/siren.ogg", 25.0, 7.0)):
        samples, own = sf.read(SOUNDS / name, always_2d=True)
        part = soxr.resample(samples.mean(axis=1), own, rate)[: int(seconds * rate)]
        sound[int(at * rate) : int(at * rate) + len(part)] += 0.3 * part / np.abs(part).max()
    (folder / "scene").mkdir()
    sf.write(folder / "scene" / "street.wav", sound, rate)
    return _indexed(folder / "scene.library", folder / "scene")


def _indexed(target: Path, sounds: Path) -> Path:
    with auricle.Library(target) as library:
        library.index([sounds])
    return target
