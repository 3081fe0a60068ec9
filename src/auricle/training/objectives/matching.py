"""Discriminative: does this text belong to this sound?"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from auricle.training.modules.towers import Batch, Towers
from auricle.training.objectives.base import Loss, Objective, Outputs, Sizes


class Matching(Objective):
    """Audio–text matching with the hardest wrong partner of the batch (ALBEF, Li 2021, arXiv 2107.07651).

        L = −1/3n Σᵢ [ log σ m(aᵢ, tᵢ) + log(1 − σ m(aᵢ, t_j)) + log(1 − σ m(a_j, tᵢ)) ],   j the nearest that is not i's own

    m is a small network over a ⊙ t and |a − t|.
    """

    kind = "matching"
    needs = frozenset({"audio", "tokens"})
    uses = frozenset({"audio", "text"})

    def __init__(self, weight: float = 1.0, width: int = 128) -> None:
        super().__init__(weight)
        self.width = width

    def build(self, sizes: Sizes) -> None:
        self.head = nn.Sequential(nn.Linear(2 * sizes.dim, self.width), nn.GELU(), nn.Linear(self.width, 1))

    def match(self, clip: Tensor, text: Tensor) -> Tensor:
        return self.head(torch.cat([clip * text, (clip - text).abs()], -1)).squeeze(-1)

    def forward(self, model: Towers, batch: Batch, outputs: Outputs) -> Loss:
        clip, text = outputs["clip"], outputs["text"]
        ids = batch.get("text_ids")
        own = torch.eye(len(clip), dtype=torch.bool, device=clip.device) if ids is None else ids[:, None] == ids[None]
        near = (clip @ text.T).detach().masked_fill(own, -2.0)
        have = (~own).any(1).to(clip)  # a batch of one caption has no wrong partner
        softplus = nn.functional.softplus
        right = softplus(-self.match(clip, text))
        wrong_text = softplus(self.match(clip, text[near.argmax(1)])) * have
        wrong_sound = softplus(self.match(clip[near.argmax(0)], text)) * have
        return Loss((right + wrong_text + wrong_sound).mean() / 3)
