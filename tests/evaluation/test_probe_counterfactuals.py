"""Captions that are false in one thing: scenes of toys, a model that knows which sounds there are, and a deaf one."""

from __future__ import annotations

import pytest
from toy_ears import NAMES, Constant, Toy, sounds

from auricle.errors import DataError
from auricle.evaluation.probes import Sounds, counterfactuals, get


@pytest.fixture(scope="module")
def held(tmp_path_factory):
    return sounds(tmp_path_factory.mktemp("toy"), per_label=3, speech=False)


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(counterfactuals, "GROUPS", 3)
    monkeypatch.setattr(counterfactuals, "SCENES", 4)


def audited(model, held):
    found = get("counterfactuals").run(model, Sounds(held), seed=0, told=lambda line: None)
    return {score.metric: score for score in found.scores}, found


class Reader(Toy):
    """Finds in a caption which sounds it is about, however they are put."""

    def embed_text(self, texts):
        return super().embed_text([", ".join(name for name in NAMES if name.split()[0][:5] in text.lower()) for text in texts])


def test_who_hears_which_sounds_there_are_knows_what_was_replaced(held, small):
    scores, found = audited(Reader(), held)
    attributes = scores["counterfactuals, attributes"]
    assert attributes.low > attributes.baselines["deaf"]
    assert scores["counterfactuals, kind replaced"].value > 0.9
    assert attributes.clusters == 3
    assert found.synthetic
    assert found.scores[0].metric == "counterfactuals, order"
    assert "counterfactuals, order, aligned" not in scores  # it has no frames


def test_deaf_gains_nothing(held, small):
    scores, _ = audited(Constant(), held)
    assert all(score.value == score.baselines["deaf"] for score in scores.values())
    assert all(score.low <= 0.5 <= score.high for score in scores.values())
    assert "attributes: audio gain +0.000 (+0.000 to +0.000)" in scores["counterfactuals, attributes"].notes


def test_one_clip_is_too_little(held, small):
    with pytest.raises(DataError, match="too few"):
        get("counterfactuals").run(Toy(), Sounds(held.only("one", held.items[:1])), seed=0, told=lambda line: None)
