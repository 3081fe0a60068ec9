"""What trains towers: prompts as tokens, LoRA, all weights; towers come back to what they were, and what is kept is what was measured."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from transfer_making import LABELS, RECIPE, make_data, sound

import auricle
from auricle import audio
from auricle.errors import ModelError, UsageError
from auricle.training.errors import TrainingError
from auricle.training.recipe import load
from auricle.training.session import train
from auricle.training.transfer import adapt, context, full, lora, prompts, read, tuning
from auricle.training.transfer.hearing import shots_of
from auricle.training.transfer.towers import open_run


def made_run(folder, recipe=RECIPE):
    make_data(folder)
    (folder / "small.yaml").write_text(recipe)
    train(load(folder / "small.yaml"), folder / "run")
    return folder / "run"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return made_run(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def transformers_run(tmp_path_factory):
    """A run whose encoders are those of transformers, which it kept frozen: a wav2vec 2.0 and a BERT of a few thousand weights."""
    transformers = pytest.importorskip("transformers")
    from models.making import word_tokenizer

    folder = tmp_path_factory.mktemp("pretrained")
    torch.manual_seed(5)
    wave = transformers.Wav2Vec2Config(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32, conv_dim=(16, 16, 16), conv_stride=(5, 4, 4),
        conv_kernel=(10, 4, 4), num_feat_extract_layers=3, num_conv_pos_embeddings=8, num_conv_pos_embedding_groups=2, vocab_size=8,
    )  # fmt: skip
    transformers.Wav2Vec2Model(wave).save_pretrained(folder / "wave")
    (folder / "wave" / "preprocessor_config.json").write_text(json.dumps({"sampling_rate": 8000, "do_normalize": True}))
    tokenizer, size = word_tokenizer()
    text = transformers.BertConfig(hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32, vocab_size=size)
    transformers.BertModel(text).save_pretrained(folder / "text")
    (folder / "text" / "tokenizer.json").write_bytes(tokenizer)
    start, end = RECIPE.index("  audio:\n"), RECIPE.index("objectives:")
    encoders = "  audio: {kind: transformers, folder: wave, patch: 0.3, hop: 0.15}\n  text: {kind: transformers, folder: text}\n"
    return made_run(folder, RECIPE[:start] + encoders + RECIPE[end:])


@pytest.fixture(scope="module")
def clap(tmp_path_factory):
    """A CLAP of a few thousand weights as transformers saves it."""
    pytest.importorskip("transformers")
    from models.pretrained.test_clap import checkpoint

    folder = tmp_path_factory.mktemp("clap") / "small-clap"
    model, processor = checkpoint("unfused")
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps(processor.feature_extractor.to_dict()))
    (folder / "README.md").write_text("---\nlicense: apache-2.0\n---\n# CLAP\n")
    return folder


def vectors(towers):
    sounds = [sound(label, 3) for label in LABELS]
    return np.concatenate([towers.embed_windows(s) for s in sounds]), towers.embed_text(list(LABELS))


@pytest.mark.parametrize("name", ["run", "transformers_run"])
def test_towers_of_a_run_hear_as_its_bundle_does(name, request):
    folder = request.getfixturevalue(name)
    towers = open_run(folder)
    bundle = auricle.load(str(folder / "bundle"))
    whole = sound("beeps", 3, 3.7)
    heard = auricle.embed((whole, 8000), model=bundle)
    assert np.abs(towers.embed_windows(whole) - heard).max() < 1e-4
    assert np.abs(towers.embed_text(["a hum", "beeps"]) - bundle.embed_text(["a hum", "beeps"])).max() < 1e-4


@pytest.mark.parametrize("name", ["run", "transformers_run"])
def test_lora_merged_is_lora_unmerged(name, request):
    """And an update that is zero changes nothing; without a good end nothing of it is left."""
    towers = open_run(request.getfixturevalue(name))
    before = vectors(towers)
    weights = {key: value.clone() for key, value in towers.towers.state_dict().items()}
    with lora.updates(towers, tuning.Options(rank=2, alpha=4.0)) as learned:
        assert all(np.allclose(a, b, atol=1e-6) for a, b in zip(before, vectors(towers), strict=True))
        assert 0 < tuning.count(learned) < tuning.count(towers.towers.parameters())
        assert {p.shape[0] for p in learned} >= {2}
        torch.manual_seed(1)
        with torch.no_grad():
            for p in learned:
                p.add_(0.3 * torch.randn_like(p))
        beside = vectors(towers)
    merged = vectors(towers)
    assert set(towers.towers.state_dict()) == set(weights)
    assert np.abs(beside[0] - before[0]).max() > 1e-3
    assert np.abs(beside[1] - before[1]).max() > 1e-3
    assert all(np.abs(a - b).max() < 1e-5 for a, b in zip(beside, merged, strict=True))
    towers.restore()
    assert all(torch.equal(value, weights[key]) for key, value in towers.towers.state_dict().items())
    with pytest.raises(KeyboardInterrupt), lora.updates(towers):
        raise KeyboardInterrupt
    assert all(torch.equal(value, weights[key]) for key, value in towers.towers.state_dict().items())


def test_the_update_by_hand(run):
    """W + (α/r)·B·A."""
    towers = open_run(run)
    linear = towers.towers.text_head.straight
    before = linear.weight.detach().clone()
    with lora.updates(towers, tuning.Options(rank=2, alpha=6.0)):
        layer = towers.towers.text_head.straight
        with torch.no_grad():
            layer.lora_B["default"].weight.fill_(0.5)
        a, b = layer.lora_A["default"].weight.detach().clone(), layer.lora_B["default"].weight.detach().clone()
    assert torch.allclose(towers.towers.text_head.straight.weight, before + 3.0 * b @ a, atol=1e-6)


def test_every_linear_map_has_an_update(transformers_run):
    names = lora.targets(open_run(transformers_run).towers)
    assert any("attention.q_proj" in name for name in names)  # of the wav2vec
    assert any("attention.self.query" in name for name in names)  # of the BERT
    assert {"audio_head.straight", "text_head.straight"} <= set(names)


def test_all_weights_are_learned(run):
    towers = open_run(run)
    learned = full.parameters(towers)
    assert tuning.count(learned) == tuning.count(towers.towers.parameters())
    task = read(run.parent / "sounds.jsonl")
    listened = tuning.Listened(task, towers)
    before = [p.detach().clone() for p in learned]
    steps = []
    tuning.tune(towers, learned, listened, task.sides[0][0], tuning.Options(steps=2), name="full", watch=lambda: steps.append(1))
    changed = [not torch.equal(a, b) for a, b in zip(before, learned, strict=True)]
    assert sum(changed) > 0.8 * len(changed)
    assert len(steps) == 2
    towers.restore()
    assert all(torch.equal(a, b) for a, b in zip(before, learned, strict=True))


def test_learning_lowers_the_loss_the_same_way_each_time(run):
    towers, task = open_run(run), read(run.parent / "sounds.jsonl")
    listened = tuning.Listened(task, towers)
    train_side, test_side = task.sides[0]
    truth = task.truth[test_side].argmax(1)

    def right():
        return np.mean(tuning.scores(towers, listened, test_side, prompts.ensemble(towers, task.labels)).argmax(1) == truth)

    found = []
    for _ in range(2):
        towers.restore()
        before = right()
        tuning.tune(towers, full.parameters(towers), listened, train_side, tuning.Options(steps=40, rate=5e-3), name="full", seed=1)
        found.append([before, right(), *vectors(towers)[0].ravel()[:5]])
    assert found[0] == found[1]
    assert found[0][1] >= max(0.8, found[0][0])


def test_the_batches_are_epochs():
    places = np.arange(10, 15)
    seen = np.concatenate([tuning.batch_at(places, step, 2, 7) for step in range(5)])
    assert sorted(seen.tolist()) == sorted([*places, *places])
    assert sorted(seen[:5].tolist()) == places.tolist()
    assert len(tuning.batch_at(places, 0, 64, 7)) == 5


def test_a_loss_that_is_no_number_stops(run):
    towers, task = open_run(run), read(run.parent / "sounds.jsonl")
    listened = tuning.Listened(task, towers)
    options = tuning.Options(steps=9, rate=float("inf"))
    with pytest.raises(TrainingError, match=r"full, step \d: the loss is no number") as found:
        tuning.tune(towers, full.parameters(towers), listened, task.sides[0][0], options, name="full")
    assert found.value.exit_code == 3


# ---------------------------------------------------------------------------------------------------------------- prompts as tokens


@pytest.mark.parametrize("name", ["run", "transformers_run"])
def test_tokens_stand_where_the_words_were(name, request):
    """The words' own vectors in the room give what the words give."""
    towers = open_run(request.getfixturevalue(name))
    table = towers.table()
    words = towers.words
    with torch.no_grad():
        ids, mask, place = context.worded(towers, ("hum", "hiss"), 2)
        full_ids = words(["a a hum", "a a hiss"])
        own = table(torch.tensor(full_ids[0][place : place + 2]))
        found = context.read(towers, table, own, ids, mask, place).numpy()
    assert np.abs(found - towers.embed_text(["a a hum", "a a hiss"])).max() < 1e-6


