"""From frames of a tower to what a language model reads in place of words: one class, four bodies.

    linear   [b, n, d] → [b, ⌈n/stack⌉, w]   one linear map of ``stack`` frames side by side (Liu 2023, LLaVA, arXiv 2304.08485;
                                             stacked frames: Ma 2024, SLAM-ASR of SLAM-LLM, arXiv 2402.08846)
    mlp      [b, n, d] → [b, ⌈n/stack⌉, w]   the same with a hidden layer (Liu 2023, LLaVA-1.5, arXiv 2310.03744)
    qformer  [b, n, d] → [b, k, w]           k learned queries attend to each other and to the frames (Li 2023, BLIP-2, arXiv 2301.12597;
                                             for sound: Tang 2023, SALMONN, arXiv 2310.13289)
    prefix   [b, n, d] → [b, k, w]           the mean frame is mapped to k vectors, k learned constants attend to them and become the
                                             prefix (Mokady 2021, ClipCap, arXiv 2111.09734; for sound: Deshmukh 2023, Pengi, arXiv 2305.11834)
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

Body = Literal["linear", "mlp", "qformer", "prefix"]
BODIES: tuple[Body, ...] = ("linear", "mlp", "qformer", "prefix")


class Connector(nn.Module):
    """``forward(frames [b, n, d], mask [b, n])`` → vectors ``[b, k, width]`` and which of them hold something ``[b, k]``.

    loudness: the root mean square of the language model's own word vectors, which the output begins with: models differ a thousandfold.
    """

    def __init__(
        self, body: Body, inputs: int, width: int, *, hidden: int = 512, stack: int = 1, queries: int = 16, layers: int = 2, heads: int = 8,
        loudness: float = 1.0,
    ) -> None:  # fmt: skip
        super().__init__()
        self.body, self.stack, self.queries, self.hidden = body, stack, queries, hidden
        self.register_buffer("shift", torch.zeros(inputs))
        self.register_buffer("scale", torch.ones(inputs))
        if body == "linear":
            self.inner: nn.Module = nn.Linear(inputs * stack, width)
        elif body == "mlp":
            self.inner = nn.Sequential(nn.Linear(inputs * stack, hidden), nn.GELU(), nn.Linear(hidden, width))
        else:
            self.constants = nn.Parameter(torch.randn(queries, hidden) * hidden**-0.5)
            shape = {"d_model": hidden, "nhead": heads, "dim_feedforward": 2 * hidden, "dropout": 0.0, "activation": "gelu"}
            if body == "qformer":
                self.into = nn.Linear(inputs, hidden)
                layer: nn.Module = nn.TransformerDecoderLayer(**shape, batch_first=True, norm_first=True)
                self.inner = nn.TransformerDecoder(layer, layers)
            else:
                self.into = nn.Linear(inputs, queries * hidden)
                layer = nn.TransformerEncoderLayer(**shape, batch_first=True, norm_first=True)
                self.inner = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
            self.out = nn.Linear(hidden, width)
        self.norm = nn.LayerNorm(width)
        nn.init.constant_(self.norm.weight, loudness)

    @torch.no_grad()
    def measure(self, frames: Tensor) -> None:
        """Take the mean and spread of frames ``[n, d]``, which come from the tower as they are."""
        self.shift.copy_(frames.mean(0))
        self.scale.copy_(1 / frames.std(0).clamp_min(1e-3))

    def forward(self, frames: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        x = (frames - self.shift) * self.scale * mask.unsqueeze(-1)
        b = x.shape[0]
        if self.body in ("linear", "mlp"):
            short = -x.shape[1] % self.stack
            x, mask = nn.functional.pad(x, (0, 0, 0, short)), nn.functional.pad(mask, (0, short))
            x = x.reshape(b, -1, self.stack * x.shape[2])
            return self.norm(self.inner(x)), mask.reshape(b, -1, self.stack).any(-1)
        constants = self.constants.expand(b, -1, -1)
        heard = mask.any(1)
        if self.body == "qformer":
            keys = self.into(x) + _places(x.shape[1], self.hidden, x.device)
            keys = torch.where(heard[:, None, None], keys, torch.zeros_like(keys))
            unseen = ~mask & heard[:, None]  # a row that is not heard attends to zeros, and is left out after
            x = self.inner(constants, keys, memory_key_padding_mask=unseen)
        else:
            mean = x.sum(1) / mask.sum(1, keepdim=True).clamp_min(1)
            x = self.inner(torch.cat([self.into(mean).reshape(b, self.queries, self.hidden), constants], 1))[:, self.queries :]
        return self.norm(self.out(x)), heard[:, None].expand(-1, self.queries)


def _places(n: int, width: int, device: torch.device) -> Tensor:
    """Sines and cosines of each place (Vaswani 2017): attention alone knows no order."""
    rate = torch.exp(torch.arange(0, width, 2, device=device) * (-9.2 / width))
    angles = torch.arange(n, device=device)[:, None] * rate
    return torch.stack([angles.sin(), angles.cos()], -1).reshape(n, -1)[:, :width]
