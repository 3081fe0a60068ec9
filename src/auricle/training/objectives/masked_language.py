"""Generative, language: fill the gaps of a caption."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import nn

from auricle.training.modules.towers import Batch, Towers
from auricle.training.objectives.base import Loss, Objective, Outputs, Sizes


class MaskedLanguage(Objective):
    """Masked language modelling (BERT, Devlin 2019, arXiv 1810.04805).

        L = −1/|m| Σ_{l∈m} log softmax( E h_l )_{w_l}

    m are ``ratio`` of a caption's words, hidden behind the mask token; h_l are the text encoder's states, E its word embeddings.
    """

    kind = "masked_language"
    needs = frozenset({"tokens", "masked_tokens"})
    uses = frozenset()

    def __init__(self, weight: float = 1.0, ratio: float = 0.15) -> None:
        super().__init__(weight)
        if not 0 < ratio < 1:
            raise ValueError(f"ratio must lie between 0 and 1, got {ratio}")
        self.ratio = ratio

    def build(self, sizes: Sizes) -> None:
        if not sizes.text_hidden:
            raise ValueError("masked_language needs a text encoder that is trained here (kind: transformer)")
        self.transform = nn.Sequential(nn.Linear(sizes.text_hidden, sizes.text_hidden), nn.GELU(), nn.LayerNorm(sizes.text_hidden))

    def prepare(self, item: dict[str, Any], rng: np.random.Generator, sizes: Sizes) -> None:
        tokens = np.asarray(item["tokens"])
        words = np.flatnonzero((tokens != sizes.start_id) & (tokens != sizes.end_id) & (tokens != sizes.pad_id))
        masked = np.zeros(len(tokens), bool)
        if len(words):
            masked[rng.choice(words, max(1, round(self.ratio * len(words))), replace=False)] = True
        item["masked"], item["masked_tokens"] = masked, np.where(masked, sizes.mask_id, tokens)

    def encode(self, model: Towers, batch: Batch, outputs: Outputs) -> Outputs:
        return {"text_states": model.text.states(batch["masked_tokens"], batch["token_mask"])}

    def forward(self, model: Towers, batch: Batch, outputs: Outputs) -> Loss:
        logits = self.transform(outputs["text_states"]) @ model.text.words.weight.T
        each = nn.functional.cross_entropy(logits.transpose(1, 2), batch["tokens"], reduction="none")
        keep = (batch["masked"] & batch["token_mask"]).to(each)
        return Loss((each * keep).sum() / keep.sum().clamp_min(1))
