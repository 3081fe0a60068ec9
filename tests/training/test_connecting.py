"""A connector of four bodies and LoRA between a tower and any causal language model: what it learns, keeps and gives back."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("peft")

import connect_making as making  # noqa: E402

from auricle.errors import DataError, ModelError  # noqa: E402
from auricle.training import checkpoint  # noqa: E402
from auricle.training.connecting import recipe  # noqa: E402
from auricle.training.connecting.connector import Connector  # noqa: E402
from auricle.training.connecting.language import open_language  # noqa: E402
from auricle.training.connecting.packing import batch_of, logits  # noqa: E402
from auricle.training.connecting.sounds import prompt_of, texts_of  # noqa: E402
from auricle.training.connecting.stage import build, check_packing, run  # noqa: E402
from auricle.training.errors import TrainingError  # noqa: E402

BODIES = ("linear", "mlp", "qformer", "prefix")


@pytest.fixture(scope="module")
def lm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return making.language(tmp_path_factory.mktemp("lm"))


def losses(folder: Path) -> list[float]:
    return [json.loads(line)["loss"] for line in (folder / "log.jsonl").read_text().splitlines()]


# ---------------------------------------------------------------------------------------------------------------- connector


@pytest.mark.parametrize(
    ("body", "places"), [("linear", [1, 4]), ("mlp", [1, 4]), ("qformer", [3, 6]), ("prefix", [3, 3])], ids=lambda x: str(x)
)
def test_bodies(body, places):
    """Two frames and seven, in pairs (linear, mlp) or windows of four: so many places, of the words' spread."""
    torch.manual_seed(0)
    connector = Connector(body, 20, 48, hidden=32, stack=2, queries=3, window=4, layers=1, heads=2, level=0.2)
    frames, mask = torch.randn(2, 7, 20), torch.arange(7)[None] < torch.tensor([[2], [7]])
    connector.measure(frames.flatten(0, 1))
    found, there = connector(frames, mask)
    assert found.shape == (2, there.shape[1], 48)
    assert there.sum(1).tolist() == places
    assert float(found[there].std()) == pytest.approx(0.2, rel=0.05)
    alone, known = connector(frames[:1, :2], mask[:1, :2])  # what is padded changes nothing
    assert torch.allclose(alone[known], found[0][there[0]], atol=1e-5)
    other = frames.clone()
    other[0, 5] += 9
    assert torch.equal(connector(other, mask)[0][0], found[0])
    assert not connector(frames, torch.zeros_like(mask))[1].any()


@pytest.mark.parametrize("body", BODIES)
def test_order_is_kept_but_by_prefix(body):
    torch.manual_seed(0)
    connector = Connector(body, 20, 48, hidden=32, queries=3, window=8, heads=2)
    frames, mask = torch.randn(1, 6, 20), torch.ones(1, 6, dtype=torch.bool)
    same = torch.allclose(connector(frames, mask)[0], connector(frames.flip(1), mask)[0], atol=1e-4)
    assert same is (body == "prefix")


# ---------------------------------------------------------------------------------------------------------------- language


@pytest.mark.parametrize("kind", ["llama", "gpt2", "gemma3"])
def test_texts_behind_one_sound_do_not_see_each_other(tmp_path, kind):
    stage = making.stage(tmp_path, making.language(tmp_path / "lm", kind))
    at = build(stage, tmp_path, sounds=making.sounds())
    check_packing(at)
    at.model.eval()
    texts = [("Is there a dog?", "yes"), ("What is heard?", "rain and a dog"), ("Which comes first?", "no")]
    with torch.no_grad():
        both = logits(at.model, at.connector, batch_of(at.sounds, [texts, texts[:1]], [True, True], at.wording))
        alone = [logits(at.model, at.connector, batch_of([at.sounds[0]], [[text]], [True], at.wording)) for text in texts]
    alone.append(logits(at.model, at.connector, batch_of([at.sounds[1]], [texts[:1]], [True], at.wording)))
    assert torch.allclose(both, torch.cat(alone), atol=1e-4)


def test_a_prompt_is_text_alone(lm):
    _, words = open_language(lm)
    assert words.eos_token_id not in words("stop </s><s> now", add_special_tokens=False)["input_ids"]


def test_what_is_no_language_model(tmp_path, lm):
    with pytest.raises(ModelError, match=r"config\.json is not there"):
        open_language(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ModelError, match="holds no safetensors"):
        open_language(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"x")
    with pytest.raises(ModelError, match="cannot be loaded"):
        open_language(tmp_path)


