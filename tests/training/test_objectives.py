"""Each objective: a case worked out by hand, its gradient, padding that changes nothing, and a dummy batch."""

from __future__ import annotations

import math

import pytest
import torch
from training_making import Given, outputs, sizes, towers

from auricle.training.modules.layers import unit
from auricle.training.objectives import KINDS, make

A = torch.tensor([[1.0, 0.0], [0.0, 1.0]], dtype=torch.float64)


def test_infonce_by_hand():
    """Two sounds, two texts, all cosines known: a₁·t₁ = 1, a₁·t₂ = .6, a₂·t₁ = 0, a₂·t₂ = .8; s = 2."""
    text = torch.tensor([[1.0, 0.0], [0.6, 0.8]], dtype=torch.float64)
    found = make("infonce")(Given(2.0), {}, {"clip": A, "text": text}).value.item()
    rows = [math.log(1 + math.exp(1.2 - 2.0)), math.log(1 + math.exp(0.0 - 1.6))]
    columns = [math.log(1 + math.exp(0.0 - 2.0)), math.log(1 + math.exp(1.2 - 1.6))]
    assert found == pytest.approx(sum(rows + columns) / 4)
    assert found == pytest.approx((0.3711 + 0.1839 + 0.1269 + 0.5130) / 4, abs=1e-4)


def test_infonce_of_equal_captions_has_no_negatives():
    same = {"text_ids": torch.tensor([7, 7])}
    assert make("infonce")(Given(2.0), same, {"clip": A, "text": A}).value.item() == 0


def test_sigmoid_by_hand():
    """s = 2, b = −1: own pairs 2·1 − 1 = 1, others 2·0 − 1 = −1; both give log(1 + e⁻¹); four pairs over n = 2."""
    found = make("sigmoid")(Given(2.0, -1.0), {}, {"clip": A, "text": A}).value.item()
    assert found == pytest.approx(4 / 2 * math.log(1 + math.exp(-1)))


def test_hard_negatives_by_hand():
    """a·t = 1, a·n₁ = .6, n₂ is padding; s = 1: log(1 + e^(.6 − 1)). The second sound has no counterfactual and does not count."""
    negatives = torch.tensor([[[0.6, 0.8], [1.0, 0.0]], [[1.0, 0.0], [1.0, 0.0]]], dtype=torch.float64)
    valid = torch.tensor([[True, False], [False, False]])
    batch, out = {"negative_valid": valid, "text_ids": torch.tensor([0, 1])}, {"clip": A, "text": A, "negatives": negatives}
    assert make("hard_negatives")(Given(), batch, out).value.item() == pytest.approx(math.log(1 + math.exp(-0.4)))
    shared = make("hard_negatives", options={"shared": True})(Given(), batch, out).value.item()
    assert shared == pytest.approx(math.log(1 + math.exp(-0.4) + math.exp(-1.0)))  # and the other sound's caption, cosine 0


def test_frame_text_by_hand():
    """One sound of two frames (the third is padding), one event that sounds in the first: logits α·1 + β and α·0 + β."""
    frames = torch.tensor([[[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]]], dtype=torch.float64)
    out = {"frames": frames, "frame_mask": torch.tensor([[True, True, False]]), "event_texts": A[None, :1]}
    batch = {
        "event_valid": torch.tensor([[True]]),
        "event_ids": torch.tensor([[5]]),
        "event_frames": torch.tensor([[[1.0, 0.0, 1.0]]]),
        "event_timed": torch.tensor([True]),
    }
    objective = make("frame_text", options={"positives": 3.0, "scale": 2.0, "bias": -1.0}).double()
    expected = (3 * math.log(1 + math.exp(-1)) + math.log(1 + math.exp(-1))) / 2
    assert objective(Given(), batch, out).value.item() == pytest.approx(expected)
    p, q = 1 / (1 + math.exp(-1)), 1 / (1 + math.exp(1))  # untimed: linear softmax of the two frames that are there
    weak = objective(Given(), {**batch, "event_timed": torch.tensor([False])}, out).value.item()
    assert weak == pytest.approx(-3 * math.log((p * p + q * q) / (p + q)))


def test_frame_text_knows_the_same_text_elsewhere():
    """Both sounds hold the event: neither is the other's negative, so all truths are 1."""
    frames = torch.tensor([[[1.0, 0.0]], [[1.0, 0.0]]], dtype=torch.float64)
    texts = torch.tensor([[[1.0, 0.0]], [[1.0, 0.0]]], dtype=torch.float64)
    yes = torch.ones(2, 1, dtype=torch.bool)
    batch = {"event_valid": yes, "event_ids": torch.tensor([[5], [5]]), "event_frames": torch.ones(2, 1, 1), "event_timed": yes[:, 0]}
    objective = make("frame_text", options={"positives": 1.0, "scale": 2.0, "bias": 0.0}).double()
    found = objective(Given(), batch, {"frames": frames, "frame_mask": yes, "event_texts": texts}).value.item()
    assert found == pytest.approx(math.log(1 + math.exp(-2)))


