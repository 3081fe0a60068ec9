"""Contrastive against captions that are almost right: order or attribute swapped, one event removed."""

from __future__ import annotations

import torch
from torch import nn

from auricle.training.modules.towers import Batch, Towers
from auricle.training.objectives.base import Loss, Objective, Outputs


class HardNegatives(Objective):
    """Counterfactual captions as negatives (NegCLIP, Yuksekgonul 2023, arXiv 2210.01936; CompA, Ghosh 2024, arXiv 2310.08753).

        L = −1/m Σᵢ log [ exp(s aᵢ·tᵢ) / ( exp(s aᵢ·tᵢ) + Σₖ exp(s aᵢ·nᵢₖ) ) ]

    nᵢₖ are the counterfactuals of sound i, m the number of sounds that have any. ``shared``: the captions and the counterfactuals
    of all sounds of the batch stand in the sum as well, as in NegCLIP.
    """

    kind = "hard_negatives"
    needs = frozenset({"audio", "tokens", "negatives"})
    uses = frozenset({"audio", "text"})

    def __init__(self, weight: float = 1.0, shared: bool = False) -> None:
        super().__init__(weight)
        self.shared = shared

    def encode(self, model: Towers, batch: Batch, outputs: Outputs) -> Outputs:
        return {"negatives": model.encode_texts(batch["negatives"], batch["negative_mask"])}

    def forward(self, model: Towers, batch: Batch, outputs: Outputs) -> Loss:
        clip, text, negatives, valid = outputs["clip"], outputs["text"], outputs["negatives"], batch["negative_valid"]
        right = (clip * text).sum(-1, keepdim=True)
        wrong = torch.einsum("bd,bkd->bk", clip, negatives).masked_fill(~valid, -1e9)
        logits = [right, wrong]
        if self.shared:
            ids = batch["text_ids"]
            others = (clip @ text.T).masked_fill(ids[:, None] == ids[None], -1e9)
            foreign = torch.einsum("bd,ckd->bck", clip, negatives).masked_fill(~valid[None], -1e9)
            foreign = foreign.masked_fill(torch.eye(len(clip), dtype=torch.bool, device=clip.device)[..., None], -1e9)
            logits += [others, foreign.flatten(1)]
        joined = model.logit_scale * torch.cat(logits, 1)
        have = valid.any(1).to(joined)
        each = nn.functional.cross_entropy(joined, torch.zeros(len(joined), dtype=torch.long, device=joined.device), reduction="none")
        beaten = ((right > wrong).all(1) * have).sum() / have.sum().clamp_min(1)
        return Loss((each * have).sum() / have.sum().clamp_min(1), {"hit": float(beaten)})
