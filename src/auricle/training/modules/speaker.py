"""A small language model that reads a sequence of frames: connector → listener → kinds → decoder.

    frames [v | e] ─ connector ─ + time ─ listener (frames hear each other) ─ + kinds ─┐
    words ─ embedding ─ + place ───────────────────────────────────────────────────────┴─ decoder (causal) ─ next word

Each frame says which kinds of sound it holds and which begin in it, and the decoder reads that twice. In the frames, as the embeddings of
the kinds' names, weighted by their probabilities. And in slots, one a kind, which know whether, when, how often, how long and how loud
it is heard: a word of the question reads the slots of the kinds in whose names it stands (a memory with keys that are known, as in
Sukhbaatar 2015, arXiv 1503.08895). So the decoder can be taught by names alone, without sound (noise-injected text in place of sound:
Deshmukh 2023, arXiv 2309.07372; Kouzelis 2023, arXiv 2309.10781).

Frames carry their time in seconds, so that order, count and duration can be told (SALMONN, Tang 2024, arXiv 2310.13289 and Pengi,
Deshmukh 2023, arXiv 2305.11834 put a connector between a frozen audio encoder and a language model in this way).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from auricle.models.hearing import BANDS
from auricle.training.modules.layers import Block, key_bias

FINEST, COARSEST = 0.5, 60.0  # seconds: periods of the time code
COUNTS, SECONDS, LEVELS = torch.arange(0.0, 7.0), torch.arange(0.0, 13.0, 1.5), torch.arange(-2.0, 2.5, 0.5)  # where slots look closely
SHARE = 0.3  # of what is heard beside the names of the kinds, at first
LIKENESS = 0.7  # of queries and keys, at first
ORDINALS = 6  # first, second … of its kind


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
        self.hidden, self.width = hidden, width

    def measure(self, frames: Tensor) -> None:
        """``frames`` [n, d + e]: a sample of what will be heard. One spread for the tower's numbers, one for each cell of the envelope."""
        self.mean.copy_(frames.mean(0))
        spread = frames.std(0).clamp_min(1e-6)
        spread[: self.hidden] = spread[: self.hidden].square().mean().sqrt()
        self.scale.copy_(1 / spread)

    def levels(self, frames: Tensor) -> Tensor:
        """Loudness ``[b, n, bands]``: the mean of the envelope over a frame, in units of its spread."""
        envelope = ((frames - self.mean) * self.scale)[..., self.hidden :]
        return envelope.unflatten(-1, (-1, BANDS)).mean(-2)

    def forward(self, frames: Tensor, times: Tensor, mask: Tensor, deaf: bool = False) -> Tensor:
        """deaf: only the times are known."""
        x = self.time(time_code(times, self.width))
        if not deaf:
            x = x + self.inner((frames - self.mean) * self.scale)
        bias = key_bias(mask, x.dtype)
        for block in self.listener:
            x = block(x, bias)
        return x


