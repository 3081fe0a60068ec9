"""Probes, names and calibration on held-out tones: a model to which pitch is the label, and one to which nothing is."""

import io
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest
from benchmark_corpus import CONCEPTS, event, recording, write_corpus

from auricle.data.items import Item
from auricle.data.manifest import write
from auricle.errors import DataError
from auricle.evaluation.calibrated import calibration_scores
from auricle.evaluation.corpus import Corpus
from auricle.evaluation.heldout import Ears, HeldOut, of_benchmark, of_manifest
from auricle.evaluation.probing import by_label, folds_of, found_by_text, linear_probe, zero_shot
from auricle.evaluation.rows import digits, rows
from auricle.evaluation.suite import check_unseen, compared, search
from auricle.models.heads import Calibration

sys.path.insert(0, str(Path(__file__).parents[1] / "library"))
from library_sounds import SpectrumModel, tone, write_tone, write_wav

PITCH = {"dog-bark": 437.5, "crow-caw": 1187.5, "thunder": 2062.5, "rain": 2812.5, "piano": 3562.5}
QUERIES = {
    "dev": [{"text": "x", "kind": "plain", "all": ["rain"]}],
    "test": [
        {"text": "dog barking", "kind": "plain", "all": ["dog-bark"]},
        {"text": "thunder", "kind": "plain", "all": ["thunder"]},
        {"text": "crow cawing", "kind": "plain", "all": ["crow-caw"]},
    ],
}


class Pitch(SpectrumModel):
    """A text that names a concept is its band; any other text, all bands alike."""

    calibration = None

    def embed_text(self, texts):
        out = np.full((len(texts), self.dim), 0.01, np.float32)
        for i, text in enumerate(texts):
            for concept, pitch in PITCH.items():
                if CONCEPTS.names[concept] in text:
                    out[i, int(pitch / (self.rate / 2) * self.dim)] = 1.0
        return out / np.linalg.norm(out, axis=1, keepdims=True)


class Blind(Pitch):
    """Hears the same in everything."""

    def embed_audio(self, windows):
        return np.repeat(np.full((1, self.dim), 1 / np.sqrt(self.dim), np.float32), len(windows), axis=0)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    made = []
    for concept in PITCH:
        for take in range(6):
            e = event(concept, 0, 1 + 0.1 * take, clip=f"test:{concept}-{take // 2}")  # two takes a source
            made.append(recording(e, id=f"{concept}{take}", half="test", path=f"test/{concept}{take}.wav"))
    open_one = event("rain ?thunder", 0, 1, clip="test:open")
    made.append(recording(open_one, id="open", half="test", path="test/open.wav"))
    folder = write_corpus(tmp_path_factory.mktemp("held"), made, QUERIES, PITCH)
    return Corpus.load(folder)


@pytest.fixture(scope="module")
def held(corpus):
    return of_benchmark(corpus, "test")


def test_the_benchmark_as_items(held):
    item = next(i for i in held.items if i.id == "piano0")
    assert item.labels[0] == "piano"
    assert "music" in item.labels
    assert item.clip == "test:piano-0"
    assert item.split == "test"
    assert next(i for i in held.items if i.id == "open").extra["perhaps"] == ["thunder"]


def test_renditions_of_one_instrument_are_one_source():
    from auricle.evaluation.heldout import _source

    assert _source("music:test-piano_fast_arpeggio_001") == _source("music:test-piano_slow_chords_001") == "music:test-001"
    assert _source("music:test-drum_loop_four") == "music:test-drum_loop_four"


def test_zero_shot_and_probe_of_a_model_that_hears_and_one_that_does_not(held):
    task = by_label("sounds", held, {"dog barking", "crow cawing", "thunder", "rain falling"})
    assert len(task.items) == 24  # the clip that leaves thunder open is not asked about
    for way in (zero_shot, linear_probe):
        good, bad = way(task, Ears(Pitch())), way(task, Ears(Blind()))
        assert good.value == 1.0
        assert (good.n, good.clusters) == (24, 12)
        assert good.baselines == {"chance": 0.25, "majority": 0.25}
        assert bad.value <= 0.25
        assert compared([good], [bad])[0]["difference"] == good.value - bad.value
        assert "rain falling" in good.how.details["classes"]


def test_a_probe_is_never_tried_on_a_source_that_it_heard():
    classes = ["a"] * 7 + ["b"] * 3
    sources = ["1", "1", "2", "3", "3", "3", "4", "5", "6", "6"]
    fold = folds_of(classes, sources, 3)
    assert len({(s, f) for s, f in zip(sources, fold, strict=True)}) == len(set(sources))
    for label in ("a", "b"):
        assert len({f for c, f in zip(classes, fold, strict=True) if c == label}) > 1


def test_found_by_its_name(held):
    dogs = [i for i in held.items if "dog barking" in i.labels]
    others = [i for i in held.items if "dog barking" not in i.labels]
    assert found_by_text("dogs", held, Ears(Pitch()), dogs, others, "dog barking").value == 1.0
    assert found_by_text("dogs", held, Ears(Blind()), dogs, others, "dog barking").value == 0.5


