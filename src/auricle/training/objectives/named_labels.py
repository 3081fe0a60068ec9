"""Discriminative through words: a label is the vector of its text, so that what is learned of a label is learned of its name."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn

from auricle.training.modules.names import read_names
from auricle.training.modules.towers import Batch, Towers
from auricle.training.objectives.base import Loss, Objective, Outputs, Sizes


class NamedLabels(Objective):
    """Multi-label tagging whose classifier is the text tower (UniCL, Yang 2022, arXiv 2204.03610, with SigLIP's yes or no, 2303.15343).

        p_ic = σ( α a_i·g_c + β )         g_c the text vector of label c, a_i a sound, or a frame of a sound whose events are timed
        L = − mean [ w_c y log p + (1 − y) log(1 − p) ]         w_c = ``positives`` · √(median count / count of c), within 0.5…4

    over sounds that have labels; of what a sound does not tell (``unsure``) nothing is asked. ``teacher``: embeddings that are
    probabilities of kinds of sound whose names stand in the file ``classes`` (a JSON list of lists; the first name counts). They are soft
    labels of every sound, so that the towers keep what the teacher knows (Hinton 2015, arXiv 1503.02531) by name.
    """

    kind = "named_labels"
    needs = frozenset({"audio", "labels", "events"})

    def __init__(
        self,
        weight: float = 1.0,
        positives: float = 5.0,
        frames: float = 1.0,
        teacher: str | None = None,
        classes: str | None = None,
        teacher_weight: float = 1.0,
        scale: float = 20.0,
        bias: float = -6.0,
    ) -> None:
        super().__init__(weight)
        if (teacher is None) != (classes is None):
            raise ValueError("give teacher and classes together")
        self.positives, self.frames, self.teacher, self.classes, self.teacher_weight = positives, frames, teacher, classes, teacher_weight
        if teacher is not None:
            self.needs = self.needs | {"teachers"}  # type: ignore[misc]
        self.log_alpha, self.beta = nn.Parameter(torch.tensor(math.log(scale))), nn.Parameter(torch.tensor(float(bias)))

    def build(self, sizes: Sizes) -> None:
        if not sizes.labels or sizes.words is None:
            raise ValueError("named_labels needs labels in the manifests")
        names: list[str] = []
        if self.teacher is not None and self.classes is not None:
            names = [row[0] for row in read_names(sizes.path(self.classes))]
            if sizes.teachers.get(self.teacher) != len(names):
                message = f"teacher {self.teacher!r} gives {sizes.teachers.get(self.teacher)} numbers"
                raise ValueError(f"{message}, and {self.classes} has {len(names)} names")
        rows = sizes.words([*sizes.labels, *names])
        longest = max(len(row) for row in rows)
        self.tokens = torch.tensor([row + [sizes.pad_id] * (longest - len(row)) for row in rows])
        self.mask = torch.tensor([[i < len(row) for i in range(longest)] for row in rows])
        counts = np.array([sizes.counts.get(label, 1) for label in sizes.labels], np.float64)
        weights = np.clip(np.sqrt(np.median(counts) / np.maximum(counts, 1)), 0.5, 4.0)
        self.positive = torch.tensor(self.positives * weights, dtype=torch.float32)

    def forward(self, model: Towers, batch: Batch, outputs: Outputs) -> Loss:
        texts = model.encode_text(self.tokens.to(outputs["clip"].device), self.mask.to(outputs["clip"].device))
        n = len(self.positive)
        alpha, positive = self.log_alpha.exp(), self.positive.to(outputs["clip"])
        clips = alpha * outputs["clip"] @ texts.T + self.beta
        asked = (batch["labelled"][:, None] & ~batch["unsure"]).to(clips)
        loss = _mean(_entropy(clips[:, :n], batch["labels"].to(clips), positive), asked)
        parts = {"clips": float(loss.detach())}
        timed = batch["event_timed"]
        if self.frames and bool(timed.any()):
            frames = alpha * outputs["frames"][timed] @ texts[:n].T + self.beta
            heard = (outputs["frame_mask"][timed][:, :, None] & ~batch["unsure"][timed][:, None]).to(frames)
            in_time = _mean(_entropy(frames, batch["events"][timed].to(frames), positive), heard)
            loss, parts["frames"] = loss + self.frames * in_time, float(in_time.detach())
        if self.teacher is not None:
            soft = batch[f"teacher/{self.teacher}"].to(clips)
            taught = _entropy(clips[:, n:], soft, torch.full_like(clips[0, n:], self.positives)).mean()
            loss, parts["teacher"] = loss + self.teacher_weight * taught, float(taught.detach())
        return Loss(loss, parts)


def _entropy(logits: Tensor, truth: Tensor, positive: Tensor) -> Tensor:
    return nn.functional.binary_cross_entropy_with_logits(logits, truth, reduction="none", pos_weight=positive)


def _mean(values: Tensor, weights: Tensor) -> Tensor:
    return (values * weights).sum() / weights.sum().clamp_min(1)