def test_masked_spectrogram_by_hand():
    """One patch of two frames and one band, values 1 and 3: at zero mean and unit spread −1 and 1; a decoder of zeros misses each by 1."""
    objective = make("masked_spectrogram")
    objective.build(sizes(bands=1, patch_frames=2, hop_frames=2, hidden=4))
    torch.nn.init.zeros_(objective.decoder.weight), torch.nn.init.constant_(objective.decoder.bias, 0.5)

    class Front:
        def patches(self, mel):
            return mel.unfold(1, 2, 2).transpose(2, 3).unsqueeze(2)

    model = Given()
    model.front = Front()
    out = {"mel": torch.tensor([[[1.0], [3.0]]]), "unmasked": torch.zeros(1, 1, 4)}
    for masked, expected in (([True, False], 1.5**2), ([False, True], 0.5**2), ([True, True], (1.5**2 + 0.5**2) / 2)):
        batch = {"mel_masked": torch.tensor([[[m] for m in masked]]), "frame_mask": torch.tensor([[True]])}
        assert objective(model, batch, out).value.item() == pytest.approx(expected, rel=1e-4)


def test_captioning_by_hand():
    """Words that are all alike: every next word is one of the vocabulary of 24, so the loss is log 24, and padding does not count."""
    objective = make("captioning", options={"width": 8, "layers": 1, "heads": 2})
    objective.build(sizes())
    torch.nn.init.zeros_(objective.words.weight)
    batch = objective.dummy(3, sizes())
    out = {"hidden": torch.randn(3, 4, 32), "frame_mask": torch.ones(3, 4, dtype=torch.bool)}
    assert objective(Given(), batch, out).value.item() == pytest.approx(math.log(24), rel=1e-5)


def test_captioning_sees_no_word_ahead():
    objective = make("captioning", options={"width": 8, "layers": 2, "heads": 2})
    objective.build(sizes())
    hidden, mask = torch.randn(1, 4, 32), torch.ones(1, 4, dtype=torch.bool)
    tokens = torch.tensor([[5, 6, 7, 8]])
    before = objective.logits(hidden, mask, tokens, torch.ones(1, 4, dtype=torch.bool))
    tokens[0, 3] = 9
    after = objective.logits(hidden, mask, tokens, torch.ones(1, 4, dtype=torch.bool))
    assert torch.equal(before[:, :3], after[:, :3])
    assert not torch.equal(before[:, 3], after[:, 3])


def test_masked_language_by_hand():
    """States whose transform is zero make all 24 words alike: log 24 over the masked words alone."""
    objective = make("masked_language")
    objective.build(sizes())
    torch.nn.init.zeros_(objective.transform[2].weight)
    batch = objective.dummy(2, sizes()) | {"masked": torch.tensor([[True] + 5 * [False], 6 * [False]])}
    found = objective(towers(), batch, {"text_states": torch.randn(2, 6, 8)})
    assert found.value.item() == pytest.approx(math.log(24), rel=1e-5)


def test_matching_by_hand():
    """A head of zeros says 50 % to all: log 2, whoever the partners are."""
    objective = make("matching")
    objective.build(sizes(dim=2))
    torch.nn.init.zeros_(objective.head[2].weight), torch.nn.init.zeros_(objective.head[2].bias)
    out = {"clip": A.float(), "text": A.float()}
    assert objective(Given(), {}, out).value.item() == pytest.approx(math.log(2))


def test_matching_takes_the_nearest_wrong_partner():
    objective = make("matching")
    asked = []
    objective.match = lambda clip, text: asked.append(text) or clip.sum(1) * 0
    clip = unit(torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]))
    objective(Given(), {}, {"clip": clip, "text": clip})
    assert torch.equal(asked[1], clip[[2, 2, 0]])


def test_tagging_by_hand():
    """Logits 0 and log 3 against labels 1 and 0: log 2 and log 4, their mean; the item without labels does not count."""
    objective = make("tagging")
    objective.build(sizes(hidden=1, labels=("a", "b")))
    with torch.no_grad():
        objective.head.weight.zero_(), objective.head.bias.copy_(torch.tensor([0.0, math.log(3)]))
    batch = {"labels": torch.tensor([[1.0, 0.0], [1.0, 1.0]]), "labelled": torch.tensor([True, False])}
    batch["unsure"] = torch.zeros(2, 2, dtype=torch.bool)
    out = {"hidden": torch.zeros(2, 3, 1), "frame_mask": torch.ones(2, 3, dtype=torch.bool)}
    assert objective(Given(), batch, out).value.item() == pytest.approx((math.log(2) + math.log(4)) / 2)
    batch["unsure"][0, 1] = True  # nobody knows of the second label: only log 2 is asked
    assert objective(Given(), batch, out).value.item() == pytest.approx(math.log(2) / 2)


