"""Gradient cache and accumulation are the large batch, exactly."""

from __future__ import annotations

import pytest
import torch
from training_making import outputs, sizes, towers

from auricle.training.gradients import backward
from auricle.training.objectives import KINDS, make


def everything(kinds=KINDS):
    torch.manual_seed(4)
    objectives = [make(kind, 0.5 + i / 10) for i, kind in enumerate(kinds)]
    batch = {}
    for objective in objectives:
        objective.build(sizes())
        objective.double()
        batch |= {k: v.double() if v.is_floating_point() else v for k, v in objective.dummy(6, sizes()).items()}
    return objectives, batch


def gradients(model, objectives):
    named = [*model.named_parameters(), *(p for o in objectives for p in o.named_parameters())]
    return [(name, torch.zeros_like(p) if p.grad is None else p.grad.clone()) for name, p in named]


@pytest.mark.parametrize("chunk", [1, 4])
def test_gradient_cache_is_the_large_batch(chunk):
    """All eleven objectives at once, in float64: what is left is rounding."""
    objectives, batch = everything()
    model = towers().double()
    whole = backward(model, objectives, batch)
    expected = gradients(model, objectives)
    for p in [*model.parameters(), *(p for o in objectives for p in o.parameters())]:
        p.grad = None
    parted = backward(model, objectives, batch, chunk=chunk)
    assert parted.value == pytest.approx(whole.value, rel=1e-12)
    assert set(parted.parts) == set(whole.parts)
    moved = 0
    for (name, found), (_, wanted) in zip(gradients(model, objectives), expected, strict=True):
        assert torch.allclose(found, wanted, rtol=1e-9, atol=1e-13), name
        moved += int(wanted.abs().sum() > 0)
    assert moved > 40


def test_gradient_cache_repeats_dropout():
    """Chunks drop the same units when they are encoded again: the gradient is that of the values that the loss saw."""
    objectives, batch = everything(["infonce"])
    model = towers().double()
    model.text.blocks[0].dropout.p = 0.5
    found = []
    for _ in range(2):
        model.zero_grad()
        backward(model, objectives, batch, chunk=2, seed=9)
        found.append(model.text.words.weight.grad.clone())
    assert torch.equal(*found)
    # Against finite differences of the same chunked value.
    name = model.text_head.straight.bias
    step = torch.zeros_like(name)
    step[0] = 1e-6
    values = []
    for sign in (1, -1):
        with torch.no_grad():
            name.add_(sign * step)
        values.append(backward(model, objectives, batch, chunk=2, seed=9).value)
        with torch.no_grad():
            name.sub_(sign * step)
    model.zero_grad()
    backward(model, objectives, batch, chunk=2, seed=9)
    assert (values[0] - values[1]) / 2e-6 == pytest.approx(name.grad[0].item(), rel=1e-4)


def test_accumulation_is_the_large_batch():
    """Where the loss is a mean over items, two halves at half weight are the whole."""
    objectives, batch = everything(["tagging", "frame_events", "captioning"])
    batch["frame_mask"] = torch.ones_like(batch["frame_mask"])
    model = towers().double()
    backward(model, objectives, batch)
    expected = gradients(model, objectives)
    for p in [*model.parameters(), *(p for o in objectives for p in o.parameters())]:
        p.grad = None
    for half in ({k: v[:3] for k, v in batch.items()}, {k: v[3:] for k, v in batch.items()}):
        backward(model, objectives, half, scale=0.5)
    for (name, found), (_, wanted) in zip(gradients(model, objectives), expected, strict=True):
        assert torch.allclose(found, wanted, rtol=1e-9, atol=1e-13), name


def test_any_weighted_sum_trains_one_model():
    objectives, batch = everything()
    model = towers().double()
    parameters = [*model.parameters(), *(p for o in objectives for p in o.parameters())]
    optimiser = torch.optim.AdamW(parameters, lr=3e-3)
    values = []
    for _ in range(8):
        optimiser.zero_grad()
        values.append(backward(model, objectives, batch).value)
        optimiser.step()
    assert values[-1] < 0.9 * values[0]


def test_weights_multiply():
    objectives, batch = everything(["infonce", "tagging"])
    model = towers().double()
    found = backward(model, objectives, batch)
    alone = [o(model, batch, outputs(model, o, batch)).value.item() for o in objectives]
    assert found.value == pytest.approx(0.5 * alone[0] + 0.6 * alone[1])
