import json
from dataclasses import dataclass

import numpy as np
import pytest

from auricle.errors import UsageError
from auricle.evaluation.score import Area, How, Mean, MeanRecall, Ratio, difference, measured

HOW = How("bells, zero-shot", "ten clips", "abc", "accuracy", {"prompts": ["{}"]})


@dataclass
class Named:
    name: str = "a@1"
    pipeline_id: str = "a@1:0"


def mean(values, how=HOW, name="a@1"):
    ids = [str(i) for i in range(len(values))]
    return measured("accuracy", Mean.of(values, ids, ids), how, Named(name))


def test_samples_by_hand():
    ids, one = ("1", "2", "3", "4"), np.ones(4, np.int64)
    assert Mean.of([1, 0, 0, 1], ids, ids).at(np.array([3, 1, 0, 0])) == 0.75
    assert Ratio(np.array([2.0, 0, 0, 2]), np.array([3.0, 1, 1, 2]), ids, ids).at(one) == pytest.approx(4 / 7)
    balanced = MeanRecall(np.array([1.0, 1, 0, 0]), ("a", "a", "a", "b"), ids, ids)
    assert balanced.at(one) == pytest.approx((2 / 3 + 0) / 2)
    assert balanced.at(np.array([1, 0, 1, 0])) == 0.5  # no b was drawn
    area = Area(np.array([0.9, 0.4, 0.4, 0.1]), (True, True, False, False), ids, ids)
    assert area.at(one) == pytest.approx((1 + 1 + 0.5 + 1) / 4)  # pairs won, a tie counts half
    assert np.isnan(area.at(np.array([1, 1, 0, 0])))


def test_area_as_scikit_learn():
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(0)
    scores, truth, counts = rng.integers(0, 9, 80) / 9, rng.random(80) < 0.4, rng.integers(0, 4, 80)
    ids = tuple(map(str, range(80)))
    assert Area(scores, tuple(truth), ids, ids).at(counts) == pytest.approx(roc_auc_score(truth, scores, sample_weight=counts))


def test_a_score_carries_what_it_is():
    document = mean([1, 0, 1, 1]).document()
    assert (document["value"], document["n"], document["sources"], document["protocol_hash"]) == (0.75, 4, 4, HOW.hash)
    assert "only 4 sources" in document["notes"][0]
    assert json.loads(json.dumps(document)) == document
    row = mean([1, 0, 1, 1]).result("measure")
    assert (row.value, row.n, row.command) == (0.75, 4, "measure")
    assert HOW.hash in row.protocol


def test_the_protocol_is_hashed_and_the_model_is_not():
    other = How("bells, zero-shot", "ten clips", "abc", "accuracy", {"prompts": ["the sound of {}"]})
    assert other.hash != HOW.hash
    assert mean([1, 0]).how.hash == mean([0, 1], name="b@2").how.hash
    with pytest.raises(UsageError, match="measured differently: prompts"):
        difference(mean([1, 0]), mean([0, 1], other))
    assert difference(mean([1, 0]), mean([0, 1], other), anyway=True).value == 0
    with pytest.raises(UsageError, match="not of the same items"):
        difference(mean([1, 0]), mean([0, 1, 1]))


def test_differences_are_paired():
    found = difference(mean([1] * 30), mean([1] * 15 + [0] * 15))
    assert found.value == 0.5
    assert found.low > 0.3
    assert found.p is not None
    ids = tuple(map(str, range(40)))
    sums = [measured("F1", Ratio(np.full(40, x), np.full(40, 4.0), ids, ids), HOW, Named()) for x in (2.0, 1.0)]
    assert difference(*sums).value == pytest.approx(0.25)
    assert difference(*sums).low == pytest.approx(0.25)