class Named(Given):
    """Texts of the labels a and b are the two axes."""

    def encode_text(self, tokens, mask):
        return A[: len(tokens)] if len(tokens) <= 2 else torch.cat([A, A[: len(tokens) - 2]])


def test_named_labels_by_hand():
    """α = 2, β = −1: a sound of label a on its axis has logits 1 and −1, so log(1 + e⁻¹) twice; positives weigh 3."""
    objective = make("named_labels", options={"positives": 3.0, "scale": 2.0, "bias": -1.0, "frames": 2.0}).double()
    objective.build(sizes(labels=("a", "b"), counts={"a": 5, "b": 5}))
    batch = {
        "labels": torch.tensor([[1.0, 0.0], [1.0, 1.0]]), "labelled": torch.tensor([True, False]),
        "unsure": torch.zeros(2, 2, dtype=torch.bool),
        "events": torch.tensor([[[1.0, 0.0], [0.0, 0.0]], [[0.0, 0.0], [0.0, 0.0]]]), "event_timed": torch.tensor([False, False]),
    }  # fmt: skip
    out = {"clip": A, "frames": torch.stack([A, A]), "frame_mask": torch.ones(2, 2, dtype=torch.bool)}
    low = math.log(1 + math.exp(-1))
    assert objective(Named(), batch, out).value.item() == pytest.approx((3 * low + low) / 2)
    batch["unsure"][0, 1] = True
    assert objective(Named(), batch, out).value.item() == pytest.approx(3 * low)
    batch["event_timed"][0] = True  # frames: the first has the event a, the second none though it lies on the axis of b
    high = math.log(1 + math.exp(1))
    assert objective(Named(), batch, out).value.item() == pytest.approx(3 * low + 2 * (3 * low + low) / 2)  # b is unsure in time too
    batch["unsure"][0, 1] = False
    assert objective(Named(), batch, out).value.item() == pytest.approx(2 * low + 2 * (3 * low + low + low + high) / 4)


def test_named_labels_weigh_the_rare_and_keep_what_a_teacher_knows(tmp_path):
    (tmp_path / "classes.json").write_text('[["dog", "hound"], ["rain"]]')
    options = {"positives": 1.0, "scale": 2.0, "bias": 0.0, "teacher": "t", "classes": "classes.json", "teacher_weight": 3.0}
    objective = make("named_labels", options=options).double()
    shape = {"labels": ("a", "b"), "counts": {"a": 1, "b": 9}, "teachers": {"t": 2}, "path": lambda name: tmp_path / name}
    objective.build(sizes(**shape))
    assert objective.positive.tolist() == pytest.approx([5**0.5, (5 / 9) ** 0.5])
    batch = {
        "labels": torch.zeros(1, 2), "labelled": torch.tensor([False]), "unsure": torch.zeros(1, 2, dtype=torch.bool),
        "event_timed": torch.tensor([False]), "teacher/t": torch.tensor([[0.75, 0.5]]),
    }  # fmt: skip
    out = {"clip": A[:1], "frames": A[None, :1], "frame_mask": torch.ones(1, 1, dtype=torch.bool)}
    p = 1 / (1 + math.exp(-2))
    soft = -(0.75 * math.log(p) + 0.25 * math.log(1 - p)), math.log(2)
    assert objective(Named(), batch, out).value.item() == pytest.approx(3 * sum(soft) / 2)
    with pytest.raises(ValueError, match=r"teacher 't' gives 3 numbers, and classes\.json has 2 names"):
        make("named_labels", options=options).build(sizes(**{**shape, "teachers": {"t": 3}}))
    with pytest.raises(ValueError, match="give teacher and classes together"):
        make("named_labels", options={"teacher": "t"})


def test_frame_events_by_hand():
    """Two frames with logit log 3, one with the event and one without: log(4/3) and log 4; the masked third does not count."""
    objective = make("frame_events")
    objective.build(sizes(hidden=1, labels=("a",)))
    with torch.no_grad():
        objective.head.weight.zero_(), objective.head.bias.fill_(math.log(3))
    batch = {"events": torch.tensor([[[1.0], [0.0], [0.0]]]), "event_timed": torch.tensor([True])}
    out = {"hidden": torch.zeros(1, 3, 1), "frame_mask": torch.tensor([[True, True, False]])}
    assert objective(Given(), batch, out).value.item() == pytest.approx((math.log(4 / 3) + math.log(4)) / 2)