def test_tokens_are_learned_and_nothing_else(run):
    towers, task = open_run(run), read(run.parent / "sounds.jsonl")
    model = auricle.load(str(run / "bundle"))
    heard = [auricle.embed((sound(e.item.labels[0], i), 8000), model=model) for i, e in enumerate(task.examples)]
    texts = prompts.ensemble(model, task.labels)
    shots = shots_of(task, heard, task.sides[0][0], texts, texts, 0)
    before = {key: value.clone() for key, value in towers.towers.state_dict().items()}
    few, many = (context.fit(shots, towers, context.Options(steps=n, rate=0.05)) for n in (1, 60))
    assert all(torch.equal(value, before[key]) for key, value in towers.towers.state_dict().items())
    assert all(p.requires_grad for p in towers.towers.parameters())
    from auricle.training.transfer.decision import loss

    first, last = (loss(shots.pooled(d.scores(shots.vectors)), shots.truth, True) for d in (few, many))
    assert last < first
    with pytest.raises(TrainingError, match="context, step"):
        context.fit(shots, towers, context.Options(steps=3, rate=float("inf")))


def test_the_gradient_reaches_the_tokens(run):
    """By differences, through the whole text tower in float64."""
    towers = open_run(run)
    towers.towers.double()
    table = towers.table()
    ids, mask, place = context.worded(towers, ("hum", "hiss"), 2)
    vectors = torch.randn(2, 16, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda v: context.read(towers, table, v, ids, mask, place), (vectors,), atol=1e-4)


