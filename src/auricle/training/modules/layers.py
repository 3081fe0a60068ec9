"""Small parts: normalisation over channels, attention, masked means. Plain products, so that every exporter writes them."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ChannelNorm(nn.Module):
    """LayerNorm over the channels of ``[n, channels, …]``, at every place by itself (ConvNeXt, arXiv 2201.03545)."""

    def __init__(self, channels: int, eps: float = 1e-6) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(channels))
        self.shift = nn.Parameter(torch.zeros(channels))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        centred = x - x.mean(1, keepdim=True)
        normal = centred * torch.rsqrt(centred.square().mean(1, keepdim=True) + self.eps)
        shape = (1, -1, *[1] * (x.dim() - 2))
        return normal * self.scale.reshape(shape) + self.shift.reshape(shape)


class Attention(nn.Module):
    """Multi-head attention (Vaswani 2017, arXiv 1706.03762) over ``[b, t, width]``; ``bias`` is added to the logits."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"a width of {width} does not split over {heads} heads")
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        b, t, width = x.shape
        q, k, v = self.qkv(x).reshape(b, t, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        weights = torch.softmax(q @ k.transpose(-1, -2) * (width // self.heads) ** -0.5 + bias, dim=-1)
        return self.out((weights @ v).transpose(1, 2).reshape(b, t, width))


class Block(nn.Module):
    """Pre-norm transformer block."""

    def __init__(self, width: int, heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = Attention(width, heads)
        self.feed = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        x = x + self.dropout(self.attention(self.before(x), bias))
        return x + self.dropout(self.feed(self.between(x)))


def key_bias(mask: Tensor, dtype: torch.dtype) -> Tensor:
    """``mask`` [b, t], true where there is something → what attention adds, ``[b, 1, 1, t]``."""
    return (mask.to(dtype) - 1.0)[:, None, None, :] * 1e9


def masked_mean(x: Tensor, mask: Tensor) -> Tensor:
    """The mean of ``x`` [b, t, d] over the places that ``mask`` [b, t] keeps; zeros where it keeps none."""
    weight = mask.to(x.dtype).unsqueeze(-1)
    return (x * weight).sum(1) / weight.sum(1).clamp_min(1e-9)


def unit(x: Tensor) -> Tensor:
    """Unit norm over the last axis; a row of zeros stays zeros."""
    return x / torch.linalg.vector_norm(x, dim=-1, keepdim=True).clamp_min(1e-12)