class Kinds(nn.Module):
    """Which kinds of sound a frame holds, and which begin in it; and what the decoder reads of that.

    anchors: the tower's vectors of the kinds' names ``[k, d]``. tokens: the names in the decoder's tokens ``[k, t]``, −1: none.
    """

    anchors: Tensor
    tokens: Tensor

    def __init__(self, anchors: Tensor, tokens: Tensor, width: int, bands: int) -> None:
        super().__init__()
        self.register_buffer("anchors", anchors)
        self.register_buffer("tokens", tokens)
        k = len(anchors)
        self.holds, self.begins = nn.Linear(width, k), nn.Linear(width, k)
        self.gain = nn.Parameter(torch.tensor(10.0))
        self.marks, self.begun = nn.Linear(width, width, bias=False), nn.Linear(width, width, bias=False)
        self.ordinal = nn.Linear(ORDINALS, width, bias=False)
        self.norm = nn.LayerNorm(width)
        for layer in (self.holds, self.begins):
            nn.init.normal_(layer.weight, std=0.02)
            nn.init.constant_(layer.bias, -6.0)
        self.fact = nn.Linear(2 + 2 * len(COUNTS) + 3 * len(SECONDS) + 2 * len(LEVELS) + bands, width)
        self.share = nn.Parameter(torch.tensor(SHARE))
        with torch.no_grad():
            self.marks.weight.mul_(0.5).add_(torch.eye(width))
            self.begun.weight.mul_(0.5).add_(torch.eye(width) / 2)

    def names(self, words: Tensor) -> Tensor:
        """``[k, width]``: the mean of the embeddings of each name's tokens, as attention reads it: zero mean, unit spread."""
        there = (self.tokens >= 0).unsqueeze(-1).to(words.dtype)
        mean = (words[self.tokens.clamp_min(0)] * there).sum(1) / there.sum(1).clamp_min(1)
        return nn.functional.layer_norm(mean, mean.shape[-1:])

    def logits(self, heard: Tensor, frames: Tensor) -> tuple[Tensor, Tensor]:
        """holds and begins, ``[b, n, k]``. heard: ``[b, n, width]``. frames: raw ``[b, n, d]``."""
        length = frames.norm(dim=-1, keepdim=True).clamp_min(1e-6)
        return self.holds(heard) + self.gain * (frames / length) @ self.anchors.T, self.begins(heard)

    def slots(self, holds: Tensor, begins: Tensor, times: Tensor, levels: Tensor, mask: Tensor) -> Tensor:
        """What is known of each kind, ``[b, k, width]``. levels: loudness of the frames ``[b, n, bands]``, any unit.

        When, how long and how often are read relative to the surest frame: a sound that is faintly believed has its times all the same.
        """
        there = mask.unsqueeze(-1).float()
        p, q = torch.sigmoid(holds.float()) * there, torch.sigmoid(begins.float()) * there
        most = p.amax(1)
        share = (p / most.clamp_min(1e-3).unsqueeze(1)).square()
        absent = torch.log1p(-share.clamp_max(1 - 1e-4))
        ahead, behind = absent.cumsum(1) - absent, absent.flip(1).cumsum(1).flip(1) - absent  # log-odds of not before, and not after
        clock = times.float().unsqueeze(-1)
        first, last = (mean_over(torch.exp(x) * share, clock) for x in (ahead, behind))
        bands = torch.einsum("bnk,bnc->bkc", share, levels.float()) / share.sum(1).clamp_min(1e-3).unsqueeze(-1)
        level = bands.mean(-1)
        loudest = level - torch.where(most > 0.4, level, level.new_tensor(-9.0)).amax(1, keepdim=True)
        spans = (bumps(x, SECONDS, 1.0) for x in (first, last, 0.5 * share.sum(1)))
        loudness = bumps(level, LEVELS, 0.5), bumps(loudest, LEVELS - LEVELS.max(), 0.5)
        # of kinds that are alike one beginning is shared, and none is sure of it
        anything = 1 - torch.exp(torch.log1p(-q.clamp_max(1 - 1e-4)).sum(2, keepdim=True))
        own = (q / q.amax(1, keepdim=True).clamp_min(1e-3)).square().sum(1)
        shared = ((anything / anything.amax(1, keepdim=True).clamp_min(1e-3)).square() * share).sum(1)
        facts = torch.cat([bumps(own, COUNTS, 0.5), *spans, *loudness, bumps(shared, COUNTS, 0.5), bands], -1)
        sure = most.unsqueeze(-1)
        known = torch.cat([sure.square(), share.sum(1).unsqueeze(-1) / 12 * sure, facts * sure], -1)
        found: Tensor = self.fact(known.to(self.fact.weight.dtype))
        return found * mask.any(1)[:, None, None]

    def forward(self, heard: Tensor, holds: Tensor, begins: Tensor, mask: Tensor, names: Tensor) -> Tensor:
        p, q = torch.sigmoid(holds.float()), torch.sigmoid(begins.float()) * mask.unsqueeze(-1)
        which = torch.arange(1, ORDINALS + 1, dtype=q.dtype, device=q.device)
        count = (q.unsqueeze(-1) * torch.relu(1 - (torch.cumsum(q, 1).unsqueeze(-1) - which).abs())).sum(2)
        # squared: many small doubts do not add up to a sound
        return self.norm(self.share * heard + self.marks(p.square() @ names) + self.begun(q.square() @ names) + self.ordinal(count))


