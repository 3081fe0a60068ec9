"""CLAP of transformers against its bundle: random weights, real classes, all three kinds."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from auricle.audio.types import Audio
from auricle.errors import ModelError, UsageError
from auricle.models.bundle import Bundle
from auricle.models.pretrained.clap import bundle_config, convert, licence_of
from auricle.models.two_towers import TwoTowers, open_towers

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
pytest.importorskip("onnx")

from auricle.models.pretrained import parity  # noqa: E402

TEXTS = ["a dog barking", "", "rain on a tin roof", "music " * 30]
KINDS: dict[str, dict[str, Any]] = {
    "unfused": {},
    "fused": {"enable_fusion": True},
    "larger": {"patch_embeds_hidden_size": 24, "hidden_size": 192, "depths": [1, 1, 2, 1], "num_attention_heads": [2, 2, 4, 4]},
}


def tokenizer() -> Any:
    """Byte-level BPE with RoBERTa's special tokens, trained on a line of text."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers

    made = Tokenizer(models.BPE(unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=320, special_tokens=special, initial_alphabet=alphabet, show_progress=False)
    made.train_from_iterator(["a dog barking rain on a tin roof someone speaking music"] * 3, trainer)
    made.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    return transformers.RobertaTokenizerFast(tokenizer_object=made)


def checkpoint(kind: str) -> tuple[Any, Any]:
    """A small ClapModel with random weights, and its processor."""
    torch.manual_seed(0)
    audio = {"patch_embeds_hidden_size": 16, "hidden_size": 128, "depths": [1, 1, 1, 1], "num_attention_heads": [1, 2, 2, 4], **KINDS[kind]}
    text = {"vocab_size": 320, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    config = transformers.ClapConfig(text_config={**text, "max_position_embeddings": 66}, audio_config=audio, projection_dim=40)
    extractor = transformers.ClapFeatureExtractor(truncation="fusion" if kind == "fused" else "rand_trunc")
    return transformers.ClapModel(config).eval(), transformers.ClapProcessor(extractor, tokenizer())


@pytest.fixture(scope="module", params=list(KINDS))
def converted(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any, TwoTowers]:
    """A checkpoint saved as transformers saves it, and the bundle made from that folder."""
    model, processor = checkpoint(request.param)
    folder = tmp_path_factory.mktemp(request.param)
    source = folder / "small-clap"
    model.save_pretrained(source)
    processor.save_pretrained(source)
    preprocessor = processor.feature_extractor.to_dict()
    (source / "preprocessor_config.json").write_text(json.dumps(preprocessor))
    (source / "README.md").write_text("---\nlicense: apache-2.0\n---\n# CLAP\n")
    report = convert(source, folder / "bundle")
    assert report.kind == ("fused" if request.param == "fused" else "unfused")
    assert report.audio_difference <= 1e-4
    assert report.text_difference <= 1e-4
    return model, processor, open_towers(report.path, threads=1)


def waves(rate: int, *seconds: float) -> list[Audio]:
    rng = np.random.default_rng(1)
    return [Audio((0.2 * rng.standard_normal(round(s * rate))).astype(np.float32), rate) for s in seconds]


def test_sound_is_that_of_transformers(converted: tuple[Any, Any, TwoTowers]) -> None:
    model, processor, bundle = converted
    sounds = waves(48000, 10.0, 2.7, 0.1)
    expected = parity.audio_reference(model, processor.feature_extractor, sounds)
    found = bundle.embed_audio(sounds)
    np.testing.assert_allclose(found[:, :40], expected, atol=1e-4)
    assert not found[:, 40:].any()
    assert np.abs(expected[0] - expected[1]).max() > 1e-3  # the weights do hear a difference


def test_text_is_that_of_transformers(converted: tuple[Any, Any, TwoTowers]) -> None:
    model, processor, bundle = converted
    expected = parity.text_reference(model, processor.tokenizer, TEXTS)
    np.testing.assert_allclose(bundle.embed_text(TEXTS)[:, :40], expected, atol=1e-4)
    assert np.abs(expected[0] - expected[2]).max() > 1e-3


def test_batches_of_any_size(converted: tuple[Any, Any, TwoTowers]) -> None:
    sounds = waves(48000, 1.0, 3.0, 0.5, 10.0, 2.0)
    together = converted[2].embed_audio(sounds)
    alone = np.concatenate([converted[2].embed_audio([sound]) for sound in sounds])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_a_fused_graph_follows_is_longer_row_by_row(tmp_path: Path) -> None:
    """transformers marks one sound of every batch as longer, at random; the graph takes the mark for each row."""
    import onnxruntime as ort

    model, processor = checkpoint("fused")
    bundle = Bundle.open(convert(model, tmp_path / "b", processor=processor).path)
    sounds = waves(48000, 2.0, 5.0)
    both = [parity.audio_reference(model, processor.feature_extractor, sounds, longer) for longer in (False, True)]
    assert np.abs(both[0] - both[1]).max() > 1e-4
    features = processor.feature_extractor([s.samples[0] for s in sounds], sampling_rate=48000, return_tensors="np")
    session = ort.InferenceSession(str(bundle.file("audio.onnx")))
    feeds = {"input_features": features["input_features"].astype(np.float32), "is_longer": np.array([[True], [False]])}
    found = session.run(None, feeds)[0]
    np.testing.assert_allclose(found, [both[1][0], both[0][1]], atol=1e-5)
    config = json.loads((bundle.path / "config.json").read_text())
    config["audio"]["frontend"]["is_longer"] = True
    files = {name: bundle.file(name) for name in bundle.card.files if name != "config.json"}
    told = open_towers(Bundle.write(tmp_path / "told", config, bundle.card, dict(files)))
    np.testing.assert_allclose(told.embed_audio(sounds)[:, :40], both[1], atol=1e-4)


def test_int8_is_smaller_near_and_steady(tmp_path: Path) -> None:
    model, processor = checkpoint("unfused")
    plain = convert(model, tmp_path / "float", processor=processor)
    small = convert(model, tmp_path / "int8", processor=processor, precision="int8")
    assert (tmp_path / "int8" / "audio.onnx").stat().st_size < 0.6 * (tmp_path / "float" / "audio.onnx").stat().st_size
    assert small.pipeline_id != plain.pipeline_id
    assert 0.999 < small.audio_cosine < 1 - 1e-7
    assert small.text_cosine > 0.999
    bundle = open_towers(small.path, threads=1)
    assert [round(r.value, 6) for r in bundle.card.results] == [round(small.audio_cosine, 6), round(small.text_cosine, 6)]
    sounds = waves(48000, 1.0, 3.0, 0.5)
    alone = np.concatenate([bundle.embed_audio([sound]) for sound in sounds])
    np.testing.assert_allclose(bundle.embed_audio(sounds), alone, atol=1e-5)  # dynamic int8 would drift by 5e-3


def test_the_card_says_where_it_is_from(converted: tuple[Any, Any, TwoTowers]) -> None:
    card = converted[2].card
    assert card.name == "small-clap"
    assert card.licence == "apache-2.0"
    assert card.chain[0].source == "small-clap"
    assert len(card.chain[0].sha256) == 64


def test_windows_are_the_models_own_unless_told(converted: tuple[Any, Any, TwoTowers], tmp_path: Path) -> None:
    assert (converted[2].windowing.seconds, converted[2].windowing.hop) == (10.0, 5.0)
    model, processor = checkpoint("unfused")
    bundle = Bundle.open(convert(model, tmp_path / "b", processor=processor, window=5.0, hop=2.5).path)
    assert bundle.config["window"] == {"seconds": 5.0, "hop": 2.5}


def test_a_bundle_runs_without_torch(converted: tuple[Any, Any, TwoTowers]) -> None:
    script = (
        "import sys\n"
        "sys.modules['torch'] = sys.modules['transformers'] = sys.modules['onnx'] = None\n"
        "import numpy as np\n"
        "from auricle.audio.types import Audio\n"
        "from auricle.models import load\n"
        f"model = load({str(converted[2].bundle.path)!r}, threads=1)\n"
        "audio = model.embed_audio([Audio(np.ones(4800, np.float32) * 0.1, 48000)])\n"
        "assert audio.shape == model.embed_text(['x']).shape == (1, 48), audio.shape\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, env={"PYTHONPATH": ":".join(sys.path)})


# ---------------------------------------------------------------------------------------------------------------- refusals


def test_what_is_no_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"config\.json is not there") as caught:
        convert(tmp_path, tmp_path / "b")
    assert caught.value.kind == "Missing"
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(ModelError, match="'bert'") as caught:
        convert(tmp_path, tmp_path / "b")
    assert caught.value.kind == "Unsupported"
    (tmp_path / "config.json").write_text('{"model_type": "clap"}')
    (tmp_path / "preprocessor_config.json").write_text("{}")
    with pytest.raises(ModelError) as caught:
        convert(tmp_path, tmp_path / "b")
    assert caught.value.kind == "Damaged"
    assert not (tmp_path / "b").exists()


def test_arguments_are_checked_before_work(tmp_path: Path) -> None:
    model, processor = checkpoint("unfused")
    with pytest.raises(UsageError, match="precision"):
        convert(model, tmp_path / "b", processor=processor, precision="int4")
    with pytest.raises(UsageError, match="processor"):
        convert(model, tmp_path / "b")
    (tmp_path / "there").mkdir()
    with pytest.raises(UsageError, match="exists"):
        convert(model, tmp_path / "there", processor=processor)


def test_an_extractor_of_the_other_kind_is_refused(tmp_path: Path) -> None:
    model, _ = checkpoint("unfused")
    _, processor = checkpoint("fused")
    with pytest.raises(ModelError, match="unfused but its feature extractor"):
        convert(model, tmp_path / "b", processor=processor)


def test_a_result_that_differs_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights changed between export and measurement: the measurement must see it."""
    model, processor = checkpoint("unfused")
    measured = parity.measure

    def disturbed(bundle: Any, clap: Any, *rest: Any) -> Any:
        with torch.no_grad():
            clap.audio_projection.linear2.bias.add_(0.05)
        return measured(bundle, clap, *rest)

    monkeypatch.setattr("auricle.models.pretrained.clap.measure", disturbed)
    with pytest.raises(ModelError, match="differs from transformers"):
        convert(model, tmp_path / "b", processor=processor)
    assert not any(tmp_path.iterdir())


def test_config_of_published_checkpoints() -> None:
    config = {"model_type": "clap", "projection_dim": 512, "text_config": {"max_position_embeddings": 514, "pad_token_id": 1}}
    made = bundle_config(config, {"sampling_rate": 48000, "max_length_s": 10, "truncation": "rand_trunc", "frequency_min": 50})
    assert made["dim"] == 512
    assert made["text"]["max_length"] == 512
    assert made["audio"]["frontend"]["f_min"] == 50.0
    assert made["audio"]["frontend"]["max_length"] == 480000


@pytest.mark.parametrize(
    ("text", "licence"),
    [
        ("---\nlicense: apache-2.0\ntags: [x]\n---\n", "apache-2.0"),
        ('---\nlicense: "cc-by-4.0"\n---', "cc-by-4.0"),
        ("# none\nlicense: mit", "unknown"),
    ],
)
def test_licences_of_readmes(tmp_path: Path, text: str, licence: str) -> None:
    (tmp_path / "README.md").write_text(text)
    assert licence_of(tmp_path / "README.md") == licence
    assert licence_of(tmp_path / "absent") == "unknown"
