"""Each method's equation on a case done by hand, and what it chooses within its shots."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from transfer_making import made_shots, unit

from auricle.errors import UsageError
from auricle.models.heads import pool_windows
from auricle.training.errors import TrainingError
from auricle.training.transfer import adapter, probe, prompts, residual
from auricle.training.transfer.decision import Decision, Shots, folds_of, loss, spoken


class Reader:
    """Texts as given vectors."""

    def __init__(self, **vectors):
        self.vectors = vectors

    def embed_text(self, texts):
        return np.array([self.vectors[text.replace(" ", "_")] for text in texts], np.float32)


def two(vectors, truth, clips, texts=((1, 0), (0, 1)), exclusive=True) -> Shots:
    """A window a sound."""
    v, t = unit(np.array(vectors, float)), unit(np.array(texts, float))
    return Shots(v, np.arange(len(v)), np.array(truth, np.int8), tuple(clips), t, t, ("a", "b"), exclusive)


def test_an_ensemble_is_the_unit_mean_of_unit_vectors():
    reader = Reader(dog=(1, 0), the_sound_of_dog=(0, 1), rain=(0, 1), the_sound_of_rain=(0, 1))
    found = prompts.ensemble(reader, ["dog", "rain"], ("{}", "the sound of {}"))
    assert np.allclose(found, [[2**-0.5, 2**-0.5], [0, 1]])
    assert np.array_equal(prompts.decide(found).scores(np.array([[1, 0]], np.float32)), [[found[0, 0], 0.0]])
    with pytest.raises(UsageError, match=r"needs \{\}"):
        prompts.ensemble(reader, ["dog"], ("a dog",))


def test_the_loss_by_hand():
    scores = np.array([[2.0, 0.0], [0.0, 1.0]])
    truth = np.array([[1, 0], [1, 0]], np.int8)
    assert loss(scores, truth, True) == pytest.approx((np.log(1 + np.exp(-2)) + np.log(1 + np.exp(1))) / 2)
    unknown = np.array([[1, -1], [0, 1]], np.int8)
    each = [np.log(1 + np.exp(-2)), np.log(2), np.log(1 + np.exp(-1))]
    assert loss(scores, unknown, False) == pytest.approx(np.mean(each))


def test_texts_are_scaled_to_what_the_shots_say():
    clear = two([(1, 0), (0, 1)], [(1, 0), (0, 1)], "ab")
    wrong = two([(1, 0), (0, 1)], [(0, 1), (1, 0)], "ab")
    assert np.linalg.norm(spoken(clear).weights[0]) > 30
    assert np.linalg.norm(spoken(wrong).weights[0]) == pytest.approx(1)
    both = spoken(replace(made_shots(8), exclusive=False))
    assert np.ptp(both.bias) == 0
    assert both.bias[0] < 0


def test_tip_adapter_by_hand():
    """s(f) = τ·f·Tᵀ + α · exp(−β(1 − f·kᵢ)) · L, the labels' shares over their shots."""
    shots = two([(1, 0), (0.6, 0.8), (0, 1)], [(1, 0), (1, 0), (0, 1)], "abc")
    assert np.array_equal(adapter.cache(shots), [[0.5, 0], [0.5, 0], [0, 1]])
    base = Decision(3.0 * shots.texts.astype(float), np.zeros(2))
    decision = Decision(base.weights, base.bias, shots.vectors, 7.0 * adapter.cache(shots), 2.0)
    f = np.array([[0.8, 0.6]], np.float32)
    near = np.exp(-2 * (1 - np.array([0.8, 0.96, 0.6])))
    expected = [3 * 0.8 + 7 * (near[0] + near[1]) / 2, 3 * 0.6 + 7 * near[2]]
    assert np.allclose(decision.scores(f), [expected], atol=1e-6)


def test_each_shot_is_judged_by_the_others():
    """The first two are of one clip: neither helps the other; shares are counted anew."""
    shots = two([(1, 0), (0.8, 0.6), (0.6, 0.8), (0, 1)], [(1, 0), (1, 0), (1, 0), (0, 1)], ("x", "x", "y", "z"))
    found = adapter.left_out(shots, 1.0)
    assert found[0] == pytest.approx([np.exp(-(1 - 0.6)), np.exp(-1)], abs=1e-6)
    assert found[2] == pytest.approx([(np.exp(-(1 - 0.6)) + np.exp(-(1 - 0.96))) / 2, np.exp(-0.2)], abs=1e-6)
    assert found[3, 1] == pytest.approx(0)  # the only one of its label
    assert adapter.choose(shots, spoken(shots))[:2] == adapter.ONE_SHOT


def test_windows_of_one_sound_weigh_as_one():
    shots = made_shots(3, windows=4)
    assert np.bincount(shots.owners, shots.weights) == pytest.approx(np.ones(9))
    assert adapter.cache(shots).sum(axis=0) == pytest.approx(np.ones(3))
    values = np.arange(36.0 * 3).reshape(36, 3)
    assert np.array_equal(shots.pooled(values)[1], pool_windows(values[4:8]))


