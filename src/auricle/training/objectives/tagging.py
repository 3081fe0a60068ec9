"""Discriminative: several labels a sound."""

from __future__ import annotations

from torch import nn

from auricle.training.modules.layers import masked_mean
from auricle.training.modules.towers import Batch, Towers
from auricle.training.objectives.base import Loss, Objective, Outputs, Sizes


class Tagging(Objective):
    """Multi-label tagging (PANNs, Kong 2020, arXiv 1912.10211).

        L = −1/nc Σᵢ Σ_c [ y_ic log σ(z_ic) + (1 − y_ic) log(1 − σ(z_ic)) ],   z = W mean_t h_t + b

    over the n sounds that have labels at all; labels of which a sound does not tell (``unsure``) are left out.
    """

    kind = "tagging"
    needs = frozenset({"audio", "labels"})

    def build(self, sizes: Sizes) -> None:
        if not sizes.labels:
            raise ValueError("tagging needs labels in the manifests")
        self.head = nn.Linear(sizes.hidden, len(sizes.labels))

    def forward(self, model: Towers, batch: Batch, outputs: Outputs) -> Loss:
        logits = self.head(masked_mean(outputs["hidden"], outputs["frame_mask"]))
        each = nn.functional.binary_cross_entropy_with_logits(logits, batch["labels"].to(logits), reduction="none")
        each = (each * ~batch["unsure"]).mean(1)
        have = batch["labelled"].to(each)
        return Loss((each * have).sum() / have.sum().clamp_min(1))
