"""A small convolutional audio encoder, and what lets frames hear their neighbours."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from auricle.training.modules.layers import Block, ChannelNorm, key_bias


class Separable(nn.Module):
    """ConvNeXt's block (arXiv 2201.03545) with a small kernel: depthwise, norm, widen, narrow, residual."""

    def __init__(self, channels: int, kernel: int = 5, widen: int = 3) -> None:
        super().__init__()
        self.depth = nn.Conv2d(channels, channels, kernel, padding=kernel // 2, groups=channels)
        self.norm = ChannelNorm(channels)
        self.widen, self.narrow = nn.Conv2d(channels, widen * channels, 1), nn.Conv2d(widen * channels, channels, 1)
        self.scale = nn.Parameter(torch.full((1, channels, 1, 1), 0.1))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.scale * self.narrow(nn.functional.gelu(self.widen(self.norm(self.depth(x)))))


class ConvEncoder(nn.Module):
    """Log-mel patches ``[n, 1, frames, bands]`` → ``[n, hidden]``; a patch is a frame of the recording.

    A stem of stride 4, then a stage a depth, each twice as wide and half as fine as the one before; mean and maximum over what is left.
    """

    def __init__(self, width: int = 32, depths: Sequence[int] = (1, 1, 2, 1), *, mean: float = -3.0, scale: float = 0.3) -> None:
        super().__init__()
        self.mean, self.scale = mean, scale  # brings log-mel near zero mean and unit spread
        layers: list[nn.Module] = [nn.Conv2d(1, width, 4, stride=4), ChannelNorm(width)]
        channels = width
        for stage, depth in enumerate(depths):
            if stage:
                layers += [ChannelNorm(channels), nn.Conv2d(channels, 2 * channels, 2, stride=2)]
                channels *= 2
            layers += [Separable(channels) for _ in range(depth)]
        self.layers = nn.Sequential(*layers)
        self.norm = nn.LayerNorm(2 * channels)
        self.hidden = 2 * channels
        self.least = 4 * 2 ** (len(depths) - 1)  # frames and bands that the strides need

    def forward(self, patches: Tensor) -> Tensor:
        x = self.layers((patches - self.mean) * self.scale)
        return self.norm(torch.cat([x.mean((2, 3)), x.amax((2, 3))], dim=-1))


class ConvContext(nn.Module):
    """Depthwise convolutions over frames: what is heard next to a frame. ``[b, t, h]`` → the same; masked frames say nothing."""

    def __init__(self, hidden: int, layers: int = 1, kernel: int = 5) -> None:
        super().__init__()
        if kernel % 2 == 0:
            raise ValueError(f"a kernel over frames must be odd, got {kernel}")
        self.norms = nn.ModuleList(nn.LayerNorm(hidden) for _ in range(layers))
        self.depths = nn.ModuleList(nn.Conv1d(hidden, hidden, kernel, padding=kernel // 2, groups=hidden) for _ in range(layers))
        self.mixes = nn.ModuleList(nn.Linear(hidden, hidden) for _ in range(layers))

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        keep = mask.to(x.dtype).unsqueeze(-1)
        for norm, depth, mix in zip(self.norms, self.depths, self.mixes, strict=True):
            near = depth((norm(x) * keep).transpose(1, 2)).transpose(1, 2)
            x = x + mix(nn.functional.gelu(near))
        return x


class TransformerContext(nn.Module):
    """A small transformer over frames, with sinusoidal places. ``[b, t, h]`` → the same; masked frames are not heard."""

    def __init__(self, hidden: int, layers: int = 1, heads: int = 4, dropout: float = 0.0) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Block(hidden, heads, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(hidden)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        bias = key_bias(mask, x.dtype)
        x = x + places(x.shape[1], x.shape[2]).to(x)
        for block in self.blocks:
            x = block(x, bias)
        return self.norm(x)


def places(n: int, width: int) -> Tensor:
    """Sinusoids ``[n, width]`` (Vaswani 2017)."""
    rates = torch.exp(-torch.arange(0, width, 2) * (torch.log(torch.tensor(10000.0)) / width))
    angles = torch.arange(n)[:, None] * rates[None]
    return torch.stack([angles.sin(), angles.cos()], -1).reshape(n, -1)[:, :width]
