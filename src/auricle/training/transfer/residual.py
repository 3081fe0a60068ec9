"""Prompts learned in the space of embeddings. Hanif et al. 2024, "PALM: Few-Shot Prompt Learning for Audio Language Models",
arXiv 2409.19806, §3.

    t'_c = (1 − λ_c)·t_c + λ_c·z_c        s_c(f) = τ·cos(f, t'_c)        λ_c = σ(l_c)

z and λ are learned, a vector and a number a label, on the cross-entropy of the shots; both towers stay as they are, so it works for any
bundle. z begins as t: the start is zero-shot. τ fits the texts to the shots. Steps and rate are the same for any number
of shots, and were chosen on draws inside the training half of the corpus (docs/transfer.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from auricle.training.errors import TrainingError
from auricle.training.transfer.decision import Decision, Shots, spoken


@dataclass(frozen=True, slots=True)
class Options:
    steps: int = 200
    rate: float = 0.001
    weight_decay: float = 0.0


def fit(shots: Shots, options: Options = Options()) -> Decision:
    """Raises TrainingError ``NaN``."""
    import torch

    base = spoken(shots)
    torch.manual_seed(shots.seed)
    scale = float(np.linalg.norm(base.weights[0]))
    texts = torch.from_numpy(shots.texts.astype(np.float64))
    z, gate = texts.clone().requires_grad_(True), torch.zeros(len(texts), dtype=torch.float64, requires_grad=True)
    heard, weight = torch.from_numpy(shots.vectors.astype(np.float64)), torch.from_numpy(shots.weights)
    truth, bias = torch.from_numpy(shots.truth[shots.owners]), torch.from_numpy(base.bias)
    optimiser = torch.optim.AdamW([z, gate], lr=options.rate, weight_decay=options.weight_decay)
    for step in range(options.steps):
        found = cross_entropy(scale * heard @ mixed(texts, z, gate).T + bias, truth, weight, shots.exclusive)
        if not torch.isfinite(found):
            raise no_number("residual", step + 1)
        optimiser.zero_grad()
        found.backward()
        optimiser.step()
    learned = mixed(texts, z, gate).detach().numpy()
    return Decision(scale * learned, base.bias, chosen=f"{options.steps} steps at {options.rate:g}")


def mixed(texts: Any, z: Any, gate: Any) -> Any:
    """t' ``[k, d]``, unit norm."""
    share = gate.sigmoid()[:, None]
    found = (1 - share) * texts + share * z
    return found / found.norm(dim=-1, keepdim=True).clamp_min(1e-12)


def cross_entropy(logits: Any, truth: Any, weight: Any, exclusive: bool) -> Any:
    """Weighted mean over rows: softmax over the labels, or each known label's own yes or no (``truth`` −1: unknown)."""
    import torch

    if exclusive:
        own = torch.nn.functional.cross_entropy(logits, truth.argmax(1), reduction="none")
        return (own * weight).sum() / weight.sum()
    known = (truth >= 0).to(logits.dtype) * weight[:, None]
    each = torch.nn.functional.binary_cross_entropy_with_logits(logits, (truth == 1).to(logits.dtype), reduction="none")
    return (each * known).sum() / known.sum()


def no_number(method: str, step: int) -> TrainingError:
    return TrainingError("NaN", f"{method}, step {step}: the loss is no number.", hint=f"Lower the rate: --set {method}.rate=…")
