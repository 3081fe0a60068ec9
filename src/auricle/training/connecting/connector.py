"""Between a tower and a language model: frames → places in the language model's row of words. One class, four bodies.

linear    Wx + b, of ``stack`` frames side by side (SLAM-LLM: Ma 2024, arXiv 2402.08846; LLaVA: Liu 2023, arXiv 2304.08485)
mlp       W₂ GELU(W₁x) (LLaVA-1.5: Liu 2023, arXiv 2310.03744)
qformer   ``queries`` learned vectors look at each ``window`` of frames (BLIP-2: Li 2023, arXiv 2301.12597; by windows, so that
          order is kept, in SALMONN: Tang 2024, arXiv 2310.13289)
prefix    one vector of the whole sound and ``queries`` learned constants through a transformer; what comes out at the constants
          (Pengi: Deshmukh 2023, arXiv 2305.11834; ClipCap: Mokady 2021, arXiv 2111.09734). Order is lost with the mean.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn

from auricle.training.modules.layers import Block, key_bias

Body = Literal["linear", "mlp", "qformer", "prefix"]
LOOK = 100.0  # frames: the longest period of the code that tells a frame's place


class Connector(nn.Module):
    """Frames ``[b, n, d]`` and which of them are there ``[b, n]`` → ``[b, k, width]`` and which of these are.

    Frames are brought to zero mean and unit spread by constants measured on training sounds (:meth:`measure`). What comes out has the
    spread of the language model's own words at first (``level``). Nothing heard: nothing is there.
    """

    mean: Tensor
    scale: Tensor

    def __init__(
        self, body: Body, frames: int, width: int, *, hidden: int = 256, stack: int = 1, queries: int = 4, window: int = 8, layers: int = 2,
        heads: int = 4, level: float = 1.0,
    ) -> None:  # fmt: skip
        super().__init__()
        self.body, self.stack, self.window, self.hidden = body, stack, window, hidden
        self.register_buffer("mean", torch.zeros(frames))
        self.register_buffer("scale", torch.ones(frames))
        if body == "linear":
            self.inner: nn.Module = nn.Linear(frames * stack, width)
        elif body == "mlp":
            self.inner = nn.Sequential(nn.Linear(frames * stack, hidden), nn.GELU(), nn.Linear(hidden, width))
        else:
            self.inner = nn.Linear(frames, hidden)
            self.queries = nn.Parameter(torch.randn(queries, hidden) * 0.5)
            self.blocks = nn.ModuleList(Looking(hidden, heads) if body == "qformer" else Block(hidden, heads) for _ in range(layers))
            self.out = nn.Linear(hidden, width)
        self.norm = nn.LayerNorm(width)
        nn.init.constant_(self.norm.weight, level)

    def measure(self, frames: Tensor) -> None:
        """``frames`` [n, d]: a sample of what will be heard."""
        self.mean.copy_(frames.mean(0))
        self.scale.copy_(1 / frames.std(0).clamp_min(1e-6))

    def forward(self, frames: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        x = (frames - self.mean) * self.scale * mask.unsqueeze(-1)
        if self.body in ("linear", "mlp"):
            x, there = cut(x, mask, self.stack)
            found, known = self.inner(x.flatten(2)), there.any(2)
        elif self.body == "qformer":
            found, known = self._looked(x, mask)
        else:
            mean = x.sum(1) / mask.sum(1, keepdim=True).clamp_min(1)
            states = torch.cat([self.inner(mean).unsqueeze(1), self.queries.expand(len(x), -1, -1)], 1)
            bias = key_bias(torch.ones(states.shape[:2], dtype=torch.bool, device=x.device), states.dtype)
            for block in self.blocks:
                states = block(states, bias)
            found = self.out(states[:, 1:])
            known = mask.any(1, keepdim=True).expand(-1, found.shape[1])
        return self.norm(found), known

    def _looked(self, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        pieces, there = cut(self.inner(x), mask, self.window)
        b, w, n, hidden = pieces.shape
        keys = (pieces + places(n, hidden, x.device)).reshape(b * w, n, hidden)
        bias = key_bias(there.reshape(b * w, n), keys.dtype)
        states = self.queries.expand(b * w, -1, -1)
        for block in self.blocks:
            states = block(states, keys, bias)
        q = states.shape[1]
        return self.out(states).reshape(b, w * q, -1), there.any(2).repeat_interleave(q, 1)


class Looking(nn.Module):
    """Queries see each other, then frames."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.among = Block(width, heads)
        self.before, self.frames = nn.LayerNorm(width), nn.LayerNorm(width)
        self.look = nn.MultiheadAttention(width, heads, batch_first=True)

    def forward(self, queries: Tensor, frames: Tensor, bias: Tensor) -> Tensor:
        """bias: what attention adds for each frame, ``[b, 1, 1, n]``."""
        b, q, n = queries.shape[0], queries.shape[1], frames.shape[1]
        keys = self.frames(frames)
        added = bias.expand(b, self.look.num_heads, q, n).reshape(b * self.look.num_heads, q, n)
        found = queries + self.look(self.before(queries), keys, keys, attn_mask=added, need_weights=False)[0]
        none = torch.zeros(b, 1, 1, q, dtype=found.dtype, device=found.device)
        looked: Tensor = self.among(found, none)
        return looked


def cut(x: Tensor, mask: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """``[b, n, d]`` and ``[b, n]`` → pieces ``[b, ⌈n/size⌉, size, d]`` and ``[b, ⌈n/size⌉, size]``, zeros at the end."""
    b, n, d = x.shape
    more = max(1, math.ceil(n / size)) * size - n
    x, mask = nn.functional.pad(x, (0, 0, 0, more)), nn.functional.pad(mask, (0, more))
    return x.reshape(b, -1, size, d), mask.reshape(b, -1, size)


def places(n: int, width: int, device: torch.device) -> Tensor:
    """Sinusoids ``[n, width]`` that tell a frame's place in its window."""
    half = width // 2
    rate = torch.exp(-math.log(LOOK) * torch.arange(half, device=device) / max(half - 1, 1))
    angles = torch.arange(n, device=device).unsqueeze(1) * rate
    return torch.cat([angles.sin(), angles.cos()], 1)
