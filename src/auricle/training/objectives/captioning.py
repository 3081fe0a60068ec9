"""Generative, audio to language: say what is heard, word by word."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from auricle.training.modules.audio import places
from auricle.training.modules.layers import Block, key_bias
from auricle.training.modules.towers import Batch, Towers
from auricle.training.objectives.base import Loss, Objective, Outputs, Sizes


class Captioning(Objective):
    """A prefix language model over frames (CoCa, Yu 2022, arXiv 2205.01917; ClipCap, Mokady 2021, arXiv 2111.09734).

        L = −1/N Σ_l log p( w_l | w_<l , frames )

    Frames stand before the words in one small transformer; words see all frames and the words before them. N counts words.
    """

    kind = "captioning"
    needs = frozenset({"audio", "tokens"})

    def __init__(self, weight: float = 1.0, width: int = 128, layers: int = 2, heads: int = 4) -> None:
        super().__init__(weight)
        self.width, self.n_layers, self.heads = width, layers, heads

    def build(self, sizes: Sizes) -> None:
        if not sizes.vocabulary:
            raise ValueError("captioning needs a text tokenizer")
        self.prefix = nn.Linear(sizes.hidden, self.width)
        self.words = nn.Embedding(sizes.vocabulary, self.width)
        nn.init.normal_(self.words.weight, std=0.02)
        self.blocks = nn.ModuleList(Block(self.width, self.heads) for _ in range(self.n_layers))
        self.norm = nn.LayerNorm(self.width)

    def logits(self, hidden: Tensor, frame_mask: Tensor, tokens: Tensor, token_mask: Tensor) -> Tensor:
        """``[b, l, vocabulary]``: at each word, what comes next."""
        t, length = hidden.shape[1], tokens.shape[1]
        words = self.words(tokens) + places(length, self.width).to(hidden)
        x = torch.cat([self.prefix(hidden) + places(t, self.width).to(hidden), words], 1)
        bias = key_bias(torch.cat([frame_mask, token_mask], 1), x.dtype)
        ahead = torch.ones(t + length, t + length, device=x.device, dtype=x.dtype).triu(1)
        ahead[:, :t] = 0
        for block in self.blocks:
            x = block(x, bias - 1e9 * ahead)
        return self.norm(x[:, t:]) @ self.words.weight.T

    def forward(self, model: Towers, batch: Batch, outputs: Outputs) -> Loss:
        tokens, mask = batch["tokens"], batch["token_mask"]
        logits = self.logits(outputs["hidden"], outputs["frame_mask"], tokens[:, :-1], mask[:, :-1])
        each = nn.functional.cross_entropy(logits.transpose(1, 2), tokens[:, 1:], reduction="none")
        keep = mask[:, 1:].to(each)
        return Loss((each * keep).sum() / keep.sum().clamp_min(1))