def test_a_text_tower_without_weights_says_so(run, tmp_path):
    recipe = RECIPE[: RECIPE.index("  text:")] + "  text: {kind: onnx, model: tiny-towers}\n" + RECIPE[RECIPE.index("objectives:") :]
    folder = made_run(tmp_path, recipe)
    towers = open_run(folder)
    assert towers.table() is None
    with pytest.raises(ModelError, match="an ONNX graph") as found:
        context.fit(None, towers)
    assert "residual" in found.value.hint
    table = adapt(folder, read(tmp_path / "sounds.jsonl"), methods=["lora"], shots=[1], seeds=1, settings=["lora.steps=2"])
    assert table.rows[0].accuracy is not None


# ---------------------------------------------------------------------------------------------------------------- what is kept


@pytest.mark.parametrize(("name", "method"), [("run", "lora"), ("run", "full"), ("transformers_run", "lora")])
def test_what_is_exported_does_what_was_measured(name, method, request, tmp_path):
    folder = request.getfixturevalue(name)
    task = read(folder.parent / "sounds.jsonl")
    settings = [f"{method}.steps=25", f"{method}.rate=0.01"]
    table = adapt(folder, task, methods=[method], shots=["all"], seeds=1, settings=settings, out=tmp_path / "mine")
    (row,) = table.rows
    assert table.saved == str(tmp_path / "mine")
    model = auricle.load(table.saved)
    assert model.name == "mine@1"
    assert model.pipeline_id != table.pipeline_id
    texts = prompts.ensemble(model, task.labels)
    right = []
    for i in task.sides[0][1]:
        example = task.examples[i]
        heard = auricle.embed(str(example.folder / example.item.audio), model=model)
        right.append(task.truth[i, (heard @ texts.T).mean(0).argmax()] == 1)
    assert np.mean(right) == pytest.approx(row.accuracy, abs=0.12)
    card = model.card
    assert card.chain[0].what.startswith("the towers of ")
    assert method in card.description
    assert any(link.what.endswith("items of made") for link in card.chain)
    found = auricle.classify(audio.open(task.examples[0].folder / task.examples[0].item.audio), ["hum", "hiss"], model=model)
    assert set(found.scores) == {"hum", "hiss"}


