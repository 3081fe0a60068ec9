"""The gradient of a batch: at once, in chunks with a gradient cache, over several processes; always that of the whole batch.

Gradient cache (GradCache, Gao 2021, arXiv 2101.06983): chunks are encoded without a graph; the loss of the whole batch gives the gradient
of every encoding; each chunk is encoded again and that gradient is led back through it. Memory is that of one chunk, and a contrastive
loss still sees every pair. Several processes work alike: encodings are gathered, each process computes the whole loss, and leads
its own share of the gradient back.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from auricle.training.modules.towers import Batch, Towers
from auricle.training.objectives.base import Objective, Outputs

INPUTS = frozenset({"audio", "mel", "frames", "spec_mask"})  # what only the encoders read


@dataclass(frozen=True)
class Result:
    value: float
    parts: dict[str, float]


def encode(model: Towers, objectives: Iterable[Objective], batch: Batch) -> Outputs:
    """All that the objectives read of a batch, each with the batch as first axis."""
    objectives = list(objectives)
    uses = {name for objective in objectives for name in objective.uses}
    outputs: Outputs = {}
    if "audio" in uses:
        outputs |= model.encode_audio(batch)
    if "text" in uses:
        outputs["text"] = model.encode_text(batch["tokens"], batch["token_mask"])
    for objective in objectives:
        outputs |= objective.encode(model, batch, outputs)
    return outputs


def total(model: Towers, objectives: Iterable[Objective], batch: Batch, outputs: Outputs) -> tuple[Tensor, dict[str, float]]:
    """The weighted sum, and each objective's own value and parts."""
    value: Any = 0.0
    parts: dict[str, float] = {}
    for objective in objectives:
        loss = objective(model, batch, outputs)
        value = value + objective.weight * loss.value
        parts[objective.kind] = float(loss.value.detach())
        parts |= {f"{objective.kind}.{name}": part for name, part in loss.parts.items()}
    return value, parts


def backward(
    model: Towers,
    objectives: Sequence[Objective],
    batch: Batch,
    *,
    chunk: int | None = None,
    scale: float = 1.0,
    seed: int = 0,
    accelerator: Any = None,
) -> Result:
    """Add the gradient of ``scale`` × loss to the parameters. ``batch`` is this process's share; the loss is that of all shares.

    With several processes each holds a part of the gradient: their sum is the gradient.
    """
    world = accelerator.num_processes if accelerator is not None else 1
    size = len(next(iter(batch.values())))
    chunks = [batch] if chunk is None or chunk >= size else list(cut(batch, chunk))
    if len(chunks) == 1 and world == 1:
        torch.manual_seed(seed)
        value, parts = total(model, objectives, batch, encode(model, objectives, batch))
        (value * scale).backward()
        return Result(float(value.detach()), parts)
    cached = len(chunks) > 1
    made = []
    for number, part in enumerate(chunks):
        torch.manual_seed(seed + number)  # so that dropout falls alike when the chunk is encoded again
        with torch.set_grad_enabled(not cached):
            made.append(encode(model, objectives, part))
    local = {key: torch.cat([outputs[key] for outputs in made]) for key in made[0]}
    seen, everything = batch, local
    if world > 1:
        seen = {k: gathered(accelerator, v) for k, v in batch.items() if isinstance(v, Tensor) and k not in INPUTS}
        everything = {k: gathered(accelerator, v.detach()) for k, v in local.items()}
    leaves = {k: v.detach().requires_grad_() if v.is_floating_point() else v for k, v in everything.items()}
    value, parts = total(model, objectives, seen, leaves)
    (value * scale / world).backward()
    first = accelerator.process_index * size if world > 1 else 0
    for number, outputs in enumerate(made):
        if cached:
            torch.manual_seed(seed + number)
            outputs = encode(model, objectives, chunks[number])
        n = len(next(iter(outputs.values())))
        _lead_back(outputs, leaves, first, world)
        first += n
    return Result(float(value.detach()), parts)


def _lead_back(outputs: Outputs, leaves: Outputs, first: int, world: int) -> None:
    pairs = []
    for key, output in outputs.items():
        gradient = leaves[key].grad
        if output.requires_grad and gradient is not None:
            own = gradient[first : first + len(output)]
            pairs.append((output, own[tuple(slice(n) for n in output.shape)] * world))
    if pairs:
        torch.autograd.backward([output for output, _ in pairs], [gradient for _, gradient in pairs])


def cut(batch: Batch, chunk: int) -> Iterable[Batch]:
    """The batch in pieces of ``chunk`` items."""
    size = len(next(iter(batch.values())))
    for at in range(0, size, chunk):
        yield {key: value[at : at + chunk] for key, value in batch.items()}


def gathered(accelerator: Any, tensor: Tensor) -> Tensor:
    """The shares of all processes, in their order; shorter axes are filled with zeros."""
    flag = tensor.dtype == torch.bool
    full = tensor.to(torch.uint8) if flag else tensor
    for axis in range(1, full.dim()):
        full = accelerator.pad_across_processes(full, dim=axis)
    found = accelerator.gather(full.contiguous())
    return found.bool() if flag else found


def summed(accelerator: Any, parameters: Iterable[Tensor]) -> None:
    """Add up the gradients of all processes."""
    if accelerator.num_processes == 1:
        return
    kept = [p for p in parameters if p.requires_grad]
    for p in kept:
        if p.grad is None:
            p.grad = torch.zeros_like(p)
    flat = accelerator.reduce(torch.cat([p.grad.reshape(-1) for p in kept]), reduction="sum")
    at = 0
    for p in kept:
        p.grad.copy_(flat[at : at + p.numel()].reshape(p.shape))
        at += p.numel()
