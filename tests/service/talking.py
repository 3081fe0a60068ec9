"""Models that speak, for tests: tiny random heads as a bundle of this machine, and one that says what a test tells it to."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from auricle.models import load
from auricle.models.capabilities import Cut

NAME = "random@1"


def random_heads(models: Path) -> str:
    """Heads with random weights, as if they had been pulled; what they say is noise, but always the same. Gives their name."""
    import torch

    from auricle.models.card import ModelCard
    from auricle.models.hearing import BANDS, STEPS
    from auricle.training.modules.speaker import Speaker
    from auricle.training.speaking.exporting import export
    from auricle.training.speaking.words import learn

    torch.manual_seed(0)
    tokenizer = learn(["is there a dog? yes, no, a cat", "what is heard? rain falls and a dog barks"] * 3, 320)
    tower: Any = load("tiny-towers")
    model = Speaker(tower.dim, STEPS * BANDS, tokenizer.get_vocab_size(), kinds=(3, 2), width=32, layers=2, heads=2, listener=1, places=96)
    model.decoder.out.weight.data *= 40
    model.kinds.anchors.copy_(torch.from_numpy(tower.embed_text(["dog", "cat", "rain"])))
    folder = models / "hf--tests--random"
    export(model, tokenizer, tower, ModelCard("random", "1", "two-heads"), folder, seconds=6.0, precision="float32")
    return NAME


@dataclass
class Scripted:
    """Says ``says``, word by word, with a pause before each; then raises ``fails``."""

    says: str = "a dog barks"
    pause: float = 0.0
    fails: Exception | None = None
    longest: float | None = 12.0
    sounds: int | None = 1
    name: str = "scripted@1"
    pipeline_id: str = "scripted@1:0"
    rate: int = 16_000
    heard: list[tuple[int, str]] = field(default_factory=list)  # sounds and prompt of each question
    spoken: int = 0
    ended: int = 0

    @property
    def tower(self) -> Any:
        return load("tiny-towers")

    def generate(self, audios: Sequence[Any], prompt: str, *, seed: int = 0, max_tokens: int = 256) -> Iterator[str]:
        self.heard.append((len(audios), prompt))
        try:
            for number, word in enumerate(self.says.split(), 1):
                time.sleep(self.pause)
                self.spoken += 1
                piece = word if number == 1 else f" {word}"
                if number == max_tokens:
                    yield Cut(piece)
                    return
                yield piece
            if self.fails is not None:
                raise self.fails
        finally:
            self.ended += 1

    def score(self, audios: Sequence[Any], prompt: str, options: Sequence[str]) -> Any:
        return np.array([-float(len(option)) for option in options])
