"""Teaching: one example works, copies count once, scores are honest, answers are learnt."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pytest

import auricle
from auricle.demo import SOUNDS, moments
from auricle.errors import AudioError, ModelError, UsageError
from auricle.models.taught import Example, Examples
from auricle.tasks import teaching
from auricle.tasks.teach import Shown, answered, forgotten, make, teach

ANIMALS = ("dog barking.ogg", "cow.flac", "sheep.flac", "CROW.wav")
MUSIC = ("slow piano.ogg", "choir.ogg", "jazz trio.ogg", "violin solo.opus", "tabla.ogg")


@pytest.fixture(scope="module")
def model():
    return auricle.load("tiny-towers", threads=1)


@pytest.fixture
def clips(tmp_path):
    for kind, folder, names in (("animal", "animals", ANIMALS), ("music", "music", MUSIC)):
        (tmp_path / kind).mkdir()
        for name in names:
            shutil.copy(SOUNDS / folder / name, tmp_path / kind)
    return {"animal": tmp_path / "animal", "music": tmp_path / "music"}


def test_kinds_by_folders(clips, model):
    head, failures = teach(clips, model, name="pets")
    assert failures == []
    assert [(s.label, s.distinct) for s in head.scores] == [("animal", 4), ("music", 5)]
    assert all(s.score > 0.8 and s.low < s.score <= s.high for s in head.scores)
    assert head.standing.low < head.standing.score
    assert "calibration sounds" in head.background_of
    unseen = {"animals/horse_neigh.ogg": "animal", "music/orchestra.opus": "music", "music/guitar_harmonics.ogg": "music"}
    for file, label in unseen.items():
        scores = auricle.classify(str(SOUNDS / file), model=model, taught=head).scores
        assert next(iter(scores)) == label
        assert scores[label] > 0.5, (file, scores)
    nothing = auricle.classify(str(SOUNDS / "town" / "jackhammer.ogg"), model=model, taught=head)
    assert nothing.none > 0.5


def test_an_interval_says_how_little_is_known(clips, model):
    few, _ = teach({label: sorted(map(str, folder.iterdir()))[:3] for label, folder in clips.items()}, model, name="few")
    many, _ = teach(clips, model, name="many")
    assert few.standing.high - few.standing.low > many.standing.high - many.standing.low


def test_one_example_works_and_says_that_it_has_no_score(model):
    truth = next(m for m in moments() if m["file"] == "animals/dog barking.ogg")
    sound = auricle.audio.open(str(SOUNDS / truth["file"]), start=truth["start"], end=truth["end"])
    head, _ = teach({"K17": sound}, model, name="one")
    assert head.scores[0].score is None
    assert head.standing.score is None
    assert any("no score" in warning for warning in head.warnings)
    values = {m["file"]: head.log_odds(auricle.embed(str(SOUNDS / m["file"]), model=model)).max() for m in moments()[:14]}
    assert max(values, key=values.get) == "animals/dog barking.ogg"


def test_a_name_helps_where_examples_are_few():
    """With its name, one clap of thunder finds the storm better than without."""
    model = auricle.load("tiny-towers@1")
    named, _ = teach({"thunder": SOUNDS / "weather" / "thunder_clap.ogg"}, model, name="a")
    blank, _ = teach({"K17": SOUNDS / "weather" / "thunder_clap.ogg"}, model, name="b")
    storm = auricle.embed(str(SOUNDS / "weather" / "thunderstorm.opus"), model=model)
    files = dict.fromkeys(m["file"] for m in moments() if m["file"].startswith(("home/", "animals/")))
    rest = np.concatenate([auricle.embed(str(SOUNDS / file), model=model) for file in files])
    # How far the storm stands out, in deviations of the rest.
    stands = [(head.log_odds(storm).max() - head.log_odds(rest).mean()) / head.log_odds(rest).std() for head in (named, blank)]
    assert stands[0] > stands[1]


def test_identical_clips_count_once(clips, model):
    for copy in range(5):
        shutil.copy(clips["animal"] / "cow.flac", clips["animal"] / f"again{copy}.flac")
    head, _ = teach(clips, model, name="pets")
    assert (head.scores[0].examples, head.scores[0].distinct) == (9, 4)
    assert any("9 examples hold 4 distinct" in warning for warning in head.warnings)
    only, _ = teach(
        {"cow": [clips["animal"] / "cow.flac", clips["animal"] / "again0.flac", clips["animal"] / "again1.flac"]}, model, name="c"
    )
    assert (only.scores[0].distinct, only.scores[0].score) == (1, None)


def test_louder_copies_are_the_same_sound(model):
    sound = auricle.audio.open(str(SOUNDS / "music" / "slow piano.ogg"))
    softer = replace(sound, samples=sound.samples * np.float32(0.7))
    head, _ = teach({"piano": [sound, softer]}, model, name="p")
    assert head.scores[0].distinct == 1


def test_the_same_sounds_under_two_names_cannot_be_told_apart(clips, model):
    head, _ = teach({"one": clips["music"], "other": clips["music"]}, model, name="same")
    assert any("the same sound stands under one and other" in warning for warning in head.warnings)
    assert any("one and other cannot be told apart" in warning for warning in head.warnings)


def test_three_clear_examples_are_said_to_be_few(clips, model):
    head, _ = teach({"animal": sorted(map(str, clips["animal"].iterdir()))[:3]}, model, name="few")
    assert head.scores[0].score > 0.9
    assert head.scores[0].low < 0.5
    assert any("3 distinct examples are too few" in warning for warning in head.warnings)


def test_labels_at_random_score_by_chance(model):
    """No leak: where labels mean nothing, the score does not either."""
    draw = np.random.default_rng(2)
    vectors = draw.normal(size=(40, model.dim)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    shown = [Shown(f"{i}", 0, 1, str(i), vectors[i : i + 1], {"K1": i % 2 == 0, "K2": i % 2 == 1}) for i in range(40)]
    background = draw.normal(size=(100, model.dim)).astype(np.float32)
    background /= np.linalg.norm(background, axis=1, keepdims=True)
    head = make("random", ("K1", "K2"), shown, model, background, "noise")
    assert all(s.low < 0.5 < s.high for s in head.scores)
    assert any("cannot be told apart" in warning for warning in head.warnings)


def test_one_long_file_does_not_rule():
    """Windows of a file share one vote: 60 windows of one clip pull no harder than the one of another."""
    axis = np.eye(8, dtype=np.float32)
    vectors = np.concatenate([np.repeat(axis[:1], 60, axis=0), axis[1:2]])
    items = (Example("long", 0, 150, "a", 0), Example("short", 0, 2, "b", 1))
    examples = Examples(items, np.array([[1], [1]], np.int8), vectors, np.array([0] * 60 + [1]))
    prior = teaching.Prior(np.zeros((1, 8)), np.zeros(1))
    weights, _ = teaching.fit(examples, axis[4:], prior)
    assert weights[0, 0] == pytest.approx(weights[0, 1], rel=1e-6)


def test_newton_finds_what_sklearn_finds():
    from sklearn.linear_model import LogisticRegression

    draw = np.random.default_rng(0)
    x, u = draw.normal(size=(200, 6)), draw.uniform(0.2, 2, 200)
    y = x @ np.arange(6) + draw.normal(size=200) > 0.5
    ours, bias = teaching.logistic(x, y, u, np.zeros(6), 0.0, strength=0.5)
    theirs = LogisticRegression(C=2.0, tol=1e-10, max_iter=2000).fit(x, y, sample_weight=u)
    assert np.allclose(ours, theirs.coef_[0], atol=0.02)
    assert bias == pytest.approx(theirs.intercept_[0], abs=0.02)


def test_the_prior_is_the_zero_shot_classifier(model):
    labels = ("dog bark", "rain on a roof")
    vectors = auricle.embed(str(SOUNDS / "animals" / "dog barking.ogg"), model=model)
    prior = teaching.Prior.of(model, labels)
    expected = model.calibration.log_odds(vectors, model.embed_text(list(labels)))
    assert np.allclose(vectors @ prior.weights.T + prior.bias, expected, atol=1e-4)


def test_an_answer_is_learnt_and_taken_back(clips, model):
    head, _ = teach(clips, model, name="pets")
    path = str(SOUNDS / "nature" / "forest birds.ogg")
    vectors = auricle.embed(path, model=model)
    before = head.log_odds(vectors).mean(axis=0)
    more = answered(head, [Shown(path, 0.0, 14.0, "x", vectors, {"animal": False})], model)
    assert more.log_odds(vectors).mean(axis=0)[0] < before[0]
    assert len(more.history) == 2
    assert more.scores[0].rejected == head.scores[0].rejected + 1
    other = answered(more, [Shown(path, 0.0, 14.0, "x", vectors, {"animal": True})], model)
    assert len(other.examples) == len(more.examples)
    assert other.log_odds(vectors).mean(axis=0)[0] > before[0]
    back = forgotten(other, path, 0.0, 14.0, "animal", model)
    assert np.allclose(back.weights, head.weights, atol=1e-4)
    with pytest.raises(UsageError, match="does not know"):
        answered(head, [Shown(path, 0, 1, "", vectors, {"cat": True})], model)


def test_unreadable_clips_are_named_and_the_rest_is_done(clips, model):
    (clips["animal"] / "bad.wav").write_bytes(b"no sound")
    head, failures = teach(clips, model, name="pets")
    assert [(f.kind, f.path.endswith("bad.wav")) for f in failures] == [("NotAudio", True)]
    assert head.scores[0].distinct == 4
    with pytest.raises(AudioError, match="no clip of 'x'"):
        teach({"x": clips["animal"] / "bad.wav"}, model, name="x")


@pytest.mark.parametrize(
    ("classes", "words"),
    [
        ({}, "no labels"),
        ({"": "."}, "empty label"),
        ({"a": "/no/such/folder"}, "no folder"),
        ({"a": []}, "no clips"),
        ({"a": ""}, "no folder is named"),
        ({"Bark": ".", "bark": "."}, "repeated"),
    ],
)
def test_what_cannot_be_taught(model, classes, words):
    with pytest.raises(UsageError, match=words):
        teach(classes, model, name="x")


def test_a_folder_without_sounds(model, tmp_path):
    (tmp_path / "notes.txt").write_text("nothing")
    with pytest.raises(UsageError, match="holds no sound files"):
        teach({"a": tmp_path}, model, name="x")


def test_a_background_of_ones_own(clips, model):
    head, _ = teach({"animal": clips["animal"]}, model, name="x", background=SOUNDS / "town")
    assert head.background_of == f"sounds of {SOUNDS / 'town'}"
    assert 13 <= len(head.background) <= 13 * 8


def test_search_by_what_was_taught(clips, model, tmp_path):
    head, _ = teach({"K17": clips["animal"]}, model, name="x")
    with auricle.Library(tmp_path / "lib", model=model) as library:
        library.index([SOUNDS / "animals", SOUNDS / "music", SOUNDS / "town"])
        hits = library.search("K17", taught=head, sources=["sound"], limit=5)
        assert sum("/animals/" in hit.path for hit in hits) >= 4
        with pytest.raises(ModelError, match="taught on"):
            library.search("K17", taught=replace(head, pipeline_id="other@1:0"))


def test_a_model_without_names_or_calibration(tmp_path):
    """Any model that hears windows: the demo sounds stand for the rest, and the head gives probabilities all the same."""
    from library.library_sounds import SpectrumModel, write_tone

    for seed in range(4):
        write_tone(tmp_path / "high" / f"{seed}.wav", pitch=1500 + 40 * seed, seed=seed)
        write_tone(tmp_path / "low" / f"{seed}.wav", pitch=250 + 10 * seed, seed=seed)
    model = SpectrumModel()
    head, _ = teach({"high": tmp_path / "high", "low": tmp_path / "low"}, model, name="tones")
    assert head.background_of == "the demo sounds"
    assert head.standing.score > 0.9
    found = auricle.classify(str(write_tone(tmp_path / "new.wav", pitch=1580, seed=9)), model=model, taught=head)
    assert (next(iter(found.scores)), found.calibrated) == ("high", True)
    assert auricle.detect(str(tmp_path / "new.wav"), model=model, taught=head, threshold=0.3)[0].label == "high"


def test_the_public_call(clips, model, tmp_path, monkeypatch):
    monkeypatch.setenv("AURICLE_HOME", str(tmp_path / "home"))
    (clips["animal"] / "bad.wav").write_bytes(b"no sound")
    head = auricle.teach({"animal": clips["animal"], "music": clips["music"]}, out="pets", model=model)
    assert isinstance(head, auricle.Taught)
    assert any("bad.wav" in warning for warning in head.warnings)
    assert next(iter(auricle.classify(str(SOUNDS / "animals" / "horse_neigh.ogg"), taught="pets").scores)) == "animal"
    assert auricle.teach({"animal": clips["animal"]}, out="pets", model=model).labels == ("animal",)  # takes its place
    with pytest.raises(ModelError, match="no taught head"):
        auricle.classify(str(SOUNDS / "animals" / "CROW.wav"), taught="others")
