"""mteb's tasks measure our models, and our harness measures its models: on arrays in memory, with the real package."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

import auricle
from auricle import audio
from auricle.audio import Audio
from auricle.demo import SOUNDS
from auricle.errors import AudioError, ModelError, UsageError
from auricle.evaluation.heldout import Ears, unit_mean
from auricle.models import listening
from auricle.models.capabilities import EmbedsAudio, EmbedsText

if importlib.util.find_spec("mteb") is None:
    pytest.skip("needs auricle[mteb]", allow_module_level=True)

import mteb
from datasets import Dataset, DatasetDict
from mteb.abstasks import AbsTaskClassification, AbsTaskRetrieval, AbsTaskZeroShotClassification
from mteb.abstasks.task_metadata import TaskMetadata
from mteb.models import EncoderProtocol, ModelMeta
from mteb.models.abs_encoder import AbsEncoder

from auricle.evaluation.mteb import Encoder, Wrapped, load

NAMES = {"dog barking.ogg": "a dog barking", "doorbell.ogg": "a doorbell", "sheep.flac": "a sheep", "glass breaking.ogg": "breaking glass"}
LABELS = list(NAMES.values())
RATE = 16000


@pytest.fixture(scope="module")
def clips():
    """(samples, label) of two pieces of each of four sounds."""
    found = []
    for path in sorted(p for p in SOUNDS.rglob("*") if p.name in NAMES):
        sound = audio.open(path, rate=RATE, mono=True)
        half = sound.duration / 2
        found += [(sound.slice(0, half).samples[0], NAMES[path.name]), (sound.slice(half).samples[0], NAMES[path.name])]
    assert len(found) == 8
    return found


@pytest.fixture(scope="module")
def towers():
    return auricle.load("tiny-towers@2")


@pytest.fixture(scope="module")
def encoder(towers):
    return Encoder(towers)


def metadata(kind, modalities, category=None, score="accuracy"):
    return TaskMetadata(
        name=f"InMemory{kind}", description="-", type=kind, modalities=modalities, category=category, eval_splits=["test"],
        eval_langs=["eng-Latn"], main_score=score, dataset={"path": "none", "revision": "none"},
    )  # fmt: skip


def column(clips):
    return [{"array": samples.tolist(), "sampling_rate": RATE} for samples, _ in clips]


def zero_shot(clips):
    class Task(AbsTaskZeroShotClassification):
        metadata = metadata_of_zero_shot
        input_column_name = "audio"
        label_column_name = "label"

        def load_data(self, **kwargs):
            rows = {"audio": column(clips), "label": [LABELS.index(label) for _, label in clips]}
            self.dataset = DatasetDict({"test": Dataset.from_dict(rows)})
            self.data_loaded = True

        def get_candidate_labels(self):
            return LABELS

    return Task()


metadata_of_zero_shot = metadata("AudioZeroshotClassification", ["audio", "text"])


def measured(model, task):
    result = mteb.evaluate(model, task, cache=None, show_progress_bar=False, encode_kwargs={"batch_size": 3})
    return result.task_results[0].scores["test"][0]


# ---------------------------------------------------------------------------------------------------------------- ours in theirs


def test_our_model_is_an_encoder(encoder, towers):
    assert isinstance(encoder, EncoderProtocol)
    meta = encoder.mteb_model_meta
    assert isinstance(meta, ModelMeta)
    assert (meta.name, meta.revision) == ("auricle/tiny-towers@2", towers.pipeline_id.rpartition(":")[2])
    assert meta.modalities == ["audio", "text"]
    assert meta.embed_dim == towers.dim


def test_mteb_measures_what_we_measure(encoder, towers, clips):
    vectors = np.stack([unit_mean(listening.hear(Audio(samples[None], RATE), towers).vectors) for samples, _ in clips])
    answers = (vectors @ towers.embed_text(LABELS).T).argmax(axis=1)
    ours = float(np.mean([LABELS[a] == label for a, (_, label) in zip(answers, clips, strict=True)]))
    assert measured(encoder, zero_shot(clips))["accuracy"] == pytest.approx(ours)
    assert ours >= 0.5


def test_mteb_trains_a_probe_on_our_vectors(encoder, clips):
    class Task(AbsTaskClassification):
        metadata = metadata("AudioClassification", ["audio"])
        input_column_name = "audio"
        n_experiments = 2
        samples_per_label = 1

        def load_data(self, **kwargs):
            rows = {"audio": column(clips), "label": [LABELS.index(label) for _, label in clips]}
            self.dataset = DatasetDict({"train": Dataset.from_dict(rows), "test": Dataset.from_dict(rows)})
            self.data_loaded = True

    assert measured(encoder, Task())["accuracy"] >= 0.75


@pytest.mark.parametrize("way", ["t2a", "a2t"])
def test_mteb_retrieves_with_our_vectors(encoder, clips, way):
    sounds = {"id": [f"a{i}" for i in range(0, 8, 2)], "audio": column(clips[::2])}
    texts = {"id": [f"t{i}" for i in range(4)], "text": [label for _, label in clips[::2]]}
    asked, known = (texts, sounds) if way == "t2a" else (sounds, texts)

    class Task(AbsTaskRetrieval):
        metadata = metadata("Any2AnyRetrieval", ["audio", "text"], way, "ndcg_at_10")

        def load_data(self, **kwargs):
            right = {q: {d: 1} for q, d in zip(asked["id"], known["id"], strict=True)}
            split = {"corpus": Dataset.from_dict(known), "queries": Dataset.from_dict(asked), "relevant_docs": right, "top_ranked": None}
            self.dataset = {"default": {"test": split}}
            self.data_loaded = True

    assert measured(encoder, Task())["ndcg_at_10"] >= 0.7


def test_text_audio_and_both(encoder, towers, clips):
    sound = {"array": clips[0][0], "sampling_rate": RATE}
    heard = encoder.encode([{"audio": [sound]}])
    said = encoder.encode([{"text": ["a dog"]}, {"text": ["a cat", "a bell"]}])
    assert said == pytest.approx(towers.embed_text(["a dog", "a cat", "a bell"]), abs=1e-6)
    both = encoder.encode([{"audio": [sound], "text": ["a dog"]}])
    assert np.linalg.norm(both) == pytest.approx(1.0, abs=1e-5)
    assert both[0] @ heard[0] == pytest.approx(both[0] @ said[0], abs=1e-5)
    assert encoder.encode([]).shape == (0, towers.dim)


def test_stereo_and_any_rate(encoder):
    noise = np.random.default_rng(0).normal(size=44100).astype(np.float32) * 0.1
    one = encoder.encode([{"audio": [{"array": noise, "sampling_rate": 44100}]}])
    two = encoder.encode([{"audio": [{"array": np.stack([noise, noise]), "sampling_rate": 44100}]}])
    assert two == pytest.approx(one, abs=1e-5)


def test_bad_input_is_told(encoder):
    with pytest.raises(AudioError, match="NaN"):
        encoder.encode([{"audio": [{"array": np.full(16000, np.nan), "sampling_rate": RATE}]}])
    with pytest.raises(UsageError, match="neither audio nor text, but image"):
        encoder.encode([{"image": [None]}])


# ---------------------------------------------------------------------------------------------------------------- theirs in ours


class Theirs(AbsEncoder):
    """An encoder as mteb's own are written: it knows the loudest band of a sound, and by their names the bands of texts."""

    sampling_rate = 8000

    def __init__(self, modalities=("audio", "text"), width=20):
        self.width = width
        self.asked = []
        self.mteb_model_meta = ModelMeta(
            loader=None, name="someone/bands", revision="abc", release_date=None, languages=None, n_parameters=None, memory_usage_mb=None,
            max_tokens=None, embed_dim=width, license=None, open_weights=None, public_training_code=None, public_training_data=None,
            framework=["NumPy"], similarity_fn_name="cosine", use_instructions=False, training_datasets=None, modalities=list(modalities),
        )  # fmt: skip

    def encode(self, inputs, *, task_metadata, hf_split, hf_subset, prompt_type=None, **kwargs):
        import torch

        self.asked.append(task_metadata.modalities)
        if "audio" in inputs.dataset.features:
            sounds = [one for batch in inputs for one in batch["audio"]]
            assert {one["sampling_rate"] for one in sounds} == {self.sampling_rate}
            rows = [np.abs(np.fft.rfft(one["array"], 2 * self.width))[: self.width] for one in sounds]
        else:
            rows = [np.eye(self.width)[int(text.split()[0]) if text[0].isdigit() else 0] * 7 for batch in inputs for text in batch["text"]]
        return torch.from_numpy(np.array(rows))


