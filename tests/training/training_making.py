"""Small towers and sizes for the tests of training."""

from __future__ import annotations

import torch
from torch import nn

from auricle.audio.features import YamnetFrontEnd
from auricle.training.gradients import encode
from auricle.training.modules.audio import ConvEncoder
from auricle.training.modules.mel import LogMel
from auricle.training.modules.text import TextEncoder
from auricle.training.modules.towers import Towers
from auricle.training.objectives import Sizes

FRONT = YamnetFrontEnd(rate=8000, window_length=200, hop_length=80, n_fft=256, n_mels=16, f_max=3500.0, patch_frames=16, hop_frames=8)


def sizes(**changes) -> Sizes:
    base = {
        "dim": 16, "hidden": 32, "text_hidden": 8, "vocabulary": 24, "pad_id": 0, "mask_id": 1, "start_id": 2, "end_id": 3,
        "labels": ("bell", "dog", "rain"), "bands": 16, "patch_frames": 16, "hop_frames": 8, "teachers": {"a": 5, "b": 7},
        "counts": {"bell": 4, "dog": 1, "rain": 4}, "words": lambda texts: [[2, 4 + len(text), 3] for text in texts],
    }  # fmt: skip
    return Sizes(**{**base, **changes})


def towers(context: nn.Module | None = None) -> Towers:
    torch.manual_seed(0)
    text = TextEncoder(24, width=8, layers=1, heads=2, max_length=16)
    return Towers(ConvEncoder(8, (1, 1)), text, 16, front=LogMel(FRONT), context=context)


class Given(nn.Module):
    """A model whose scale and bias are plain numbers, for sums done by hand."""

    def __init__(self, scale=1.0, bias=0.0):
        super().__init__()
        self.logit_scale, self.logit_bias = torch.tensor(scale, dtype=torch.float64), torch.tensor(bias, dtype=torch.float64)


def outputs(model: Towers, objective, batch) -> dict:
    return encode(model, [objective], batch)