def test_distillation_by_hand():
    """Identity heads; student (3, 4) and (1, 0), teacher (1, 0) twice: cosines .6 and 1."""
    out = {"hidden": torch.tensor([[[3.0, 4.0]], [[1.0, 0.0]]]), "frame_mask": torch.ones(2, 1, dtype=torch.bool)}
    batch = {"teacher/t": torch.tensor([[1.0, 0.0], [1.0, 0.0]]), "teacher/u": torch.tensor([[3.0, 4.0], [1.0, 0.0]])}
    expected = {"cosine": 0.4 / 2, "mse": (4 + 16) / 4, "relational": 2 * (0.6 - 1) ** 2 / 4}
    for loss, value in expected.items():
        objective = make("distillation", options={"loss": loss, "teachers": {"t": 3.0, "u": 1.0}})
        objective.build(sizes(hidden=2, teachers={"t": 2, "u": 2}))
        for head in getattr(objective, "heads", {}).values():
            torch.nn.init.eye_(head.weight), torch.nn.init.zeros_(head.bias)
        found = objective(Given(), batch, out)
        assert found.value.item() == pytest.approx(value * 3 / 4, rel=1e-5)  # the second teacher is matched: three quarters of the first
        assert found.parts["u"] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_dummy_batch_trains(kind):
    """Every objective works on its dummy batch and its gradient reaches the tower that it is about."""
    torch.manual_seed(1)
    model, objective = towers(), make(kind)
    objective.build(sizes())
    batch = objective.dummy(4, sizes())
    loss = objective(model, batch, outputs(model, objective, batch))
    loss.value.backward()
    assert loss.value.isfinite()
    parts = [model.audio] * ("audio" in objective.needs) + [model.text] * bool({"tokens", "event_tokens"} & objective.needs)
    if kind == "captioning":
        parts = [model.audio]  # the caption is read by the decoder
    for part in parts:
        assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in part.parameters()), kind


@pytest.mark.parametrize("kind", KINDS)
def test_gradient_is_right(kind):
    """Finite differences in float64 against autograd, along random directions of every encoding that the objective reads."""
    torch.manual_seed(2)
    model, objective = towers().double(), make(kind)
    objective.build(sizes())
    objective.double()
    batch = {k: v.double() if v.is_floating_point() else v for k, v in objective.dummy(3, sizes()).items()}
    made = {k: v.detach() for k, v in outputs(model, objective, batch).items()}
    read = [k for k in made if made[k].is_floating_point() and k != "mel"]
    leaves = [made[k].clone().requires_grad_() for k in read]

    def loss(*values):
        return objective(model, batch, {**made, **dict(zip(read, values, strict=True))}).value

    assert torch.autograd.gradcheck(loss, leaves, eps=1e-6, atol=1e-6, fast_mode=True)
    for parameter in objective.parameters():
        assert parameter.grad is None or parameter.grad.isfinite().all()


def _padded(batch, frames, length):
    """The same batch with more padding behind its frames and words."""
    grown = {}
    for key, value in batch.items():
        axis, by = {"frame_mask": (1, frames), "event_frames": (2, frames), "events": (1, frames), "mel": (1, 8 * frames)}.get(
            key, (None, 0)
        )
        if key == "mel_masked":
            axis, by = 1, 8 * frames
        if key in ("tokens", "token_mask", "masked_tokens", "masked"):
            axis, by = 1, length
        if key in ("negatives", "negative_mask", "event_tokens", "event_mask"):
            axis, by = 2, length
        if axis is not None:
            shape = list(value.shape)
            shape[axis] = by
            fill = torch.randn(shape).to(value) if key == "mel" else torch.zeros(shape, dtype=value.dtype)
            value = torch.cat([value, fill], axis)
        grown[key] = value
    return grown


@pytest.mark.parametrize("kind", KINDS)
def test_padding_changes_nothing(kind):
    torch.manual_seed(3)
    model, objective = towers().double(), make(kind)
    objective.build(sizes())
    objective.double()
    batch = {k: v.double() if v.is_floating_point() else v for k, v in objective.dummy(3, sizes()).items()}
    grown = _padded(batch, 2, 3)
    before = objective(model, batch, outputs(model, objective, batch)).value
    after = objective(model, grown, outputs(model, objective, grown)).value
    assert after.item() == pytest.approx(before.item(), rel=1e-9)


def test_unknown_kinds_and_options_are_named():
    with pytest.raises(ValueError, match="no objective 'infonse'"):
        make("infonse")
    with pytest.raises(ValueError, match="captioning has no option 'depth'; it has: width, layers, heads"):
        make("captioning", options={"depth": 3})
    with pytest.raises(ValueError, match="ratio must lie"):
        make("masked_language", options={"ratio": 2.0})
