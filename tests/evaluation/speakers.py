"""Models that answer about tones, good and broken ones, and the tasks that ask them: tiny, and through real files."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soundfile

from auricle.data.items import Item, Question
from auricle.evaluation.benchmark import Benchmark, Task
from auricle.evaluation.heldout import HeldOut
from auricle.models.capabilities import Windowing

RATE = 8000
PITCHES = {"low": 220.0, "middle": 660.0, "high": 1760.0}
WORDS = {
    "low": ("a low hum goes on", "a deep tone is held"),
    "middle": ("a tone in the middle sounds", "somebody holds an ordinary note"),
    "high": ("a shrill whistle", "a piercing beep without an end"),
}


def pitch_of(audio):
    """The strongest frequency; 0 for silence."""
    samples = audio.mono().samples[0]
    if not len(samples) or not np.abs(samples).max():
        return 0.0
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    peak = int(np.argmax(spectrum))
    if spectrum[peak] < 20 * np.median(spectrum):  # noise
        return 0.0
    return float(np.fft.rfftfreq(len(samples), 1 / audio.rate)[peak])


def name_of(pitch):
    return min(PITCHES, key=lambda name: abs(np.log(PITCHES[name] / pitch))) if pitch else "nothing"


def items(folder, n=24, *, options=("low", "middle", "high"), sources=None):
    """``n`` tones, each with a question and two captions; ``sources``: so many different clips."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    found = []
    for k in range(n):
        label = list(PITCHES)[k % 3]
        time = np.arange(int(0.4 * RATE)) / RATE
        rng = np.random.default_rng(k)
        pitch = PITCHES[label] * (1 + 0.02 * rng.uniform(-1, 1))
        soundfile.write(Path(folder) / f"{k:03}.wav", 0.2 * np.sin(2 * np.pi * pitch * time) + 0.001 * rng.normal(size=len(time)), RATE)
        place = np.roll(options, k // 3)
        asked = Question("Which tone is it?", label, tuple(map(str, place)))
        clip = f"clip:{k % sources if sources else k}"
        captions = tuple(f"{text}, the {k}th of them" for text in WORDS[label])
        found.append(
            Item(id=f"{k:03}", audio=f"{k:03}.wav", clip=clip, labels=(label,), captions=captions, questions=(asked,), split="test")
        )
    return found


def task(folder, kind, metric, made=None, *, others=(), prompts=("{}",), groups="clip", absent=(), **settings):
    made = tuple(items(folder) if made is None else made)
    benchmark = Benchmark(
        name="tones", title="Tones", set="tones", split=("test",), kind=kind, metric=metric, prompts=prompts, groups=groups,
        settings=settings, protocol_from="ours",
    )  # fmt: skip
    return Task(benchmark, HeldOut("tones", made, Path(folder)), tuple(others), frozenset(absent))


@dataclass
class Speaker:
    """Generates what ``says(pitch name, prompt)`` gives. ``asked``: what it was asked, with how many sounds."""

    says: object
    name: str = "speaker@1"
    pipeline_id: str = "speaker@1:0"
    rate: int = RATE
    longest: float | None = None
    asked: list = field(default_factory=list)

    def generate(self, audios, prompt, *, seed=0, max_tokens=256):
        self.asked.append((len(audios), prompt, [a.rate for a in audios], [a.source for a in audios]))
        heard = name_of(pitch_of(audios[0])) if audios else None
        found = self.says(heard, prompt)
        yield from ([found] if isinstance(found, str) else found)


@dataclass
class Scorer:
    """Log-likelihoods: what ``fits(pitch name, option)`` gives."""

    fits: object
    name: str = "scorer@1"
    pipeline_id: str = "scorer@1:0"
    rate: int = RATE
    longest: float | None = None

    def score(self, audios, prompt, options):
        heard = name_of(pitch_of(audios[0])) if audios else None
        return np.array([self.fits(heard, option) for option in options], dtype=np.float64)


class Both(Speaker):
    """Generates, and scores: by ``fits``, which is set on it."""

    def score(self, audios, prompt, options):
        return Scorer(self.fits).score(audios, prompt, options)


class Towers:
    """A vector a kind of tone, for its sounds and for the words of its captions; ``deaf`` gives every sound the same."""

    dim = 16
    windowing = Windowing(1.0, 1.0)

    def __init__(self, *, deaf=False, turned=0, name="towers@1"):
        self.name, self.pipeline_id, self.rate = name, f"{name}:0", RATE
        self.deaf, self.turned = deaf, turned

    def _unit(self, place):
        vector = np.full(self.dim, 0.01, np.float32)
        vector[place] = 1
        return vector / np.linalg.norm(vector)

    def embed_audio(self, windows):
        places = list(PITCHES)
        names = ["nothing" if self.deaf else name_of(pitch_of(w)) for w in windows]
        return np.stack([self._unit((places.index(n) + self.turned) % 3 if n in places else 8) for n in names]).astype(np.float32)

    def embed_text(self, texts):
        rows = []
        for text in texts:
            own = next((n for n, name in enumerate(PITCHES) if name in text.split() or any(w in text for w in WORDS[name])), 9)
            rows.append(self._unit(own))
        return np.stack(rows).astype(np.float32)


def letter_of(prompt, word):
    """The letter under which a word stands in a prompt."""
    for line in prompt.splitlines():
        if line.endswith(f") {word}"):
            return line[1]
    return ""


def listens(heard, prompt):
    """Answers by what it hears; without a tone it says the first option."""
    return f"The answer is ({letter_of(prompt, heard) or 'A'})."
