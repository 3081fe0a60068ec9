"""Towers as bundles: the same numbers, streamed as whole, whatever the encoders are."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from training_set import RECIPE, make_set, short_items

import auricle
from auricle import audio
from auricle.data.manifest import write
from auricle.demo import SOUNDS
from auricle.errors import ModelError, UsageError
from auricle.models.bundle import Bundle
from auricle.models.two_towers import FrameTowers
from auricle.training.export import export
from auricle.training.loop import Run
from auricle.training.modules.frozen import hear
from auricle.training.recipe import load

SOUND, LONG = SOUNDS / "animals/dog barking.ogg", SOUNDS / "field/ZOOM0003.opus"
PLAIN = RECIPE.replace("  augment: {gain: [-6, 6], shift: true, noise: 0.5, mix: 0.3, mask_time: 8, mask_bands: 4}\n", "").replace(
    "  - {kind: masked_spectrogram, weight: 0.1, block: [8, 8]}\n", ""
)


def made(folder, recipe, *settings, steps=1):
    path = make_set(folder, recipe=recipe)
    write(folder / "few.jsonl", [replace(item, labels=("sound",), events=()) for item in short_items()])
    run = Run.begin(load(path, [f"budget.steps={steps}", *settings]), folder / "run")
    run.go()
    with run.averaged():
        exported = export(run.recipe, run.built, run.corpus, folder / "bundle")
        run.built.towers.eval()
        yield_vectors = vectors(run)
    return run, exported, yield_vectors


@torch.no_grad()
def vectors(run):
    """What the towers give for a sound of whole frames, from samples on, and for two texts."""
    built = run.built
    front = built.front
    n = round(run.recipe.data.seconds * front.rate)
    frames = 1 + (n - front.length) // (front.hop or front.length)
    samples = audio.open(SOUND, rate=front.rate, mono=True, start=0.5).samples[0]
    samples = samples[: front.length + (frames - 1) * (front.hop or front.length)].copy()
    if built.frozen is not None:
        batch = {"frames": torch.from_numpy(hear(built.frozen, samples))[None]}
    else:
        batch = {"audio": torch.from_numpy(samples)[None]}
    texts = ["a dog barking", "rain on a tin roof, far away"]
    rows = [torch.tensor(ids)[None] for ids in built.words(texts)]
    text = torch.cat([built.towers.encode_text(ids, torch.ones_like(ids, dtype=torch.bool)) for ids in rows])
    return (samples, front.rate), built.towers.encode_audio(batch)["clip"][0].numpy(), texts, text.numpy()


def check(exported, found, *, within=1e-4):
    sound, clip, texts, text = found
    model = auricle.load(str(exported.path))
    assert isinstance(model, FrameTowers)
    assert np.abs(model.embed_audio([audio.open(sound)])[0] - clip).max() <= within
    assert np.abs(model.embed_text(texts) - text).max() <= within
    streamed_is_whole(model)
    return model


def streamed_is_whole(model):
    whole = audio.open(LONG, mono=True, start=0, end=9.3)
    (one, *rest) = list(model.frames([whole]))
    starts = np.concatenate([one.starts, *(part.starts for part in rest)])
    frames = np.concatenate([one.vectors, *(part.vectors for part in rest)])
    cut = [whole.slice(a, b) for a, b in ((0, 1.1), (1.1, 1.3), (1.3, 6.0), (6.0, 9.3))]
    parts = list(model.frames(cut))
    assert np.allclose(np.concatenate([part.starts for part in parts]), starts)
    assert np.abs(np.concatenate([part.vectors for part in parts]) - frames).max() <= 1e-5


def test_from_scratch(tmp_path):
    _, exported, found = made(tmp_path, RECIPE, "export.precision=float32", steps=2)
    model = check(exported, found)
    assert exported.parity <= 1e-4
    assert exported.cosine is None
    assert model.shares_frames
    assert model.windowing.seconds == pytest.approx(0.975)  # whole frames of .335 s, one every .16 s


def test_int8_is_measured(tmp_path):
    run, exported, found = made(tmp_path, RECIPE, "model.text.width=128", "model.audio.width=16")
    assert exported.cosine > 0.995
    model = check(exported, found, within=0.05)
    (result,) = model.card.results
    assert (result.metric, result.value) == ("cosine int8 to float32", exported.cosine)
    run.recipe.export.__dict__["precision"] = "float32"
    assert exported.bytes < 0.6 * export(run.recipe, run.built, run.corpus, tmp_path / "float").bytes


def test_the_card_tells_data_and_licences(tmp_path):
    run, exported, _ = made(tmp_path, RECIPE, "export.trained=[sound]")
    card = Bundle.open(exported.path, verify=True).card
    assert [(link.what, link.licence) for link in card.chain] == [("5 items of demo", "CC-BY-4.0"), ("8 items of demo", "CC0-1.0")]
    assert card.licence == "CC0-1.0"
    assert card.trained == ("sound",)
    assert run.recipe.hash in card.data
    assert "13 items" in card.data


@pytest.mark.parametrize("kind", ["conv", "transformer"])
def test_a_context_makes_windows(tmp_path, kind):
    """The window of one second holds four frames that hear each other; the bundle gives a vector a window."""
    run, exported, found = made(tmp_path, RECIPE, f"model.context.kind={kind}", "export.precision=float32", "model.hop=0.5")
    model = check(exported, found)
    assert run.built.front.pad == "repeat"
    assert model.frame_hop == pytest.approx(0.5)
    short = audio.open(SOUND, mono=True).slice(0, 0.4)
    assert np.isfinite(model.embed_audio([short])).all()


def test_frozen_onnx_encoders(tmp_path):
    """The shipped model's graphs, frozen, heard once; new towers on top of them, joined into one graph each."""
    recipe = onnx_recipe()
    run, exported, found = made(tmp_path, recipe, "export.precision=float32")
    model = check(exported, found)
    assert run.built.towers.audio.hidden == 384
    assert model.has_sentences
    assert np.allclose(model.sentence(["rain"]), auricle.load("tiny-towers@1").sentence(["rain"]), atol=1e-5)
    chain = [link.what for link in model.card.chain]
    assert chain[0] == "the encoders of tiny-towers@1"
    assert any("YAMNet" in what or "yamnet" in what.lower() for what in chain)
    assert list((tmp_path / "cache").rglob("*.npy"))
    with pytest.raises(UsageError, match=r"small.yaml:\d+: a frozen audio encoder hears each sound once"):
        Run.begin(load(tmp_path / "small.yaml", ["data.augment.noise=0.5"]), tmp_path / "other")


