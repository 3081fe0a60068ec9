"""Frame–text alignment: which frame is heard to be what, for any text."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from auricle.training.modules.towers import Batch, Towers
from auricle.training.objectives.base import Loss, Objective, Outputs


class FrameText(Objective):
    """A sigmoid over frames and event texts (FLAM, Wu 2025, arXiv 2505.05335), with multiple-instance learning where no times are known.

        p(i, t, e) = σ( α f_it·g_e + β )
        timed:    L = − mean over frames t of [ y log p + (1 − y) log(1 − p) ],   y = 1 where event e sounds in frame t of i
        untimed:  the same on the clip's  p(i, e) = Σ_t p² / Σ_t p                 (linear softmax, Wang 2019, arXiv 1810.09050)

    Every sound meets every event text of the batch; an event of another sound counts as not heard unless it is the same text. α, β are
    the objective's own. ``positives`` weighs the rare frames with the event.
    """

    kind = "frame_text"
    needs = frozenset({"audio", "event_tokens"})

    def __init__(self, weight: float = 1.0, positives: float = 4.0, scale: float = 10.0, bias: float = -4.0) -> None:
        super().__init__(weight)
        self.positives = positives
        self.log_alpha, self.beta = nn.Parameter(torch.tensor(math.log(scale))), nn.Parameter(torch.tensor(float(bias)))

    def encode(self, model: Towers, batch: Batch, outputs: Outputs) -> Outputs:
        return {"event_texts": model.encode_texts(batch["event_tokens"], batch["event_mask"])}

    def forward(self, model: Towers, batch: Batch, outputs: Outputs) -> Loss:
        frames, mask, valid = outputs["frames"], outputs["frame_mask"], batch["event_valid"]
        texts, ids = outputs["event_texts"].flatten(0, 1), batch["event_ids"].flatten()
        logits = self.log_alpha.exp() * torch.einsum("btd,ed->bet", frames, texts) + self.beta
        counted = valid.flatten()[None, :, None] & mask[:, None, :]  # [b, e, t]
        truth = self._truth(batch, ids).to(logits)
        timed = batch["event_timed"]
        by_frame = self._entropy(logits.sigmoid(), truth)
        p = logits.sigmoid() * mask[:, None, :]
        by_clip = self._entropy(p.square().sum(-1) / p.sum(-1).clamp_min(1e-6), truth.amax(-1))
        weight_frames = (counted & timed[:, None, None]).to(logits)
        weight_clips = (valid.flatten()[None] & ~timed[:, None]).to(logits)
        in_time = (by_frame * weight_frames).sum() / weight_frames.sum().clamp_min(1)
        in_clip = (by_clip * weight_clips).sum() / weight_clips.sum().clamp_min(1)
        return Loss(in_time + in_clip, {"frames": float(in_time.detach()), "clips": float(in_clip.detach())})

    def _truth(self, batch: Batch, ids: Tensor) -> Tensor:
        """``[b, all events, t]``: what sounds when, equal texts brought together; untimed events are heard throughout."""
        own, valid = batch["event_ids"], batch["event_valid"]
        same = (own[:, :, None] == ids[None, None]) & valid[:, :, None]  # [b, own, all]
        frames = torch.where(batch["event_timed"][:, None, None], batch["event_frames"], torch.ones_like(batch["event_frames"]))
        return (same[..., None] * frames[:, :, None]).amax(1)

    def _entropy(self, p: Tensor, truth: Tensor) -> Tensor:
        p = p.clamp(1e-6, 1 - 1e-6)
        return -(self.positives * truth * p.log() + (1 - truth) * (1 - p).log())
