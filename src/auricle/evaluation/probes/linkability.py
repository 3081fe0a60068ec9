"""Privacy: can two recordings be linked to one person by a model's vectors alone?

Spoken digits of six people (FSDD). Each pair of clips with different digits is a trial: the same person, or not? The angle between the two
vectors decides. The equal error rate is the share of mistakes of either kind where both are as many: one half is chance, 0 a voice print.
So **less is more linkable**. Beside it: the same after the mean vector is taken off, which anyone with some speech can do, and the
spectrum's mean in place of the model, which says how much of it is the microphone and the room.
"""

from __future__ import annotations

import os
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

import auricle.audio
from auricle.data.world.acoustics import Float32
from auricle.errors import DataError
from auricle.evaluation.probes import blind, mixing
from auricle.evaluation.probes.base import Audit, Sounds
from auricle.evaluation.rows import TAKES
from auricle.evaluation.score import How, Score, digest, measured
from auricle.evaluation.statistics import Counts, Floats, numbered
from auricle.models.capabilities import EmbedsAudio
from auricle.models.two_towers import unit

ROUNDS = 300
SET = "fsdd.tar"
TITLE = "Recordings linked to a speaker"


@dataclass(frozen=True)
class Clip:
    id: str
    digit: str
    speaker: str
    sound: Float32


@dataclass(frozen=True)
class Trials:
    """Equal error rate over pairs of clips with different digits, as a statistic of drawn clips. ``likeness``: [clips, clips]."""

    likeness: Floats
    digits: tuple[str, ...]
    items: tuple[str, ...]
    clusters: tuple[str, ...]

    @cached_property
    def _pairs(self) -> tuple[Any, ...]:
        digit, speaker = numbered(self.digits), numbered(self.clusters)
        first, second = np.triu_indices(len(digit), 1)
        kept = digit[first] != digit[second]
        first, second = first[kept], second[kept]
        values, place = np.unique(self.likeness[first, second], return_inverse=True)
        return first, second, speaker[first] == speaker[second], place, len(values)

    def at(self, counts: Counts) -> float:
        first, second, same, place, n = self._pairs
        weight = (counts[first] * counts[second]).astype(np.float64)
        accepted = [np.append(0.0, np.cumsum(np.bincount(place, weights=weight * own, minlength=n)[::-1])) for own in (same, ~same)]
        if not accepted[0][-1] or not accepted[1][-1]:
            return float("nan")
        return crossing(1 - accepted[0] / accepted[0][-1], accepted[1] / accepted[1][-1])


def crossing(missed: Floats, false: Floats) -> float:
    """Where misses, which fall, meet false alarms, which rise: on the straight line between two thresholds."""
    gap = missed - false
    after = int(np.argmax(gap <= 0))
    if after == 0 or gap[after] == 0:
        return float(missed[after] + false[after]) / 2
    share = gap[after - 1] / (gap[after - 1] - gap[after])
    return float(missed[after - 1] + share * (missed[after] - missed[after - 1]))


class Linkability:
    name = "linkability"
    title = TITLE
    needs = (EmbedsAudio,)

    def run(self, model: Any, sounds: Sounds, *, seed: int, told: Callable[[str], None]) -> Audit:
        side = "test" if any(item.split == "test" for item in sounds.held.items) else "dev"
        clips = list(digits(_tar(), TAKES[side]))
        told(f"{len(clips)} spoken digits")
        vectors = np.stack([unit(mixing.heard(model, clip.sound).mean(axis=0)) for clip in clips])
        return audit(model, clips, vectors, f"FSDD, takes {TAKES[side].start} to {TAKES[side].stop - 1}")


def _tar() -> Path:
    folder = os.environ.get("AURICLE_DATA", "")
    path = Path(folder) / SET
    if not folder or not path.is_file():
        raise DataError(
            "Missing", f"{path if folder else SET}: there is no such file; linkability is measured on spoken digits of six people.",
            path=str(path), hint="Put the tar of Jakobovski/free-spoken-digit-dataset there, and name its folder by AURICLE_DATA.",
        )  # fmt: skip
    return path


def digits(tar: Path, takes: range) -> Iterator[Clip]:
    """Of those takes. Raises DataError (Damaged)."""
    try:
        with tarfile.open(tar) as archive:
            for member in sorted((m for m in archive if m.isfile() and m.name.endswith(".wav")), key=lambda m: m.name):
                parts = Path(member.name).stem.split("_")
                if len(parts) == 3 and parts[2].isdigit() and int(parts[2]) in takes:
                    file = archive.extractfile(member)
                    data = file.read() if file else b""
                    sound = auricle.audio.open(data, rate=mixing.RATE, mono=True).samples[0]
                    yield Clip("_".join(parts), parts[0], parts[1], mixing.leveled(sound, mixing.LEVEL))
    except tarfile.TarError as error:
        raise DataError("Damaged", f"{tar}: {error}.", path=str(tar), hint="Fetch it again.") from None


def audit(model: Any, clips: list[Clip], vectors: Any, data: str) -> Audit:
    ids, said = tuple(c.id for c in clips), tuple(c.digit for c in clips)
    speakers = tuple(c.speaker for c in clips)
    spectra = blind.scaled(np.stack([blind.spectral_mean(c.sound) for c in clips]))
    told = f"{data}: {len(clips)} clips of {len(set(speakers))} speakers"
    made_of = digest([ids, speakers])

    def trials(rows: Any) -> Trials:
        return Trials(np.round(np.asarray(rows, np.float64) @ np.asarray(rows, np.float64).T, mixing.DECIMALS), said, ids, speakers)

    once = np.ones(len(ids), np.int64)
    spectral = trials(unit(spectra)).at(once)
    exact = np.asarray(vectors, dtype=np.float64)
    middle = exact - exact.mean(axis=0)
    length = np.linalg.norm(middle, axis=1, keepdims=True)
    centred = middle / np.where(length > 1e-6, length, 1.0)

    def score(metric: str, sample: Trials) -> Score:
        details = {"trials": "pairs of clips with different digits", "likeness": "cosine", "interval": "95 %, bootstrap over speakers"}
        how = How("speaker verification", told, made_of, metric, details)
        baselines = {"chance": 0.5, "spectral mean": spectral}
        return measured(metric, sample, how, model, baselines=baselines, rounds=ROUNDS)

    scores = (score("equal error rate, mean taken off", trials(centred)), score("equal error rate", trials(exact)))
    notes = ["recorded speech; less error is more linkable", "six speakers, each at one microphone: part of what links them is the room"]
    notes.append("where the six are in a model's training data, their voices are no strangers to it")
    if scores[0].value < spectral:
        notes.append(f"the vectors link speakers better than the mean spectrum does ({spectral:.3f})")
    return Audit(Linkability.name, TITLE, scores, (), tuple(notes), synthetic=False)
