"""Contrastive without a softmax: every pair of sound and text is a yes or a no of its own."""

from __future__ import annotations

import torch
from torch import nn

from auricle.training.modules.towers import Batch, Towers
from auricle.training.objectives.base import Loss, Objective, Outputs


class Sigmoid(Objective):
    """SigLIP (Zhai 2023, arXiv 2303.15343).

        L = −1/n Σᵢⱼ log σ( zᵢⱼ (s aᵢ·tⱼ + b) ),   zᵢⱼ = 1 where text j belongs to sound i, else −1

    s and b are learned. Equal captions (``text_ids``) belong to each other's sounds.
    """

    kind = "sigmoid"
    needs = frozenset({"audio", "tokens"})
    uses = frozenset({"audio", "text"})

    def forward(self, model: Towers, batch: Batch, outputs: Outputs) -> Loss:
        logits = model.logit_scale * outputs["clip"] @ outputs["text"].T + model.logit_bias
        n = logits.shape[0]
        ids = batch.get("text_ids")
        belong = torch.eye(n, dtype=torch.bool, device=logits.device) if ids is None else ids[:, None] == ids[None]
        signs = torch.where(belong, 1.0, -1.0).to(logits)
        return Loss(-nn.functional.logsigmoid(signs * logits).sum() / n)