def test_a_clap_of_transformers(clap, run, tmp_path):
    """All methods on the checkpoint itself; LoRA merged is LoRA unmerged; what is exported is a bundle that hears as the towers did."""
    from auricle.training.transfer.clap import open_clap

    towers = open_clap(clap)
    whole = audio.Audio(sound("hum", 2)[None], 8000).at(48000)
    assert np.abs(towers.embed_windows(whole.samples[0]) - towers.model.embed_audio([whole])[:, :40]).max() < 1e-4
    with lora.updates(towers, tuning.Options(rank=2)) as learned:
        with torch.no_grad():
            for p in learned:
                p.add_(0.05 * torch.randn_like(p))
        beside = towers.embed_windows(sound("hum", 2)), towers.embed_text(["hum"])
    merged = towers.embed_windows(sound("hum", 2)), towers.embed_text(["hum"])
    assert all(np.abs(a - b).max() < 1e-5 for a, b in zip(beside, merged, strict=True))
    task = read(make_data(tmp_path, train=2, test=1))
    settings = ["lora.steps=3", "lora.batch=4", "context.steps=3"]
    table = adapt(clap, task, methods=["probe", "context", "lora"], shots=[1], seeds=1, settings=settings, save="lora", out=tmp_path / "c")
    assert all(row.accuracy is not None for row in table.rows)
    card = auricle.load(table.saved).card
    assert (card.licence, card.chain[0].licence) == ("apache-2.0", "apache-2.0")
    with pytest.raises(UsageError, match="a head of probe belongs to a bundle"):
        adapt(clap, task, methods=["probe"], shots=[1], out=tmp_path / "p.npz")
    (clap / "model.safetensors").rename(clap / "pytorch_model.bin")
    (clap / "pytorch_model.bin").write_bytes(b"\x80\x02}")
    with pytest.raises(TrainingError, match="is a pickle"):
        adapt(clap, task, methods=["lora"])


def test_a_run_that_ended_early_or_holds_a_pickle(run, tmp_path):
    import shutil

    shutil.copytree(run, tmp_path / "early")
    shutil.rmtree(tmp_path / "early" / "bundle")
    task = read(run.parent / "sounds.jsonl")
    with pytest.raises(ModelError, match="holds no bundle"):
        adapt(tmp_path / "early", task, methods=["lora"])
    shutil.copytree(run, tmp_path / "bad")
    weights = next((tmp_path / "bad" / "checkpoints").glob("*/model.safetensors"))
    weights.write_bytes(b"\x80\x04\x95")
    with pytest.raises(TrainingError, match="is a pickle") as found:
        open_run(tmp_path / "bad")
    assert found.value.kind == "Pickle"
