"""The parts of the towers: the front end is the bundle's, neighbours do not matter, padding does not matter."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from training_making import FRONT, towers

from auricle import audio
from auricle.audio.features import ClapFrontEnd, WaveFrontEnd, YamnetFrontEnd
from auricle.demo import SOUNDS
from auricle.training.modules.audio import ConvContext, TransformerContext
from auricle.training.modules.layers import Attention
from auricle.training.modules.mel import heard, torch_front


@pytest.mark.parametrize(
    ("front", "name"),
    [
        (YamnetFrontEnd(log_offset=0.001), "animals/dog barking.ogg"),
        (YamnetFrontEnd(log_offset=0.001, hop_frames=48), "music/acoustic guitar.ogg"),
        (YamnetFrontEnd(patch_frames=64, hop_frames=32, log_offset=0.001), "nature/forest birds.ogg"),
        (FRONT, "weather/thunder_clap.ogg"),
    ],
)
def test_log_mel_is_the_bundles(front, name):
    samples = audio.open(SOUNDS / name, rate=front.rate, mono=True).samples[0][: 4 * front.rate]
    side = torch_front(front)
    mel = side(torch.from_numpy(samples.copy())[None])
    assert np.abs(mel[0].numpy() - front.log_mel(samples)).max() <= 1e-4
    cuts = [cut for cut in front.cuts(len(samples)) if cut[0] % front.hop == 0]
    patches = side.patches(mel)[0].numpy()
    assert patches.shape == front.features(samples, cuts).shape
    assert np.abs(patches - front.features(samples, cuts)).max() <= 1e-4


def test_patches_of_samples_are_the_bundles():
    front = WaveFrontEnd(8000, 1000, 500)
    samples = np.random.default_rng(0).standard_normal(4200).astype(np.float32)
    cuts = [cut for cut in front.cuts(4200) if cut[0] % 500 == 0]
    side = torch_front(front)
    assert np.array_equal(side.patches(side(torch.from_numpy(samples)[None]))[0].numpy(), front.features(samples, cuts))
    assert front.features(samples, [(3200, 4200)]).shape == (1, 1000)  # what the bundle hears at the tail
    assert np.array_equal(WaveFrontEnd(8000, 1000, 500, "repeat").features(samples[:300], [(0, 300)])[0, 300:600], samples[:300])


def test_windows_have_no_twin():
    with pytest.raises(ValueError, match="freeze"):
        torch_front(ClapFrontEnd())


def test_what_is_heard_of_a_padded_sound():
    assert heard(100, 16, 8, 5) == [True, True, True, True, True]
    assert heard(40, 16, 8, 5) == [True, True, True, True, False]
    assert heard(3, 16, 8, 3) == [True, False, False]


def test_no_item_depends_on_its_neighbours():
    model = towers().eval()
    batch = {"audio": torch.randn(4, 8000)}
    tokens, mask = torch.randint(4, 24, (4, 6)), torch.ones(4, 6, dtype=torch.bool)
    together, texts = model.encode_audio(batch)["clip"], model.encode_text(tokens, mask)
    for i in range(4):
        assert torch.allclose(model.encode_audio({"audio": batch["audio"][i : i + 1]})["clip"][0], together[i], atol=1e-5)
        assert torch.allclose(model.encode_text(tokens[i : i + 1], mask[i : i + 1])[0], texts[i], atol=1e-5)


@pytest.mark.parametrize("context", [None, ConvContext(32, layers=2), TransformerContext(32)])
def test_padding_changes_no_tower(context):
    model = towers(context).eval()
    frames, mask = torch.randn(2, 4, 32), torch.ones(2, 4, dtype=torch.bool)
    plain = model.encode_audio({"frames": frames, "frame_mask": mask})
    longer = torch.cat([frames, torch.randn(2, 3, 32)], 1)
    padded = model.encode_audio({"frames": longer, "frame_mask": torch.cat([mask, torch.zeros(2, 3, dtype=torch.bool)], 1)})
    assert torch.allclose(plain["clip"], padded["clip"], atol=1e-6)
    assert torch.allclose(plain["frames"], padded["frames"][:, :4], atol=1e-6)
    tokens, full = torch.randint(4, 24, (2, 5)), torch.ones(2, 5, dtype=torch.bool)
    more = torch.cat([tokens, torch.zeros(2, 4, dtype=torch.long)], 1)
    short = torch.cat([full, torch.zeros(2, 4, dtype=torch.bool)], 1)
    assert torch.allclose(model.encode_text(tokens, full), model.encode_text(more, short), atol=1e-6)


def test_a_context_hears_neighbours():
    for context in (ConvContext(32), TransformerContext(32)):
        frames, mask = torch.randn(1, 6, 32), torch.ones(1, 6, dtype=torch.bool)
        before = context(frames, mask)
        frames[0, 3] += torch.randn(32)
        assert not torch.allclose(before[0, 2], context(frames, mask)[0, 2])


def test_unit_norm_and_scale():
    model = towers()
    out = model.encode_audio({"audio": torch.randn(2, 4000)})
    assert torch.allclose(out["clip"].norm(dim=-1), torch.ones(2))
    assert torch.allclose(out["frames"].norm(dim=-1), torch.ones(2, out["frames"].shape[1]))
    with torch.no_grad():
        model.log_scale.fill_(50.0)
    assert model.logit_scale.item() == pytest.approx(100, rel=1e-5)


def test_silence_is_no_nan():
    model = towers()
    out = model.encode_audio({"audio": torch.zeros(1, 4000)})
    out["clip"].sum().backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in model.parameters())


def test_mistakes_are_named():
    with pytest.raises(ValueError, match="width of 10 does not split over 3 heads"):
        Attention(10, 3)
    with pytest.raises(ValueError, match="odd"):
        ConvContext(8, kernel=4)
