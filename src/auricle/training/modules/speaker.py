"""A small language model that reads a sequence of frames: connector → listener → decoder.

    frames [v | e] ─ connector ─ + time ─ listener (frames hear each other) ─┐
    words ─ embedding ─ + place ─────────────────────────────────────────────┴─ decoder (causal) ─ next word

Frames carry their time in seconds, so that order, count and duration can be told (SALMONN, Tang 2024, arXiv 2310.13289 and Pengi,
Deshmukh 2023, arXiv 2305.11834 put a connector between a frozen audio encoder and a language model in this way).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from auricle.training.modules.layers import Block, key_bias

FINEST, COARSEST = 0.5, 60.0  # seconds: periods of the time code


class Connector(nn.Module):
    """Raw frames ``[b, n, d]``, their envelopes ``[b, n, e]`` and times ``[b, n]`` → ``[b, n, width]``.

    Both are brought to zero mean and unit spread by constants measured on training scenes (:meth:`measure`).
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, hidden: int, envelope: int, width: int, layers: int = 2, heads: int = 4, dropout: float = 0.0) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(hidden + envelope))
        self.register_buffer("scale", torch.ones(hidden + envelope))
        self.inner = nn.Sequential(nn.Linear(hidden + envelope, 2 * width), nn.GELU(), nn.Linear(2 * width, width))
        self.time = nn.Linear(width, width)
        self.listener = nn.ModuleList(Block(width, heads, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.hidden, self.width = hidden, width

    def measure(self, frames: Tensor) -> None:
        """``frames`` [n, d + e]: a sample of what will be heard. One spread for the tower's numbers, one for each cell of the envelope."""
        self.mean.copy_(frames.mean(0))
        spread = frames.std(0).clamp_min(1e-6)
        spread[: self.hidden] = spread[: self.hidden].square().mean().sqrt()
        self.scale.copy_(1 / spread)

    def forward(self, frames: Tensor, times: Tensor, mask: Tensor) -> Tensor:
        x = self.inner((frames - self.mean) * self.scale) + self.time(time_code(times, self.width))
        bias = key_bias(mask, x.dtype)
        for block in self.listener:
            x = block(x, bias)
        return self.norm(x)


class CausalBlock(nn.Module):
    """Pre-norm transformer block whose keys and values may come from before."""

    def __init__(self, width: int, heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.heads = heads
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.feed = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, bias: Tensor, past: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """``past``, and what is given back: keys and values ``[2, b, heads, t, width/heads]``."""
        b, t, width = x.shape
        qkv = self.qkv(self.before(x)).reshape(b, t, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        q, kept = qkv[0], qkv[1:]
        if past is not None:
            kept = torch.cat([past.to(kept.dtype), kept], 3)
        weights = torch.softmax(q @ kept[0].transpose(-1, -2) * (width // self.heads) ** -0.5 + bias.to(q.dtype), dim=-1).to(q.dtype)
        x = x + self.dropout(self.out((weights @ kept[1]).transpose(1, 2).reshape(b, t, width)))
        return x + self.dropout(self.feed(self.between(x))), kept


class Decoder(nn.Module):
    """Causal language model; embeddings of words are tied to what it says."""

    def __init__(self, vocabulary: int, width: int, layers: int, heads: int, places: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.words, self.places = nn.Embedding(vocabulary, width), nn.Embedding(places, width)
        nn.init.normal_(self.words.weight, std=0.02)
        nn.init.normal_(self.places.weight, std=0.02)
        self.blocks = nn.ModuleList(CausalBlock(width, heads, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        for block in self.blocks:
            nn.init.normal_(block.out.weight, std=0.02 / (2 * layers) ** 0.5)
            nn.init.normal_(block.feed[2].weight, std=0.02 / (2 * layers) ** 0.5)

    def embed(self, tokens: Tensor, positions: Tensor) -> Tensor:
        return self.words(tokens) + self.places(positions)

    def say(self, states: Tensor) -> Tensor:
        return states @ self.words.weight.T


class Speaker(nn.Module):
    """Both parts; ``config`` is what they were made with."""

    def __init__(
        self,
        hidden: int,
        envelope: int,
        vocabulary: int,
        width: int = 192,
        layers: int = 6,
        heads: int = 6,
        listener: int = 2,
        places: int = 320,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.config = {
            "hidden": hidden, "envelope": envelope, "vocabulary": vocabulary, "width": width, "layers": layers, "heads": heads,
            "listener": listener, "places": places,
        }  # fmt: skip
        self.connector = Connector(hidden, envelope, width, listener, heads, dropout)
        self.decoder = Decoder(vocabulary, width, layers, heads, places, dropout)

    def forward(
        self, frames: Tensor, times: Tensor, mask: Tensor, tokens: Tensor, positions: Tensor, texts: Tensor, scene: Tensor
    ) -> Tensor:
        """States ``[r, l, width]`` of rows of packed texts. ``texts`` [r, l]: the text that a token belongs to, −1 for none;
        ``scene`` [r]: what sounds beside a row.

        A token sees the frames and the tokens before it in its own text, so that one listening serves many texts.
        """
        heard = self.connector(frames, times, mask)
        n, dtype = frames.shape[1], heard.dtype
        ahead = torch.ones(n, n, dtype=torch.bool, device=mask.device).tril()
        among = _added((mask[:, None, :] & ahead) | torch.eye(n, dtype=torch.bool, device=mask.device), dtype)
        beside = _added(torch.cat([mask[scene][:, None, :].expand(-1, tokens.shape[1], -1), _own(texts)], 2), dtype)
        x = self.decoder.embed(tokens, positions)
        for block in self.decoder.blocks:
            heard, kept = block(heard, among)
            x = block(x, beside, kept[:, scene])[0]
        states: Tensor = self.decoder.norm(x)
        return states


def _own(texts: Tensor) -> Tensor:
    """``[r, l, l]``: whether a token is of the same text and not ahead."""
    return (texts[:, :, None] == texts[:, None, :]).tril()


def _added(seen: Tensor, dtype: torch.dtype) -> Tensor:
    """What attention adds, ``[b, 1, q, k]``."""
    return (seen.to(dtype) - 1.0)[:, None] * 1e9


def time_code(times: Tensor, width: int) -> Tensor:
    """Seconds ``[…]`` → sinusoids ``[…, width]`` of periods from FINEST to COARSEST."""
    half = width // 2
    periods = FINEST * (COARSEST / FINEST) ** (torch.arange(half, dtype=times.dtype, device=times.device) / max(half - 1, 1))
    angles = times[..., None] * (2 * torch.pi / periods)
    return torch.cat([angles.sin(), angles.cos()], -1)
