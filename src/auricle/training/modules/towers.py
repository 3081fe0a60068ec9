"""Two towers that meet in one space, as the bundle will run them: a window is, unit norm, the mean of its frames' raw vectors."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from auricle.training.modules.layers import masked_mean, unit
from auricle.training.modules.mel import Front, LogMel, Wave

Batch = dict[str, Any]
MAX_SCALE = math.log(100.0)  # as CLIP holds it (arXiv 2103.00020)


class Head(nn.Module):
    """Into the shared space: a linear map, with a residual hidden layer where ``widen`` > 0; ``dropout`` of what is read, in training."""

    def __init__(self, hidden: int, dim: int, widen: int = 0, dropout: float = 0.0) -> None:
        super().__init__()
        self.drop = nn.Dropout(dropout)
        self.straight = nn.Linear(hidden, dim)
        self.bent = nn.Sequential(nn.Linear(hidden, widen), nn.GELU(), nn.Linear(widen, dim)) if widen else None

    def forward(self, x: Tensor) -> Tensor:
        x = self.drop(x)
        return self.straight(x) if self.bent is None else self.straight(x) + self.bent(x)


class Towers(nn.Module):
    """``audio``: the encoder of one cut, ``[n, …] → [n, audio.hidden]``; ``text``: tokens and mask → ``[n, text.hidden]``.

    A batch brings ``audio`` [b, n] at the front end's rate, or ``mel`` [b, frames, bands] (what the front end gives), or ``frames``
    [b, t, audio.hidden] that a frozen encoder gave; and ``frame_mask`` [b, t] (absent: every frame counts).
    """

    def __init__(
        self,
        audio: nn.Module,
        text: nn.Module,
        dim: int,
        *,
        front: Front | None = None,
        context: nn.Module | None = None,
        widen: int = 0,
        text_head: nn.Module | None = None,
        dropout: float = 0.0,
        scale: float = 1 / 0.07,
        bias: float = -10.0,
    ) -> None:
        super().__init__()
        if dim % 16:
            raise ValueError(f"dim {dim} is not a multiple of 16, which the search index needs")
        self.audio, self.text, self.front, self.context, self.dim = audio, text, front, context, dim
        self.audio_head, self.text_head = Head(audio.hidden, dim, widen, dropout), text_head or Head(text.hidden, dim, widen)
        self.log_scale = nn.Parameter(torch.tensor(math.log(scale)))
        self.logit_bias = nn.Parameter(torch.tensor(float(bias)))

    @property
    def logit_scale(self) -> Tensor:
        """What cosines are multiplied with, at most 100."""
        return self.log_scale.clamp(max=MAX_SCALE).exp()

    def listen(self, batch: Batch) -> Tensor:
        """What the front end gives for a batch: log-mel ``[b, frames, bands]``, or samples."""
        if self.front is None:
            raise ValueError("this audio encoder is frozen: the batch must bring its frames")
        heard: Tensor = batch["mel"] if "mel" in batch else self.front(batch["audio"])
        return heard

    def encode_heard(self, heard: Tensor, mask: Tensor | None = None) -> Tensor:
        """``listen``'s result → ``[b, t, audio.hidden]``, a vector a patch; zeros where ``mask`` is false, for nothing is heard there."""
        assert isinstance(self.front, LogMel | Wave)
        patches = self.front.patches(heard)
        if mask is None or bool(mask.all()):
            flat = self.audio(patches.flatten(0, 1))
            return flat.reshape(*patches.shape[:2], -1)
        some = self.audio(patches[mask])
        hidden = some.new_zeros((*mask.shape, some.shape[-1]))
        return hidden.index_put((mask,), some)

    def encode_audio(self, batch: Batch) -> dict[str, Tensor]:
        """``clip`` [b, dim] and ``frames`` [b, t, dim], unit norm; ``hidden`` [b, t, h] before the shared space; ``frame_mask``."""
        if "frames" in batch:
            hidden = batch["frames"]
        else:
            heard = self.listen(batch)
            if "spec_mask" in batch:
                heard = heard.masked_fill(batch["spec_mask"], self.audio.mean)
            hidden = self.encode_heard(heard, batch.get("frame_mask"))
        mask = batch.get("frame_mask")
        mask = torch.ones(hidden.shape[:2], dtype=torch.bool, device=hidden.device) if mask is None else mask
        return self.project_audio(hidden, mask)

    def project_audio(self, hidden: Tensor, mask: Tensor) -> dict[str, Tensor]:
        if self.context is not None:
            hidden = self.context(hidden, mask)
        raw = self.audio_head(hidden)
        return {"clip": unit(masked_mean(raw, mask)), "frames": unit(raw), "hidden": hidden, "frame_mask": mask}

    def encode_text(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """``[n, dim]``, unit norm."""
        return unit(self.text_head(self.text(tokens, mask)))

    def encode_texts(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """Several texts an item: ``[b, k, l]`` → ``[b, k, dim]``."""
        b, k, length = tokens.shape
        return self.encode_text(tokens.reshape(b * k, length), mask.reshape(b * k, length)).reshape(b, k, self.dim)