# ---------------------------------------------------------------------------------------------------------------- learning


@pytest.mark.parametrize("body", BODIES)
def test_two_sounds_are_told_apart(tmp_path, lm, body):
    """Only by what is heard: the prompts are the same. Who ignores it is left with ln 2 for one token of two."""
    middle = {"body": body, "hidden": 32, "heads": 2, "queries": 2, "window": 4, "layers": 1}
    stage = making.stage(tmp_path, lm, connector=middle, captions=0, steps=25, rate=2e-2, lora_rate=2e-2)
    at = run(stage, tmp_path / "run", tmp_path, sounds=making.sounds())
    found = losses(tmp_path / "run")
    assert found[-1] < 0.25 < found[0], found
    text = [("Is there a dog?", "yes")]
    yes = at.wording.said("yes")[0]
    with torch.no_grad():
        heard = [logits(at.model, at.connector, batch_of([s], [text], [True], at.wording))[0].softmax(-1)[yes] for s in at.sounds]
    assert heard[1] > 5 * heard[0]
    assert (tmp_path / "run/loss.png").stat().st_size > 1000


def test_a_run_goes_on_where_it_stopped(tmp_path, lm):
    stage = making.stage(tmp_path, lm, steps=6, save_every=3, deaf=0.3, lora={"rank": 4, "alpha": 8, "dropout": 0.2})
    sounds = making.sounds(5)
    whole = run(stage, tmp_path / "whole", tmp_path, sounds=sounds)
    stopped = run(stage, tmp_path / "parts", tmp_path, sounds=sounds, until=0.0)
    assert checkpoint.newest(tmp_path / "parts").step == 1
    again = run(stage, tmp_path / "parts", tmp_path, sounds=sounds)
    first, second = whole.trained(), again.trained()
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not all(torch.equal(p, first[name]) for name, p in stopped.trained().items())
    with pytest.raises(TrainingError, match=r"another recipe: .*rate"):
        run(making.stage(tmp_path, lm, steps=6, rate=1e-4), tmp_path / "parts", tmp_path, sounds=sounds)


def test_without_lora_the_language_model_stays(tmp_path, lm):
    stage = making.stage(tmp_path, lm, lora=None, steps=2)
    at = run(stage, tmp_path / "run", tmp_path, sounds=making.sounds())
    before, _ = open_language(lm)
    assert {name.split(".")[0] for name in at.trained()} == {"connector"}
    assert all(torch.equal(p, q) for p, q in zip(at.model.parameters(), before.parameters(), strict=True))


def test_what_is_asked():
    sound = making.sounds()[1]
    assert texts_of(sound, np.random.default_rng(0), 0, 3) == [("Is there a dog?", "yes")]
    assert [answer for _, answer in texts_of(sound, np.random.default_rng(0), 1, 3)] == ["a dog", "yes"]
    from auricle.data.items import Question

    asked = Question("Which comes first, a dog or rain?", "rain", ("a dog", "rain"), "order")
    assert prompt_of(asked) == "Which comes first, a dog or rain?\n(A) a dog\n(B) rain"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"connector": {"body": "magic"}}, "connector.body"),
        ({"connector": {"hidden": 32, "heads": 3}}, "does not split"),
        ({"lm": {"folder": "x", "after": "no place"}}, "{prompt}"),
        ({"scenes": []}, "scenes or manifests"),
        ({"captions": 0, "questions": 0}, "captions or questions"),
        ({"colour": 1}, "colour"),
    ],
)
def test_a_wrong_recipe_names_its_key(tmp_path, lm, change, said):
    with pytest.raises(DataError, match=r"recipe\.yaml") as raised:
        making.stage(tmp_path, lm, change)
    assert said in raised.value.message


def test_a_key_of_a_recipe_is_replaced(tmp_path, lm):
    making.stage(tmp_path, lm)
    assert recipe.load(tmp_path / "recipe.yaml", ["connector.body=linear", "steps=3"]).connector.body == "linear"
    with pytest.raises(DataError, match="no KEY=VALUE"):
        recipe.load(tmp_path / "recipe.yaml", ["steps"])
    with pytest.raises(DataError, match="nothing is asked"):
        build(
            making.stage(tmp_path, lm, captions=0, questions=1),
            tmp_path,
            sounds=[s.__class__(s.frames, s.captions, (), s.clip) for s in making.sounds()],
        )
