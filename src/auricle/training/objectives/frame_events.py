"""Discriminative: which label sounds in which frame."""

from __future__ import annotations

from torch import nn

from auricle.training.modules.towers import Batch, Towers
from auricle.training.objectives.base import Loss, Objective, Outputs, Sizes


class FrameEvents(Objective):
    """Framewise sound event detection (DCASE; Turpault 2019, hal-02160855).

        L = −1/N Σ_it Σ_c [ y_itc log σ(z_itc) + (1 − y_itc) log(1 − σ(z_itc)) ],   z = W h_it + b

    over the frames of sounds whose events have times; N counts them times labels.
    """

    kind = "frame_events"
    needs = frozenset({"audio", "events"})

    def build(self, sizes: Sizes) -> None:
        if not sizes.labels:
            raise ValueError("frame_events needs events in the manifests")
        self.head = nn.Linear(sizes.hidden, len(sizes.labels))

    def forward(self, model: Towers, batch: Batch, outputs: Outputs) -> Loss:
        logits = self.head(outputs["hidden"])
        each = nn.functional.binary_cross_entropy_with_logits(logits, batch["events"].to(logits), reduction="none").mean(-1)
        keep = (outputs["frame_mask"] & batch["event_timed"][:, None]).to(each)
        return Loss((each * keep).sum() / keep.sum().clamp_min(1))
