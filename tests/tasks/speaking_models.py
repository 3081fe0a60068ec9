"""Those who speak in the tests: real two heads with random weights, which say anything, and one who says what a test wrote down."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from auricle import audio
from auricle.audio import Audio
from auricle.demo import SOUNDS
from auricle.models.capabilities import Cut

RATE = 16000
DOG = SOUNDS / "animals" / "dog barking.ogg"
RAIN = SOUNDS / "weather" / "rain on a tin roof.ogg"
VIOLIN = SOUNDS / "music" / "violin solo.opus"


def random_heads(folder: Path, *, seconds: float = 6.0) -> Path:
    """The bundle of two heads that nobody taught; it needs torch to be made, and none to be used."""
    import torch

    from auricle.models import load
    from auricle.models.card import ModelCard
    from auricle.models.hearing import BANDS, STEPS
    from auricle.training.modules.speaker import Speaker
    from auricle.training.speaking.exporting import export
    from auricle.training.speaking.words import learn

    torch.manual_seed(0)
    tokenizer = learn(["is there a dog? yes, no, a cat", "what is heard? rain falls and a dog barks"] * 3, 320)
    tower = load("tiny-towers")
    model = Speaker(tower.dim, STEPS * BANDS, tokenizer.get_vocab_size(), kinds=(3, 2), width=32, layers=2, heads=2, listener=1, places=96)
    model.decoder.out.weight.data *= 40  # sure of what it says
    export(model, tokenizer, tower, ModelCard("random", "1", "two-heads"), folder, seconds=seconds, precision="float32")
    return folder


@dataclass
class Says:
    """Says what ``words(sounds, prompt)`` gives, word by word. ``asked``: the sounds and the prompt of each question."""

    words: Callable[[Sequence[Audio], str], str]
    longest: float | None = 6.0
    sounds: int | None = 1
    name: str = "says@1"
    pipeline_id: str = "says@1:0"
    rate: int = RATE
    asked: list[tuple[list[Audio], str]] = field(default_factory=list)

    def generate(self, audios: Sequence[Audio], prompt: str, *, seed: int = 0, max_tokens: int = 256) -> Iterator[str]:
        self.asked.append((list(audios), prompt))
        words = self.words(audios, prompt).split(" ")
        for place, word in enumerate(words[:max_tokens]):
            yield word if not place else f" {word}"
        if len(words) > max_tokens:
            yield Cut("")


@dataclass
class Weighs(Says):
    """And says how likely an option is: ``odds(sounds, option)``."""

    odds: Callable[[Sequence[Audio], str], float] = lambda audios, option: -float(len(option))

    def score(self, audios: Sequence[Audio], prompt: str, options: Sequence[str]) -> npt.NDArray[np.float64]:
        self.asked.append((list(audios), prompt))
        return np.array([self.odds(audios, option) for option in options])


def say(text: str, **more: object) -> Says:
    return Says(lambda audios, prompt: text, **more)  # type: ignore[arg-type]


def heard(path: Path, seconds: float) -> npt.NDArray[np.float32]:
    """So many seconds of a sound, said again from its beginning where it is shorter."""
    samples = audio.open(path, rate=RATE, mono=True).samples[0]
    return np.resize(samples, round(seconds * RATE)).astype(np.float32)


def silence(seconds: float) -> npt.NDArray[np.float32]:
    return np.zeros(round(seconds * RATE), np.float32)


def written(path: Path, *parts: npt.NDArray[np.float32]) -> Path:
    soundfile.write(path, np.concatenate(parts), RATE)
    return path
