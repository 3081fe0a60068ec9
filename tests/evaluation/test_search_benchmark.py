"""The runner end to end: a real library of tones, and a model to which the name of a concept means its pitch."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from benchmark_corpus import event, recording, write_corpus

from auricle.evaluation import search_benchmark, zero_shot
from auricle.evaluation.corpus import Corpus
from auricle.evaluation.search_report import rows

sys.path.insert(0, str(Path(__file__).parents[1] / "library"))
from library_sounds import SpectrumModel

# in the middle of bands of the model below (125 Hz wide)
PITCH = {"dog-bark": 437.5, "rain": 1187.5, "piano": 2062.5, "thunder": 2812.5, "crow-caw": 3562.5}
WORDS = {"barking": "dog-bark", "dog": "dog-bark", "wet": "rain", "rain": "rain", "keys": "piano", "piano": "piano", "storm": "thunder",
         "thunder": "thunder", "crow": "crow-caw"}  # fmt: skip


class ToneModel(SpectrumModel):
    """Hears bands of the spectrum; a text is the band of the concept that it names, or all bands alike."""

    def embed_text(self, texts):
        out = np.full((len(texts), self.dim), 1 / np.sqrt(self.dim), np.float32)
        for i, text in enumerate(texts):
            named = [WORDS[w] for w in text.lower().split() if w in WORDS]
            if named:
                out[i] = 0.01
                for concept in named:
                    out[i, int(PITCH[concept] / (self.rate / 2) * self.dim)] = 1.0
        return out / np.linalg.norm(out, axis=1, keepdims=True)


QUERIES = {
    "dev": [
        {"text": "barking", "kind": "plain", "all": ["dog-bark"]},
        {"text": "wet weather", "kind": "plain", "all": ["rain"]},
        {"text": "keys", "kind": "music", "all": ["piano"]},
        {"text": "crow", "kind": "plain", "all": ["crow-caw"]},
        {"text": "storm", "kind": "plain", "all": ["thunder"]},
        {"text": "kestrel", "kind": "name", "name": "kestrel"},
        {"text": "rain without thunder", "kind": "negated", "all": ["rain"], "none": ["thunder"]},
    ],
    "test": [{"text": "nothing here", "kind": "plain", "all": ["dog-bark"]}],
}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    made = []
    for concept in PITCH:
        for take in range(3):
            where = "kestrel" if (concept, take) == ("piano", 0) else "recorder"
            path = f"dev/{where}/{concept[:1]}{take}_{len(made)}.wav"
            made.append(recording(event(concept, 0, 1 + 0.2 * take), id=f"{concept}{take}", path=path))
    scene = [event("rain", 0, 20, bed=True), event("dog-bark", 8, 10)]
    made.append(recording(*scene, id="scene", kind="scene"))
    return write_corpus(tmp_path_factory.mktemp("corpus"), made, QUERIES, PITCH)


@pytest.fixture(scope="module")
def document(corpus):
    return search_benchmark.run(corpus, ToneModel(), "dev", command="test")


def value(document, variant, measure="ndcg@10", kind=None):
    found = document["variants"][variant]
    return (found["kinds"][kind] if kind else found["overall"])[measure]["value"]


def test_a_model_that_hears_finds_by_sound(document):
    assert value(document, "sound", kind="plain") > 0.9
    assert value(document, "sound", "hit@1", kind="plain") == 1
    assert value(document, "sound", "moments ndcg@10", kind="plain") > 0.9


def test_shuffled_vectors_are_chance(document):
    assert value(document, "shuffled", kind="plain") < 0.7 * value(document, "sound", kind="plain")
    assert value(document, "shuffled", "hit@1") < value(document, "sound", "hit@1")


def test_names_are_found_by_words_alone(document):
    assert value(document, "words", "hit@1", kind="name") == 1
    assert value(document, "words", kind="plain") == 0
    assert value(document, "fused", "hit@1", kind="name") == 1


def test_the_report_carries_its_protocol(document, corpus):
    protocol = document["protocol"]
    assert protocol["truth"] == Corpus.load(corpus).truth_hash
    assert protocol["pipeline_id"] == ToneModel().pipeline_id
    assert (protocol["recordings"], protocol["asked"], protocol["failed"]) == (16, 7, 0)
    for found in document["variants"].values():
        for interval in found["overall"].values():
            assert 0 <= interval["low"] <= interval["value"] <= interval["high"] <= 1
    assert {(t["a"], t["b"]) for t in document["tests"]} == {("fused", "sound"), ("fused", "words"), ("sound", "shuffled")}
    assert json.loads(json.dumps(document, allow_nan=False)) == document


def test_the_table(document, capsys):
    search_benchmark.table(document, search_benchmark.MEASURES)
    printed = capsys.readouterr().out
    assert "spectrum@1 on the dev half: 16 recordings" in printed
    lines = rows(document, ["ndcg@10"])
    assert [line[:3] for line in lines[:2]] == [["sound", "all", "7"], ["sound", "plain", "4"]]
    assert {line[0] for line in lines} == {"sound", "words", "fused", "shuffled"}


def test_shuffling_leaves_the_library_alone(corpus, tmp_path):
    from auricle.library.library import Library

    with Library(tmp_path / "library", model=ToneModel()) as library:
        library.index([corpus / "dev"])
        before = np.concatenate([v for _, v in library.store.all_vectors()])
        copy = search_benchmark.shuffled_copy(library, tmp_path / "copy", seed=0)
        after = np.concatenate([v for _, v in library.store.all_vectors()])
        with Library(copy, model=ToneModel()) as wrong:
            shuffled = np.concatenate([v for _, v in wrong.store.all_vectors()])
    assert np.array_equal(before, after)
    assert not np.array_equal(before, shuffled)
    assert np.array_equal(np.sort(before, axis=0), np.sort(shuffled, axis=0))


def test_a_query_nobody_can_answer_is_named(corpus):
    bench = search_benchmark.Bench(Corpus.load(corpus), "test")
    assert [q.text for q in bench.unanswerable()] == ["nothing here"]


def test_command_without_a_corpus(tmp_path, capsys):
    assert search_benchmark.main([str(tmp_path)]) == 2
    assert "Build it" in capsys.readouterr().err


def test_zero_shot_of_stored_vectors(corpus):
    items = zero_shot.single_clips(Corpus.load(corpus), "dev")
    assert len(items) == 15
    document = zero_shot.evaluate(items, ToneModel(), name="tones")
    assert document["accuracy"]["value"] == 1
    assert document["protocol"]["classes"] == sorted({"dog barking", "rain falling", "piano", "thunder", "crow cawing"})
    wrong = [zero_shot.Item(i.path, {"piano": "thunder", "thunder": "piano"}.get(i.label, i.label), i.source) for i in items]
    assert zero_shot.evaluate(wrong, ToneModel())["accuracy"]["value"] == pytest.approx(9 / 15, abs=1e-3)


def test_zero_shot_counts_what_could_not_be_heard_as_wrong(corpus, tmp_path):
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"no sound")
    items = [*zero_shot.single_clips(Corpus.load(corpus), "dev"), zero_shot.Item(broken, "piano", "x")]
    document = zero_shot.evaluate(items, ToneModel())
    assert document["accuracy"]["n"] == 16
    assert document["accuracy"]["value"] == pytest.approx(15 / 16, abs=1e-3)


def test_prompts_are_averaged():
    one = zero_shot.class_vectors(ToneModel(), ["dog"], ["{}"])
    two = zero_shot.class_vectors(ToneModel(), ["dog"], ["{}", "the sound of {} and rain"])
    assert np.linalg.norm(two) == pytest.approx(1, abs=1e-6)
    assert not np.allclose(one, two)
    with pytest.raises(zero_shot.UsageError, match="prompt"):
        zero_shot.class_vectors(ToneModel(), ["dog"], ["the sound"])


@pytest.mark.data
def test_esc10_is_read_by_recording(data):
    items = zero_shot.esc10(data / "esc10")
    assert len(items) == 400
    assert len({i.label for i in items}) == 10
    assert len({i.source for i in items}) < 400  # several takes of one recording
    assert all(i.path.is_file() for i in items)
