"""Contrastive: each sound finds its text among those of the batch, and each text its sound."""

from __future__ import annotations

from torch import Tensor, nn

from auricle.training.modules.towers import Batch, Towers
from auricle.training.objectives.base import Loss, Objective, Outputs


class InfoNCE(Objective):
    """Symmetric InfoNCE (van den Oord 2018, arXiv 1807.03748; CLIP, arXiv 2103.00020; CLAP, arXiv 2206.04769).

        L = −1/2n Σᵢ [ log softmaxⱼ(s aᵢ·tⱼ)ᵢ + log softmaxⱼ(s aⱼ·tᵢ)ᵢ ]

    a, t unit vectors of sounds and texts, s the learned scale. Two items with the very same caption (``text_ids``) are no
    negatives of each other.
    """

    kind = "infonce"
    needs = frozenset({"audio", "tokens"})
    uses = frozenset({"audio", "text"})

    def forward(self, model: Towers, batch: Batch, outputs: Outputs) -> Loss:
        logits = model.logit_scale * outputs["clip"] @ outputs["text"].T
        ids = batch.get("text_ids")
        if ids is not None:
            same = (ids[:, None] == ids[None]).fill_diagonal_(False)
            logits = logits.masked_fill(same, -1e9)
        by_sound, by_text = diagonal_cross_entropy(logits), diagonal_cross_entropy(logits.T)
        hits = (logits.argmax(1) == _range(logits)).double().mean().item()
        return Loss((by_sound + by_text) / 2, {"audio_to_text": float(by_sound.detach()), "hit": hits})


def diagonal_cross_entropy(logits: Tensor) -> Tensor:
    return nn.functional.cross_entropy(logits, _range(logits))


def _range(logits: Tensor) -> Tensor:
    return logits.new_ones(logits.shape[0]).cumsum(0).long() - 1