def sine(band, rate=RATE, width=20):
    hertz = band * 8000 / (2 * width)
    return Audio((0.3 * np.sin(2 * np.pi * hertz * np.arange(rate) / rate))[None].astype(np.float32), rate)


def test_their_model_has_our_capabilities():
    model = Wrapped(Theirs())
    assert isinstance(model, EmbedsAudio)
    assert isinstance(model, EmbedsText)
    assert (model.name, model.pipeline_id, model.rate, model.dim) == ("mteb:someone/bands", "mteb:someone/bands:abc", 8000, 32)
    vectors = model.embed_audio([sine(4), sine(9)])
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1, 1], abs=1e-6)
    assert (vectors @ model.embed_text(["4 is it", "9 is it"]).T).argmax(axis=1).tolist() == [0, 1]
    assert model.embed_text([]).shape == (0, 32)


def test_our_ears_hear_with_their_model(tmp_path):
    from auricle.data.items import Item
    from auricle.evaluation.heldout import HeldOut

    bands = (3, 5, 8, 13)
    for band in bands:
        audio.write(tmp_path / f"{band}.wav", sine(band))
    held = HeldOut("bands", tuple(Item(str(b), audio=f"{b}.wav") for b in bands), tmp_path)
    theirs = Theirs()
    model = Wrapped(theirs)
    heard = Ears(model).vectors(held, held.items)
    assert (heard @ model.embed_text([f"{b} is the band" for b in bands]).T).argmax(axis=1).tolist() == [0, 1, 2, 3]
    assert ["audio"] in theirs.asked
    assert ["text"] in theirs.asked


