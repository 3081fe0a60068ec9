import json

import pytest
import yaml
from benchmark_corpus import CONCEPTS, TREE, event, recording, write_corpus

from auricle.errors import UsageError
from auricle.evaluation.corpus import Concepts, Corpus
from auricle.evaluation.labelled import is_fitted, labelled_clips, usable_concepts

QUERIES = {"dev": [{"text": "a dog", "kind": "plain", "all": ["dog-bark"]}], "test": []}
PITCH = {"dog-bark": 300, "rain": 900, "canine": 500}


@pytest.fixture
def folder(tmp_path):
    recordings = [
        recording(event("dog-bark ?rain", 0, 1), id="a"),
        recording(event("dog-bark", 0, 1), id="b"),
        recording(event("rain", 0, 1), id="c"),
        recording(event("canine", 0, 1), id="d"),
        recording(event("rain", 0, 2), event("dog-bark", 1, 2), id="e", kind="scene"),
        recording(event("rain", 0, 1), id="f", half="test"),
    ]
    return write_corpus(tmp_path, recordings, QUERIES, PITCH)


def test_reads_what_was_written(folder):
    corpus = Corpus.load(folder)
    assert [r.id for r in corpus.half("dev")] == ["a", "b", "c", "d", "e"]
    assert corpus.half("test")[0].events[0].concepts == ("rain",)
    (query,) = corpus.asked("dev")
    assert (query.text, query.kind, query.judgement, query.subject) == ("a dog", "plain", {"all": ["dog-bark"]}, "dog-bark")


def test_the_hash_is_of_the_truth(folder):
    before = Corpus.load(folder)
    lines = [json.loads(line) for line in (folder / "manifest.jsonl").read_text().splitlines()]
    lines[0]["sha256"] = "other"
    (folder / "manifest.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    again = Corpus.load(folder)
    assert again.truth_hash == before.truth_hash
    assert again.audio_hash != before.audio_hash
    lines[0]["events"][0]["end"] = 0.9
    (folder / "manifest.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert Corpus.load(folder).truth_hash != before.truth_hash


def test_no_corpus(tmp_path):
    with pytest.raises(UsageError, match="no search benchmark") as caught:
        Corpus.load(tmp_path)
    assert "build.py" in caught.value.hint


def test_a_recording_named_twice_is_refused(folder):
    text = (folder / "manifest.jsonl").read_text()
    (folder / "manifest.jsonl").write_text(text + text.splitlines()[0] + "\n")
    with pytest.raises(UsageError, match="twice"):
        Corpus.load(folder)


def test_tree():
    assert CONCEPTS.closure(["dog-bark"]) == {"dog-bark", "canine", "animal"}
    assert CONCEPTS.top("kick-drum") == "music"
    assert CONCEPTS.names["dog-bark"] == "dog barking"
    assert CONCEPTS.names["canine"] == "canine"
    sure, possible = CONCEPTS.reading(("canine",), ("rain",))
    assert sure == {"canine", "animal"}
    assert possible == {"dog-bark", "wolf-howl", "rain", "nature"}
    with pytest.raises(ValueError, match="twice"):
        Concepts({**TREE, "other": {"rain": "rain"}})


def test_labelled_clips(folder):
    corpus = Corpus.load(folder)
    assert usable_concepts(corpus, "dev", fewest=1) == ["dog-bark", "rain"]
    assert usable_concepts(corpus, "dev") == ["dog-bark"]
    clips = list(labelled_clips(corpus, "dev", concepts=["dog-bark", "rain"]))
    assert [dict(c.labels) for c in clips] == [
        {"dog barking": True},  # rain is left open
        {"dog barking": True, "rain falling": False},
        {"dog barking": False, "rain falling": True},
    ]  # the canine may be a dog: it shows neither for certain; scenes are not clips
    assert all(c.path.is_file() for c in clips)


def test_labels_are_dealt_by_name():
    names = [CONCEPTS.names[leaf] for leaf in CONCEPTS.leaves] + [f"label {i}" for i in range(100)]
    fitted = [n for n in names if is_fitted(n)]
    assert 0.3 < len(fitted) / len(names) < 0.7
    assert yaml.safe_load(yaml.safe_dump(fitted)) == [n for n in names if is_fitted(n)]
