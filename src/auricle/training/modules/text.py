"""A small text encoder from scratch. Words to numbers is the tokenizer's work (``training.words``)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from auricle.training.modules.layers import Block, key_bias, masked_mean


class TextEncoder(nn.Module):
    """Tokens ``[n, l]`` and their mask → ``[n, hidden]``: the mean of a pre-norm transformer's states."""

    def __init__(
        self, vocabulary: int, width: int = 128, layers: int = 2, heads: int = 4, max_length: int = 64, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.words, self.places = nn.Embedding(vocabulary, width), nn.Embedding(max_length, width)
        nn.init.normal_(self.words.weight, std=0.5)
        nn.init.normal_(self.places.weight, std=0.1)
        self.blocks = nn.ModuleList(Block(width, heads, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.hidden, self.max_length, self.vocabulary = width, max_length, vocabulary

    def states(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """``[n, l, hidden]``: a state a token."""
        x = self.words(tokens) + self.places(torch.arange(tokens.shape[1], device=tokens.device))
        bias = key_bias(mask, x.dtype)
        for block in self.blocks:
            x = block(x, bias)
        return self.norm(x)

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        return masked_mean(self.states(tokens, mask), mask)