def test_there_and_back_again(towers, encoder, clips):
    back = Wrapped(encoder, rate=RATE)
    sounds = [Audio(samples[None], RATE) for samples, _ in clips[:2]]
    straight = np.stack([unit_mean(listening.hear(sound, towers).vectors) for sound in sounds])
    assert back.embed_audio(sounds) == pytest.approx(straight, abs=1e-5)
    assert back.embed_text(LABELS) == pytest.approx(towers.embed_text(LABELS), abs=1e-5)
    assert back.dim == towers.dim


def test_what_their_model_cannot(monkeypatch):
    deaf = Wrapped(Theirs(modalities=["text"]))
    with pytest.raises(ModelError, match="embeds text, not audio"):
        deaf.embed_audio([sine(3)])
    mute = Wrapped(Theirs(modalities=["audio"]))
    assert mute.dim == 32
    broken = Theirs()
    monkeypatch.setattr(broken, "encode", lambda *a, **k: np.full((1, 20), np.nan))
    with pytest.raises(ModelError, match="no number"):
        Wrapped(broken).embed_text(["a"])
    monkeypatch.setattr(broken, "encode", lambda *a, **k: np.ones((3, 20)))
    with pytest.raises(ModelError, match=r"\(3, 20\) for 1 of text"):
        Wrapped(broken).embed_text(["a"])


def test_an_encoder_that_does_not_say_its_rate():
    encoder = Theirs()
    encoder.sampling_rate = None
    with pytest.raises(UsageError, match="at what rate"):
        Wrapped(encoder)
    assert Wrapped(encoder, rate=48000).rate == 48000


def test_by_name(monkeypatch):
    asked = []
    monkeypatch.setattr(mteb, "get_model", lambda name, revision=None: (asked.append((name, revision)), Theirs())[1])
    assert auricle.load("mteb:someone/bands@abc").name == "mteb:someone/bands"
    assert asked == [("someone/bands", "abc")]


@pytest.mark.parametrize(
    ("error", "told"),
    [(KeyError("x"), "mteb knows no model 'a/b'"), (ConnectionError("no network"), r"could not load it \(ConnectionError: no network\)")],
)
def test_by_a_name_that_cannot_be_loaded(monkeypatch, error, told):
    def fails(name, revision=None):
        raise error

    monkeypatch.setattr(mteb, "get_model", fails)
    with pytest.raises(ModelError, match=told):
        load("mteb:a/b")
