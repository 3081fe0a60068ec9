"""LoRA: low-rank updates beside frozen weights. Hu et al. 2021, "LoRA: Low-Rank Adaptation of Large Language Models", arXiv 2106.09685,
eq. 3; for audio–text and image–text towers see Zanella & Ben Ayed 2024 (CLIP-LoRA), arXiv 2405.18541.

    W·x  →  W·x + (α/r)·B·A·x        A [r, in] random, B [out, r] zero at first

Every linear map of both towers and of their heads is given one (1×1 convolutions are such), by ``peft``. Merged, W + (α/r)·B·A, the towers
have their old shape: what is exported is a plain bundle.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn

from auricle.errors import ModelError
from auricle.training.transfer.towers import Trainable
from auricle.training.transfer.tuning import Options

DEFAULT = Options(steps=100, rate=2e-3)


def targets(towers: nn.Module) -> list[str]:
    """Names of the linear maps that are given an update."""
    found = []
    for name, module in towers.named_modules():
        flat = isinstance(module, nn.Conv2d) and module.kernel_size == (1, 1) and module.groups == 1
        if (isinstance(module, nn.Linear) or flat) and any(p.is_floating_point() for p in module.parameters()):
            found.append(name)
    return found


@contextmanager
def updates(run: Trainable, options: Options = DEFAULT) -> Iterator[list[nn.Parameter]]:
    """The trainable updates, in place in the towers; merged into the weights when the block ends well, else taken out.

    Raises ModelError where peft is not installed.
    """
    try:
        from peft import LoraConfig, LoraModel
    except ImportError:
        raise ModelError("Unsupported", "peft is not installed.", hint='Install it with: pip install "auricle[train]"') from None
    config = LoraConfig(r=options.rank, lora_alpha=options.alpha, lora_dropout=0.0, target_modules=targets(run.towers), bias="none")
    before = [(p, p.requires_grad) for p in run.towers.parameters()]
    tuner: Any = LoraModel(run.towers, config, "default")
    try:
        yield [p for p in run.towers.parameters() if p.requires_grad]
        tuner.merge_and_unload()
    except BaseException:
        tuner.unload()
        raise
    finally:
        for p, flag in before:
            p.requires_grad_(flag)