def test_a_useless_text_is_outvoted_and_a_useless_cache_is_left_alone():
    shots = made_shots(6, seed=1)
    turned = replace(shots, texts=np.roll(shots.texts, 1, axis=0))
    test = made_shots(20, seed=2)
    truth = test.truth.argmax(1)

    def right(decision):
        return np.mean(test.pooled(decision.scores(test.vectors)).argmax(1) == truth)

    assert right(adapter.fit(turned)) > right(spoken(turned)) + 0.3
    assert right(adapter.fit(shots)) > 0.8
    noise = replace(made_shots(6, seed=3), vectors=unit(np.random.default_rng(0).standard_normal((36, 8))))
    clear = replace(noise, texts=unit(np.eye(3, 8)))
    assert adapter.choose(clear, spoken(clear))[2].endswith("at a time")


def test_the_probe_finds_the_minimum_of_its_equation():
    """At the minimum of C·Σ u·L + ½‖W‖² the gradient is zero: C·Σ u·(p − y)·f + W."""
    shots = made_shots(5)
    weights, bias = probe.regression(shots, np.ones(15, bool), 10.0)
    w = torch.from_numpy(weights).requires_grad_(True)
    b = torch.from_numpy(bias).requires_grad_(True)
    x, u = torch.from_numpy(shots.vectors.astype(float)), torch.from_numpy(shots.weights)
    y = torch.from_numpy(shots.truth.argmax(1)[shots.owners])
    value = 10.0 * (u * torch.nn.functional.cross_entropy(x @ w.T + b, y, reduction="none")).sum() + 0.5 * w.square().sum()
    value.backward()
    assert float(w.grad.abs().max()) < 0.05
    assert float(b.grad.abs().max()) < 0.05


def test_the_probe_tells_two_labels_apart_and_knows_absent_ones():
    shots = made_shots(4, k=2)
    weights, bias = probe.regression(shots, np.ones(8, bool), 10.0)
    assert np.allclose(weights[0], -weights[1])
    assert np.allclose(bias[0], -bias[1])
    three = made_shots(4, k=3)
    keep = three.truth[:, 2] == 0
    weights, bias = probe.regression(three, keep, 10.0)
    assert bias[2] < bias[:2].min() - 5
    assert not weights[2].any()


def test_the_probe_of_several_labels_leaves_out_what_nobody_knows():
    shots = made_shots(5, exclusive=False)
    truth = shots.truth.copy()
    truth[0, 1] = -1
    weights, _ = probe.regression(replace(shots, truth=truth), np.ones(15, bool), 10.0)
    without = np.ones(15, bool)
    without[0] = False
    assert np.allclose(weights[1], probe.regression(shots, without, 10.0)[0][1], atol=1e-2)


def test_strength_is_chosen_within_the_shots():
    c, said = probe.choose(made_shots(5))
    assert c in probe.STRENGTHS
    assert said.endswith("by 5 folds of the shots")
    assert probe.choose(made_shots(1)) == (probe.ONE_SHOT, f"C={probe.ONE_SHOT:g}, given")
    fold = folds_of(made_shots(3))
    assert sorted(np.bincount(fold)) == [3, 3, 3]
    same = replace(made_shots(2), clips=("x",) * 6)
    assert folds_of(same) is None


def test_palm_by_hand():
    texts = torch.tensor([[1.0, 0.0], [0.0, 1.0]], dtype=torch.float64)
    z = torch.tensor([[0.0, 1.0], [0.0, 1.0]], dtype=torch.float64)
    gate = torch.tensor([0.0, 5.0], dtype=torch.float64)
    assert torch.allclose(residual.mixed(texts, z, gate)[0], torch.tensor([0.5, 0.5], dtype=torch.float64) * 2**0.5)
    assert torch.allclose(residual.mixed(texts, z, gate)[1], texts[1])


def test_the_gradient_of_palm_is_that_of_differences():
    shots = made_shots(2)
    texts = torch.from_numpy(shots.texts.astype(float))
    heard, weight = torch.from_numpy(shots.vectors.astype(float)), torch.from_numpy(shots.weights)
    truth = torch.from_numpy(shots.truth[shots.owners])
    z = (texts + 0.1).clone().requires_grad_(True)
    gate = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    for exclusive in (True, False):

        def value(z, gate, exclusive=exclusive):
            return residual.cross_entropy(5 * heard @ residual.mixed(texts, z, gate).T, truth, weight, exclusive)

        assert torch.autograd.gradcheck(value, (z, gate))


def test_palm_begins_as_the_texts_and_learns():
    shots = made_shots(6)
    test = made_shots(30, seed=5)
    truth = test.truth.argmax(1)
    begun = residual.fit(shots, residual.Options(steps=1, rate=1e-12))
    assert np.allclose(begun.weights, spoken(shots).weights, atol=1e-6)
    learned = residual.fit(shots, residual.Options(steps=100, rate=0.01))
    before, after = (np.mean(test.pooled(d.scores(test.vectors)).argmax(1) == truth) for d in (begun, learned))
    assert after > before
    assert loss(shots.pooled(learned.scores(shots.vectors)), shots.truth, True) < loss(
        shots.pooled(begun.scores(shots.vectors)), shots.truth, True
    )


def test_a_loss_that_is_no_number_is_said():
    with pytest.raises(TrainingError, match="residual, step 1: the loss is no number") as found:
        residual.fit(replace(made_shots(2), vectors=np.full((12, 8), np.nan, np.float32)))
    assert found.value.kind == "NaN"
    assert "--set residual.rate" in found.value.hint
