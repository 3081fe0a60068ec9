"""What every objective is: parts of a batch and what the towers made of them → one number to make small.

An objective that looks at encodings beyond the clip, its frames and its caption asks for them in :meth:`Objective.encode`, which runs
on one chunk of the batch; ``__call__`` then sees the whole batch. So gradient caching and several processes work for all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from auricle.training.modules.towers import Batch, Towers

Outputs = dict[str, Tensor]


@dataclass(frozen=True, slots=True)
class Loss:
    value: Tensor
    parts: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sizes:
    """What the parts of a run agree on. ``patch`` is the shape of one cut's features."""

    dim: int
    hidden: int  # of a frame before the shared space
    text_hidden: int = 0
    vocabulary: int = 0
    pad_id: int = 0
    mask_id: int = 0
    start_id: int = 0
    end_id: int = 0
    labels: tuple[str, ...] = ()
    bands: int = 0
    patch_frames: int = 0
    hop_frames: int = 0
    teachers: dict[str, int] = field(default_factory=dict)  # name → width of its embeddings
    counts: dict[str, int] = field(default_factory=dict)  # label → how many items have it
    words: Callable[[Sequence[str]], list[list[int]]] | None = None  # texts → tokens
    path: Callable[[str], Path] = Path  # finds files that the recipe names


class Objective(nn.Module):
    """``needs`` names batch keys; ``uses`` what the towers encode for it: ``audio`` (clip, frames, hidden) and ``text``."""

    kind: ClassVar[str] = ""
    needs: ClassVar[frozenset[str]] = frozenset()
    uses: ClassVar[frozenset[str]] = frozenset({"audio"})

    def __init__(self, weight: float = 1.0) -> None:
        super().__init__()
        self.weight = weight

    def build(self, sizes: Sizes) -> None:
        """Make own parameters. Raises ValueError where the run lacks what the objective needs."""

    def prepare(self, item: dict[str, Any], rng: np.random.Generator, sizes: Sizes) -> None:
        """Add arrays to one item before it is batched; everything random comes from ``rng``."""

    def encode(self, model: Towers, batch: Batch, outputs: Outputs) -> Outputs:
        """More encodings of a chunk, each with the batch as its first axis."""
        return {}

    def forward(self, model: Towers, batch: Batch, outputs: Outputs) -> Loss:
        raise NotImplementedError

    def dummy(self, batch_size: int, sizes: Sizes) -> Batch:
        """A random batch that has all that the objective needs."""
        batch: Batch = {}
        for key in sorted(self.needs):
            batch |= _DUMMIES[key](batch_size, sizes)
        return batch


FRAMES, LENGTH, EVENTS, NEGATIVES = 5, 6, 3, 2


def _tokens(*shape: int, sizes: Sizes) -> Tensor:
    return torch.randint(4, max(6, sizes.vocabulary), shape)


def _audio(b: int, sizes: Sizes) -> Batch:
    mask = torch.arange(FRAMES)[None] < torch.randint(2, FRAMES + 1, (b, 1))
    if not sizes.bands:
        return {"frames": torch.randn(b, FRAMES, sizes.hidden), "frame_mask": mask}
    n = sizes.patch_frames + (FRAMES - 1) * sizes.hop_frames
    return {"mel": torch.randn(b, n, sizes.bands) - 3, "frame_mask": mask}


def _caption(b: int, sizes: Sizes) -> Batch:
    return {"tokens": _tokens(b, LENGTH, sizes=sizes), "token_mask": torch.ones(b, LENGTH, dtype=torch.bool), "text_ids": torch.arange(b)}


def _negatives(b: int, sizes: Sizes) -> Batch:
    shape = (b, NEGATIVES, LENGTH)
    return {
        "negatives": _tokens(*shape, sizes=sizes),
        "negative_mask": torch.ones(shape, dtype=torch.bool),
        "negative_valid": torch.ones(b, NEGATIVES, dtype=torch.bool),
    }


def _events(b: int, sizes: Sizes) -> Batch:
    shape = (b, EVENTS, LENGTH)
    return {
        "event_tokens": _tokens(*shape, sizes=sizes),
        "event_mask": torch.ones(shape, dtype=torch.bool),
        "event_ids": torch.arange(b * EVENTS).reshape(b, EVENTS) % 4,
        "event_valid": torch.ones(b, EVENTS, dtype=torch.bool),
        "event_frames": (torch.rand(b, EVENTS, FRAMES) > 0.5).float(),
        "event_timed": torch.arange(b) % 2 == 0,
    }


def _labels(b: int, sizes: Sizes) -> Batch:
    labels = torch.rand(b, len(sizes.labels))
    return {"labels": (labels > 0.5).float(), "labelled": torch.ones(b, dtype=torch.bool), "unsure": (labels > 0.4) & (labels < 0.5)}


def _frame_labels(b: int, sizes: Sizes) -> Batch:
    return {"events": (torch.rand(b, FRAMES, len(sizes.labels)) > 0.7).float(), "event_timed": torch.ones(b, dtype=torch.bool)}


_DUMMIES: dict[str, Callable[[int, Sizes], Batch]] = {
    "audio": _audio,
    "tokens": _caption,
    "negatives": _negatives,
    "event_tokens": _events,
    "labels": _labels,
    "events": _frame_labels,
    "masked_tokens": lambda b, s: {"masked_tokens": _tokens(b, LENGTH, sizes=s), "masked": torch.rand(b, LENGTH) > 0.4},
    "mel_masked": lambda b, s: {"mel_masked": torch.rand(b, s.patch_frames + (FRAMES - 1) * s.hop_frames, s.bands) > 0.5},
    "teachers": lambda b, s: {f"teacher/{name}": torch.randn(b, width) for name, width in s.teachers.items()},
}
