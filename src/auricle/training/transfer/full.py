"""Full fine-tuning: every weight of the towers is learned. Radford et al. 2021 (CLIP), arXiv 2103.00020, §3.2; how, see ``tuning``.

    θ ← θ − η·AdamW(∇_θ L)        for all of θ: both towers, their heads, τ

Encoders that are ONNX graphs have no weights here, and stay.
"""

from __future__ import annotations

from torch import nn

from auricle.training.transfer.towers import Trainable
from auricle.training.transfer.tuning import Options

DEFAULT = Options(steps=100, rate=3e-4)


def parameters(run: Trainable) -> list[nn.Parameter]:
    """All that can be learned. Encoders that are ONNX graphs have no weights here, and stay."""
    found = [p for p in run.towers.parameters() if p.is_floating_point()]
    for p in found:
        p.requires_grad_(True)
    return found
