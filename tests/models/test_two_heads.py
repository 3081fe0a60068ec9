"""Two heads: exported with random weights from the real module, run by ONNX Runtime on what the real tower hears."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from auricle.audio import Audio  # noqa: E402
from auricle.errors import ModelError  # noqa: E402
from auricle.models import hub, load  # noqa: E402
from auricle.models.capabilities import Cut, GeneratesText, ScoresText  # noqa: E402
from auricle.models.card import ModelCard  # noqa: E402
from auricle.models.hearing import BANDS, STEPS  # noqa: E402
from auricle.models.two_heads import ANSWER, ASK, END, TwoHeads, open_heads  # noqa: E402
from auricle.models.two_towers import FrameTowers  # noqa: E402
from auricle.training.modules.speaker import Speaker  # noqa: E402
from auricle.training.speaking.exporting import export  # noqa: E402
from auricle.training.speaking.words import learn  # noqa: E402


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[TwoHeads, Speaker]:
    torch.manual_seed(0)
    tokenizer = learn(["is there a dog? yes, no, a cat", "what is heard? rain falls and a dog barks"] * 3, 320)
    tower = load("tiny-towers")
    assert isinstance(tower, FrameTowers)
    model = Speaker(tower.dim, STEPS * BANDS, tokenizer.get_vocab_size(), kinds=(3, 2), width=32, layers=2, heads=2, listener=1, places=96)
    # sure of what it says, though it knows nothing
    model.decoder.out.weight.data *= 40
    model.decoder.address.weight.data.normal_()
    model.kinds.anchors.copy_(torch.from_numpy(tower.embed_text(["dog", "cat", "rain"])))
    folder = tmp_path_factory.mktemp("heads") / "random@1"
    export(model, tokenizer, tower, ModelCard("random", "1", "two-heads"), folder, seconds=6.0, precision="float32")
    return open_heads(folder), model


@pytest.fixture(scope="module")
def noise() -> Audio:
    return Audio((np.random.default_rng(0).standard_normal((1, 4 * 16000)) / 10).astype(np.float32), 16000)


def test_capabilities_and_hub(made: tuple[TwoHeads, Speaker]) -> None:
    heads, _ = made
    assert isinstance(heads, GeneratesText)
    assert isinstance(heads, ScoresText)
    assert heads.longest == 6.0
    assert hub.load(heads.bundle.path).pipeline_id == heads.pipeline_id


def test_scores_are_those_of_the_module(made: tuple[TwoHeads, Speaker], noise: Audio) -> None:
    """With the cache, batched and padded, the same as the whole sequence at once in the module that was trained."""
    heads, model = made
    words = heads._tokenizer()
    heard = heads.hear(noise)
    frames = torch.from_numpy(np.concatenate([heard.vectors, heard.envelopes], 1))[None]
    times = torch.from_numpy(heard.starts.astype(np.float32))[None]
    options = ["yes", "no", "rain falls and a dog barks"]
    for option, found in zip(options, heads.score([noise], "is there a dog?", options), strict=True):
        prompt = [words.token_to_id(ASK), *words.encode("is there a dog?").ids, words.token_to_id(ANSWER)]
        ids = torch.tensor([[*prompt, *words.encode(option).ids, words.token_to_id(END)]])
        ones = torch.ones(1, frames.shape[1], dtype=torch.bool)
        places = torch.arange(ids.shape[1])[None]
        with torch.no_grad():
            prefix, slots = model.hear(frames, times, ones)[:2]
            states = model(prefix, slots, ones, ids, places, torch.zeros_like(ids), torch.zeros(1, dtype=torch.long))
            each = torch.log_softmax(model.decoder.say(states), -1)[0, :-1].gather(1, ids[0, 1:, None])[:, 0]
        assert found == pytest.approx(float(each[len(prompt) - 1 :].sum()), abs=1e-2)


def test_packed_texts_do_not_see_each_other(made: tuple[TwoHeads, Speaker]) -> None:
    _, model = made
    frames, times, mask = (
        torch.randn(1, 4, model.config["hidden"] + model.config["envelope"]),
        torch.arange(4)[None] / 2,
        torch.ones(1, 4) > 0,
    )
    scene = torch.zeros(1, dtype=torch.long)
    ids, places = torch.randint(4, 100, (1, 6)), torch.tensor([[0, 1, 2, 0, 1, 2]])
    owner = torch.tensor([[0, 0, 0, 1, 1, 1]])
    with torch.no_grad():
        prefix, slots = model.hear(frames, times, mask)[:2]
        both = model(prefix, slots, mask, ids, places, owner, scene)
        alone = model(prefix, slots, mask, ids[:, 3:], places[:, 3:], owner[:, 3:], scene)
    assert torch.allclose(both[:, 3:], alone, atol=1e-5)


def test_generation(made: tuple[TwoHeads, Speaker], noise: Audio) -> None:
    heads, _ = made
    once = list(heads.generate([noise], "what is heard?", max_tokens=12))
    assert once == list(heads.generate([noise], "what is heard?", max_tokens=12))
    assert isinstance(once[-1], Cut) or len(once) < 12
    sampled = {"".join(heads.generate([noise], "what is heard?", seed=seed, max_tokens=12)) for seed in range(1, 9)}
    assert len(sampled) > 1
    assert heads.score([], "is there a dog?", ["yes", "no"]).shape == (2,)
    assert heads.score([noise], "is there a dog?", []).shape == (0,)
    assert not np.allclose(heads.score([], "is there a dog?", ["yes"]), heads.score([noise], "is there a dog?", ["yes"]))


def test_what_it_cannot_take(made: tuple[TwoHeads, Speaker], noise: Audio) -> None:
    heads, _ = made
    with pytest.raises(ModelError, match="one sound at a time"):
        heads.score([noise, noise], "is there a dog?", ["yes"])
    with pytest.raises(ModelError, match="fewer words"):
        heads.generate([noise], "dog " * 10_000)
    with pytest.raises(ModelError, match="too long"):
        heads.score([noise], "is there a dog?", ["dog " * 500])


def test_another_tower_is_refused(made: tuple[TwoHeads, Speaker], tmp_path: Path) -> None:
    heads, _ = made
    other = load("tiny-towers@1")
    assert isinstance(other, FrameTowers)
    with pytest.raises(ModelError, match="hears otherwise"):
        open_heads(heads.bundle, tower=other)
