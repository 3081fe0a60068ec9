import numpy as np
import pytest
from toy_ears import Constant, Toy, sounds, uncalibrated

from auricle.errors import ModelError
from auricle.evaluation.probes import sweep, unknown
from auricle.evaluation.probes.base import Sounds


@pytest.fixture(scope="module")
def held(tmp_path_factory):
    return sounds(tmp_path_factory.mktemp("toy"), per_label=2)


def audited(model, held):
    found = sweep.Sweep().run(model, Sounds(held), seed=0, told=lambda line: None)
    return {score.metric: score for score in found.scores}, found


class Wordy(Toy):
    """Understands a bare label and "the sound of", and nothing else."""

    def embed_text(self, texts):
        return super().embed_text(
            [text if len(text.split()) < 8 and "record" not in text and "heard" not in text else "?" for text in texts]
        )


class FromLabels(Toy):
    """Knows every paraphrase of a label."""

    def embed_text(self, texts):
        known = {sweep.said(label, p): label for label in self.labels for p in sweep.PARAPHRASES}
        found = []
        for text in texts:
            inside = [phrase for phrase in known if phrase in text]
            found.append(known[max(inside, key=len)] if inside else "?")
        return super().embed_text(found)


class Reader:
    """Reads the options and scores them: by what is heard, or by where they stand."""

    name, pipeline_id, rate, longest = "reader@1", "reader@1:0", 16_000, None

    def __init__(self, ears: Toy, place: float) -> None:
        self.ears, self.place = ears, place

    def score(self, audios, prompt, options):
        heard = self.ears.embed_audio(audios) @ self.ears.embed_text(options).T
        return heard[0].astype(np.float64) - self.place * np.arange(len(options))


@pytest.fixture(scope="module")
def labels(held):
    return sorted({item.labels[0] for item in held.items})


def test_who_understands_every_wording_answers_alike(held, labels):
    for model in (FromLabels(), uncalibrated(FromLabels())):
        model.labels = labels
        scores, _ = audited(model, held)
        assert scores["accuracy, worst wording"].value == 1.0
        assert scores["spread, best minus worst wording"].value == 0.0
        assert scores["two wordings agree"].value == scores["all orders agree"].value == 1.0


def test_who_hangs_on_the_wording_is_caught(held):
    scores, found = audited(Wordy(), held)
    spread = scores["spread, best minus worst wording"]
    assert spread.low > spread.baselines["if only chance chose"]
    assert scores["accuracy, worst wording"].value < 0.2
    assert scores["accuracy, mean over wordings"].baselines["single prompt"] == 1.0
    assert scores["two wordings agree"].high < 0.9
    assert "worst: 'this is a recording of …'" in found.notes[0] or "worst:" in found.notes[0]
    assert list(found.curves[0].y) == sorted(found.curves[0].y)


def test_who_hangs_on_the_place_of_an_option_is_caught(held, monkeypatch):
    monkeypatch.setattr(sweep, "CLIPS", 12)
    fair, _ = audited(Reader(Toy(), 1e-3), held)
    biased, found = audited(Reader(Toy(), 0.5), held)
    assert biased["all orders agree"].value < 0.7
    assert biased["all orders agree"].value < fair["all orders agree"].value
    assert any("the order of the options changes answers" in note for note in found.notes)


def test_deaf_is_at_chance(held):
    scores, _ = audited(Constant(), held)
    mean = scores["accuracy, mean over wordings"]
    assert mean.value < 3 * mean.baselines["chance"]


def test_orders_hold_the_same_options_and_move_the_right_one():
    orders = sweep.orders(8)
    assert all(sorted(order) == list(range(8)) for order in orders)
    assert sorted(order.index(0) for order in orders) == [0, 4, 7]


def test_paraphrases_say_the_same_in_other_words():
    assert [sweep.said("dog barking", p) for p in sweep.PARAPHRASES] == ["dog barking", "the bark of a dog", "a dog barks"]


def test_a_model_that_can_do_neither_is_refused(held):
    class Nothing:
        name, pipeline_id, rate = "nothing@1", "nothing@1:0", 16_000

    with pytest.raises(ModelError, match="neither compares"):
        audited(Nothing(), held)


def test_spread_and_agreement_by_hand():
    right = np.array([[1.0, 0.0], [1.0, 1.0], [0.0, 0.0], [1.0, 0.0]])
    ids = ("a", "b", "c", "d")
    assert sweep.Spread(right, ids, ids).at(np.ones(4, np.int64)) == 0.5
    assert sweep.Worst(right, ids, ids).at(np.array([0, 2, 1, 1])) == 0.5
    assert sweep._agreement(np.array([[0, 0, 0], [0, 0, 1], [0, 1, 2]])).tolist() == pytest.approx([1.0, 1 / 3, 0.0])
    assert unknown.OPTIONS > sweep.OPTIONS
