"""Towers trained on the shots, by the names of the labels: what LoRA and full fine-tuning share. Goyal et al. 2023, "Finetune like you
pretrain" (FLYP), arXiv 2212.00638, with the texts of all labels as the candidates of each sound.

    L = −1/n Σᵢ log softmax_c( τ·cos(f(xᵢ), g(template(c))) )[yᵢ]        (several labels a sound: each one's own yes or no)

A template is drawn a step, a crop a sound and step; both are functions of (seed, step). Dropout is off and averages of layers stand still.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from auricle.audio.features import Float32
from auricle.models.capabilities import Vectors
from auricle.training.corpus import Entry, Sounds, Texts
from auricle.training.transfer.decision import Floats
from auricle.training.transfer.prompts import TEMPLATES, ensemble
from auricle.training.transfer.residual import cross_entropy, no_number
from auricle.training.transfer.task import Example, Places, Task
from auricle.training.transfer.towers import Trainable


@dataclass(frozen=True, slots=True)
class Options:
    """``rank``, ``alpha``: of LoRA alone."""

    steps: int = 100
    rate: float = 1e-3
    batch: int = 32
    weight_decay: float = 0.0
    rank: int = 8
    alpha: float = 16.0


class Listened:
    """Sounds of a task at the towers' rate, the last of them kept in memory."""

    def __init__(self, task: Task, towers: Trainable) -> None:
        self.task, self.sounds = task, Sounds(towers.front.rate, towers.memory)

    def whole(self, place: int) -> Float32:
        return self.sounds.whole(entry_of(self.task.examples[place]))

    def crop(self, place: int, seconds: float, where: float) -> Float32:
        return self.sounds.stretch(entry_of(self.task.examples[place]), seconds, where)[0]


def entry_of(example: Example, texts: Sequence[str] = ()) -> Entry:
    return Entry(example.item, example.folder, Texts(tuple(texts)))


def tune(
    towers: Trainable,
    parameters: Sequence[nn.Parameter],
    listened: Listened,
    places: Places,
    options: Options,
    *,
    name: str,
    seed: int = 0,
    watch: Callable[[], None] | None = None,
) -> None:
    """Train ``parameters`` in place. Raises TrainingError ``NaN``."""
    task, model = listened.task, towers.towers
    torch.manual_seed(seed)
    truth = torch.from_numpy(task.truth)
    bias = torch.zeros(() if task.exclusive else (len(task.labels),), requires_grad=not task.exclusive)
    every = [*parameters, *([] if task.exclusive else [bias])]  # a bias a label turns no ranking, and is not kept
    optimiser = torch.optim.AdamW(every, lr=options.rate, betas=(0.9, 0.98), weight_decay=options.weight_decay)
    learned = {id(p) for p in parameters}
    reads = any(id(p) in learned for p in towers.reading())
    texts = None if reads else torch.from_numpy(ensemble(towers, task.labels))
    for step in range(options.steps):
        batch = batch_at(places, step, options.batch, seed)
        rng = np.random.default_rng([seed, step, 1])
        heard = towers.heard([listened.crop(int(i), towers.seconds, float(rng.random())) for i in batch])
        if reads:
            template = TEMPLATES[int(rng.integers(len(TEMPLATES)))]
            texts = model.encode_text(*towers.tokens([template.replace("{}", label) for label in task.labels]))
        assert texts is not None
        logits = model.logit_scale * heard @ texts.T
        if not task.exclusive:
            if step == 0:  # half of what is said is said too often: begin where the labels' shares are
                with torch.no_grad():
                    bias.copy_(torch.logit((truth == 1).float().mean(0).clamp(0.01, 0.99)) - logits.mean(0))
            logits = logits + bias
        found = cross_entropy(logits, truth[batch], torch.ones(len(batch)), task.exclusive)
        found.backward()
        norm = float(nn.utils.clip_grad_norm_(parameters, 1.0))
        if not math.isfinite(float(found.detach())) or not math.isfinite(norm):
            raise no_number(name, step + 1)
        for group in optimiser.param_groups:
            group["lr"] = options.rate * 0.5 * (1 + math.cos(math.pi * step / options.steps))
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        if watch is not None:
            watch()


def batch_at(places: Places, step: int, size: int, seed: int) -> Places:
    """The sounds of a step: epoch after epoch in a new order, a function of (seed, step)."""
    found: list[int] = []
    first = step * min(size, len(places))
    for i in range(first, first + min(size, len(places))):
        epoch, at = divmod(i, len(places))
        found.append(int(np.random.default_rng([seed, epoch]).permutation(places)[at]))
    return np.array(found, np.int64)


def scores(towers: Trainable, listened: Listened, places: Iterable[int], texts: Vectors) -> Floats:
    """``[n, k]``: each sound's windows with the labels' texts, pooled as ``auricle classify`` does."""
    from auricle.models.heads import pool_windows

    scale = float(towers.towers.logit_scale.detach())
    t = texts.astype(np.float64).T
    return np.stack([pool_windows(scale * towers.embed_windows(listened.whole(int(i))).astype(np.float64) @ t) for i in places])


def count(parameters: Iterable[Any]) -> int:
    return sum(int(p.numel()) for p in parameters)