def test_rows_ask_what_the_set_can_answer(held):
    found = {s.metric: s for s in rows(Ears(Pitch()), held, CONCEPTS)}
    assert set(found) == {
        "field sounds, zero-shot accuracy", "field sounds, linear probe accuracy", "music or not, zero-shot AUROC",
        "music or not, linear probe balanced accuracy",
    }  # fmt: skip
    assert found["field sounds, zero-shot accuracy"].value == 1.0


def test_a_clip_is_heard_once(held):
    class Counting(Pitch):
        heard = 0

        def embed_audio(self, windows):
            Counting.heard += len(windows)
            return super().embed_audio(windows)

    ears = Ears(Counting())
    first = ears.vectors(held, held.items)
    n = Counting.heard
    assert np.array_equal(ears.vectors(held, held.items), first)
    assert Counting.heard == n


def test_calibration_of_one_that_knows_and_one_that_boasts(held):
    bank = Ears(Pitch()).vectors(held, held.items)

    class Said(Pitch):
        @property
        def calibration(self):
            return self.fitted

    truthful, boastful = Said(), Said()
    object.__setattr__(truthful, "fitted", Calibration(bank, np.array([0.0, 40.0, 0.0, -20.0]), "all"))
    object.__setattr__(boastful, "fitted", Calibration(bank, np.array([0.0, 0.0, 0.0, 3.0]), "all"))
    good, bad = ({s.metric: s for s in calibration_scores(Ears(m), held)} for m in (truthful, boastful))
    assert bad["Brier score, all labels"].value > 0.6  # always .95, true of about a fifth
    assert good["adaptive ECE, all labels"].value < bad["adaptive ECE, all labels"].value
    assert list(calibration_scores(Ears(Pitch()), held)) == []


def test_search_side_by_side(corpus):
    good, bad = (list(search(corpus.folder, model, "test")) for model in (Pitch(), Blind()))
    found = {d["metric"]: d for d in compared(good, bad)}
    assert set(found) == {f"search {m}, {v}" for m in ("ndcg@10", "hit@1", "hit@5") for v in ("sound", "words", "fused")}
    assert found["search ndcg@10, sound"]["difference"] > 0
    assert found["search ndcg@10, sound"]["n"] == 3
    assert found["search ndcg@10, words"]["difference"] == 0


def test_what_was_trained_on_is_not_measured_on(held, tmp_path):
    write(tmp_path / "train.jsonl", [Item(id="other", audio="a.wav", clip="elsewhere", split="train")])
    assert check_unseen(held, tmp_path / "train.jsonl") == len({i.clip for i in held.items})
    write(tmp_path / "leak.jsonl", [Item(id="dog", audio="a.wav", clip="test:dog-bark-0", split="train")])
    with pytest.raises(DataError, match="test:dog-bark-0 is held out"):
        check_unseen(held, tmp_path / "leak.jsonl")


def test_only_the_held_out_side_of_a_manifest(tmp_path):
    for side in ("train", "dev"):
        write_tone(tmp_path / f"{side}.wav")
    items = [Item(id=s, audio=f"{s}.wav", split=s, clip=s, labels=("bell",)) for s in ("train", "dev")]
    write(tmp_path / "all.jsonl", items)
    found = of_manifest(tmp_path / "all.jsonl")
    assert [i.id for i in found.items] == ["dev"]
    assert isinstance(found, HeldOut)
    write(tmp_path / "train.jsonl", items[:1])
    with pytest.raises(DataError, match="'dev'"):
        of_manifest(tmp_path / "train.jsonl")


def test_digits_by_those_who_were_heard_and_by_strangers(tmp_path):
    """Digit → pitch; the speaker's own pitch is added, so that a stranger is harder."""
    with tarfile.open(tmp_path / "fsdd.tar", "w") as archive:
        for digit in range(3):
            for n, speaker in enumerate(("ann", "bob", "cy")):
                for take in range(12):
                    samples = tone(0.3, 300 + 900 * digit, seed=take) + tone(0.3, 600 + 150 * n, seed=take + 50)
                    data = write_wav(tmp_path / "x.wav", samples).read_bytes()
                    entry = tarfile.TarInfo(f"./{digit}_{speaker}_{take}.wav")
                    entry.size = len(data)
                    archive.addfile(entry, io.BytesIO(data))
    found = {s.metric: s for s in digits(Ears(Pitch()), tmp_path / "fsdd.tar", tmp_path / "out", "test")}
    assert found["spoken digits, linear probe accuracy"].value == 1.0
    assert found["spoken digits, linear probe accuracy"].n == 3 * 3 * 5
    assert found["speakers of digits, linear probe accuracy"].value > 0.8
    stranger = found["spoken digits of a new speaker, linear probe accuracy"]
    assert stranger.clusters == 3
    assert "only 3 sources" in stranger.notes[0]
    assert "the other speakers" in stranger.how.details["fitted"]
    with pytest.raises(DataError, match="no such file"):
        list(digits(Ears(Pitch()), tmp_path / "none.tar", tmp_path / "out2", "test"))