def test_frozen_onnx_with_a_context(tmp_path):
    recipe = onnx_recipe().replace("seconds: 1.0", "seconds: 3.0")
    _, exported, found = made(tmp_path, recipe, "export.precision=float32", "model.context.kind=conv")
    assert check(exported, found).windowing.seconds == pytest.approx(2.975)


def test_any_onnx_file_by_its_front_end(tmp_path):
    """A graph from elsewhere: named by file, its front end told; one that needs windows of CLAP's kind works as well."""
    from models.making import clap_graph

    (tmp_path / "clap.onnx").write_bytes(clap_graph(101))
    front = "{kind: clap, rate: 8000, n_fft: 256, hop_length: 80, f_max: 3500.0, max_length: 8000, truncation: rand_trunc}"
    recipe = onnx_recipe().replace("{kind: onnx, model: tiny-towers}", f"{{kind: onnx, file: clap.onnx, frontend: {front}}}", 1)
    _, exported, found = made(tmp_path, recipe, "export.precision=float32")
    sound, clip, texts, text = found
    model = auricle.load(str(exported.path))
    assert np.abs(model.embed_audio([audio.open(sound)])[0] - clip).max() <= 1e-4
    assert np.abs(model.embed_text(texts) - text).max() <= 1e-4


def onnx_recipe():
    start, end = PLAIN.index("  audio:\n"), PLAIN.index("objectives:")
    return PLAIN[:start] + "  audio: {kind: onnx, model: tiny-towers@1}\n  text: {kind: onnx, model: tiny-towers@1}\n" + PLAIN[end:]