class CausalBlock(nn.Module):
    """Pre-norm transformer block whose keys and values may come from before."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.feed = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x: Tensor, bias: Tensor, past: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """``past``, and what is given back: keys and values ``[2, b, heads, t, width/heads]``."""
        b, t, width = x.shape
        qkv = self.qkv(self.before(x)).reshape(b, t, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        q, kept = qkv[0], qkv[1:]
        if past is not None:
            kept = torch.cat([past.to(kept.dtype), kept], 3)
        weights = torch.softmax(q @ kept[0].transpose(-1, -2) * (width // self.heads) ** -0.5 + bias.to(q.dtype), dim=-1).to(q.dtype)
        x = x + self.out((weights @ kept[1]).transpose(1, 2).reshape(b, t, width))
        return x + self.feed(self.between(x)), kept


@torch.no_grad()
def alike(qkv: nn.Linear, width: int) -> None:
    """Let a place look, from the first step, at what is like it: a name in a question at the frames that hold it. (Mimetic initialisation:
    Trockman and Kolter 2023, arXiv 2305.09828.)"""
    for part in (qkv.weight[:width], qkv.weight[width : 2 * width]):
        part.mul_(0.5).add_(LIKENESS * torch.eye(width))


class Decoder(nn.Module):
    """Causal language model. Its words are not tied to what it says: what is alike to read stays alike while it learns to speak."""

    def __init__(self, vocabulary: int, width: int, layers: int, heads: int, places: int, kinds: int) -> None:
        super().__init__()
        self.address = nn.Embedding(vocabulary, kinds)  # which slots a word reads
        nn.init.zeros_(self.address.weight)
        self.words, self.places = nn.Embedding(vocabulary, width), nn.Embedding(places, width)
        self.out = nn.Linear(width, vocabulary, bias=False)
        nn.init.normal_(self.words.weight, std=0.3)
        nn.init.normal_(self.places.weight, std=0.1)
        nn.init.normal_(self.out.weight, std=0.02)
        self.blocks = nn.ModuleList(CausalBlock(width, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        for block in self.blocks:
            alike(block.qkv, width)
            nn.init.normal_(block.out.weight, std=0.02 / (2 * layers) ** 0.5)
            nn.init.normal_(block.feed[2].weight, std=0.02 / (2 * layers) ** 0.5)

    def embed(self, tokens: Tensor, positions: Tensor, slots: Tensor) -> Tensor:
        """slots ``[b, k, width]``: what each word of ``[b, t]`` reads is added to it."""
        found: Tensor = self.words(tokens) + self.places(positions) + self.address(tokens) @ slots.to(self.address.weight.dtype)
        return found

    def say(self, states: Tensor) -> Tensor:
        logits: Tensor = self.out(states)
        return logits


class Speaker(nn.Module):
    """All parts; ``config`` is what they were made with. kinds: how many, and how many tokens the longest name has."""

    def __init__(
        self,
        hidden: int,
        envelope: int,
        vocabulary: int,
        kinds: tuple[int, int],
        width: int = 192,
        layers: int = 6,
        heads: int = 6,
        listener: int = 2,
        places: int = 320,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.config: dict[str, Any] = {
            "hidden": hidden, "envelope": envelope, "vocabulary": vocabulary, "kinds": kinds, "width": width, "layers": layers,
            "heads": heads, "listener": listener, "places": places,
        }  # fmt: skip
        self.connector = Connector(hidden, envelope, width, listener, heads, dropout)
        self.kinds = Kinds(torch.zeros(kinds[0], hidden), torch.zeros(kinds, dtype=torch.long), width, BANDS)
        self.decoder = Decoder(
            vocabulary, width, layers, heads, places, kinds[0]
        )  # its words change each time: only ears meet the same clips again

    def hear(
        self, frames: Tensor, times: Tensor, mask: Tensor, told: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """What the decoder reads: frames ``[b, n, width]`` and slots ``[b, k, width]``; and the kinds that each frame holds and that begin
        in it, logits ``[b, n, k]``.

        told: the two, in place of what is heard.
        """
        heard = self.connector(frames, times, mask, deaf=told is not None)
        holds, begins = self.kinds.logits(heard, frames[..., : self.connector.hidden]) if told is None else told
        levels = self.connector.levels(frames)
        slots = self.kinds.slots(holds, begins, times, levels if told is None else torch.zeros_like(levels), mask)
        return self.kinds(heard, holds, begins, mask, self.kinds.names(self.decoder.words.weight)), slots, holds, begins

    def forward(
        self, heard: Tensor, slots: Tensor, mask: Tensor, tokens: Tensor, positions: Tensor, texts: Tensor, scene: Tensor
    ) -> Tensor:
        """States ``[r, l, width]`` of rows of packed texts. heard, slots: of :meth:`hear`. ``texts`` [r, l]: the text that a token
        belongs to, −1 for none; ``scene`` [r]: what sounds beside a row.

        A token sees the frames and the tokens before it in its own text, so that one listening serves many texts.
        """
        n, dtype = heard.shape[1], heard.dtype
        ahead = torch.ones(n, n, dtype=torch.bool, device=mask.device).tril()
        among = _added((mask[:, None, :] & ahead) | torch.eye(n, dtype=torch.bool, device=mask.device), dtype)
        beside = _added(torch.cat([mask[scene][:, None, :].expand(-1, tokens.shape[1], -1), _own(texts)], 2), dtype)
        x = self.decoder.embed(tokens, positions, slots[scene])
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


def mean_over(weight: Tensor, value: Tensor) -> Tensor:
    """The mean of ``value`` [b, n, 1] by ``weight`` [b, n, k]."""
    return (weight * value).sum(1) / weight.sum(1).clamp_min(1e-6)


def bumps(x: Tensor, centres: Tensor, width: float) -> Tensor:
    """``[…]`` → ``[…, centres]``: how near each centre is."""
    return torch.exp(-0.5 * ((x.unsqueeze(-1) - centres) / width).square())


def time_code(times: Tensor, width: int) -> Tensor:
    """Seconds ``[…]`` → sinusoids ``[…, width]`` of periods from FINEST to COARSEST."""
    half = width // 2
    periods = FINEST * (COARSEST / FINEST) ** (torch.arange(half, dtype=times.dtype, device=times.device) / max(half - 1, 1))
    angles = times[..., None] * (2 * torch.pi / periods)
    return torch.cat([angles.sin(), angles.cos()], -1)
