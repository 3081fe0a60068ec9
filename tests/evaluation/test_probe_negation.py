"""What "no" does: a text tower that understands it, one that hears the noun only, and auricle's own search on top of either."""

from __future__ import annotations

import re

import numpy as np
import pytest
from toy_ears import Constant, Toy, sounds

from auricle.evaluation.probes import Sounds, get, mixing, negation


@pytest.fixture(scope="module")
def held(tmp_path_factory):
    return sounds(tmp_path_factory.mktemp("toy"), per_label=3)


class Understands(Toy):
    """Turns a text around where it is negated."""

    def embed_text(self, texts):
        turned = [-1.0 if re.match(r"no |without |there is no ", text) else 1.0 for text in texts]
        return super().embed_text(texts) * np.array(turned, np.float32)[:, None]


def audited(model, held):
    found = get("negation").run(model, Sounds(held), seed=0, told=lambda line: None)
    return {score.metric: score for score in found.scores}, found


def test_pairs_share_no_source_and_have_nothing_in_common(held):
    pairs = negation.compose(held, 0)
    used = [item.cluster for pair in pairs for item in (pair.first, pair.second)]
    assert len(pairs) > 20
    assert len(used) == len(set(used))
    assert all(mixing.apart(pair.first, pair.second) for pair in pairs)
    assert all(len(pair.alone) == len(pair.other) == len(pair.both) for pair in pairs)


def test_a_tower_that_hears_the_noun_only_fails_and_search_does_not(held):
    scores, found = audited(Toy(), held)
    assert scores["words: “no B” nearer to what has no B"].value < 0.1
    assert scores["words: “B” farther from what has no B"].value == 1.0
    assert scores["words: cosine of “B” and “no B”"].value == pytest.approx(1.0, abs=1e-3)
    searched = scores["search: A alone first for “A, no B”"]
    assert searched.value > 0.95
    assert searched.baselines["“A and B”"] < 0.3
    gain = scores["search: what the “no” gains"]
    assert gain.value == pytest.approx(searched.value - searched.baselines["“A” alone"])
    assert found.scores[0] is gain
    assert found.synthetic


def test_a_tower_that_understands_passes(held):
    scores, _ = audited(Understands(), held)
    assert scores["words: “no B” nearer to what has no B"].value == 1.0
    assert scores["words: cosine of “B” and “no B”"].value < -0.9


def test_deaf_is_at_chance(held):
    scores, _ = audited(Constant(), held)
    assert all(score.value == 0.5 for name, score in scores.items() if "cosine" not in name and "gains" not in name)
    assert scores["search: what the “no” gains"].value == 0.0