def transformers_recipe(train):
    start, end = PLAIN.index("  audio:\n"), PLAIN.index("objectives:")
    audio_part = f"  audio: {{kind: transformers, folder: wave, train: {train}, patch: 0.3, hop: 0.15}}\n"
    text_part = f"  text: {{kind: transformers, folder: text, train: {train}}}\n"
    return PLAIN[:start] + audio_part + text_part + PLAIN[end:]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A wav2vec 2.0 and a BERT of a few thousand weights, as transformers saves them."""
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
    return folder


@pytest.mark.parametrize("train", ["true", "false"])
def test_encoders_of_transformers(tmp_path, folders, train):
    for name in ("wave", "text"):
        shutil.copytree(folders / name, tmp_path / name)
    run, exported, found = made(tmp_path, transformers_recipe(train), "export.precision=float32")
    check(exported, found)
    assert any("audio.model" in name for name, _ in run.parameters()) == (train == "true")


def test_what_cannot_be_a_tower_says_so(tmp_path, folders):
    for name in ("wave", "text"):
        shutil.copytree(folders / name, tmp_path / name)
    path = make_set(tmp_path, recipe=transformers_recipe("false"))
    with pytest.raises(ModelError, match="a BertModel cannot be an audio tower here"):
        Run.begin(load(path, ["model.audio.folder=text"]), tmp_path / "run")
    with pytest.raises(ModelError, match="does not read text"):
        Run.begin(load(path, ["model.text.folder=wave"]), tmp_path / "run")
    with pytest.raises(ModelError, match=r"holds no config.json"):
        Run.begin(load(path, ["model.text.folder=nowhere"]), tmp_path / "run")
    weights = next((tmp_path / "text").glob("*.safetensors"))
    weights.rename(Path(tmp_path / "text" / "pytorch_model.bin"))
    with pytest.raises(ModelError, match="pickles can run code and are refused"):
        Run.begin(load(path), tmp_path / "run")


def test_probabilities_are_fitted_on_labelled_sounds(tmp_path):
    _, exported, _ = made(tmp_path, RECIPE, "export.calibrate={path: small.jsonl}", "export.precision=float32", steps=4)
    model = auricle.load(str(exported.path))
    assert "13 sounds, 6 labels" in model.calibration.sounds
    found = auricle.classify(audio.open(SOUND, mono=True), ["a dog barking", "rain"], model=str(exported.path))
    assert 0 < found.scores["rain"] < 1
    Bundle.open(exported.path, verify=True)
    with pytest.raises(UsageError, match="13 sounds of 1 labels are too few") as caught:
        made(tmp_path / "few", RECIPE, "export.calibrate={path: few.jsonl}")
    assert caught.value.exit_code == 2


def test_a_grown_encoder_and_names(tmp_path):
    """YAMNet with a second end, texts read by names, labels learned through them: the bundle gives what the towers give."""
    (tmp_path / "names.json").write_text('[["dog", "hound"], ["bell"], ["rain", "rainfall"]]')
    recipe = onnx_recipe().replace("audio: {kind: onnx, model: tiny-towers@1}", "audio: {kind: grown, model: tiny-towers@1, shared: 23}")
    settings = ("export.precision=float32", "model.names.file=names.json", "model.names.widen=8", "model.dropout=0.2")
    run, exported, found = made(tmp_path, recipe, *settings)
    model = check(exported, found)
    assert run.built.towers.audio.hidden == 2048
    assert model.has_frames
