import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auricle.evaluation import metrics
from auricle.evaluation.metrics import covers, dcg, hit_at, ndcg, recall_at

grades = st.lists(st.integers(0, 2), min_size=1, max_size=30)


def test_dcg_by_hand():
    # gains 7, 0, 1 at ranks 1, 2, 3: 7/log2(2) + 0 + 1/log2(4)
    assert dcg([2, 0, 1], 10) == pytest.approx(7.5)
    assert dcg([2, 0, 1], 1) == pytest.approx(7.0)
    assert dcg([], 10) == 0


def test_ndcg_by_hand():
    # ideal order 2, 1: 7 + 1/log2(3); returned 1, 2: 1 + 7/log2(3)
    expected = (1 + 7 / math.log2(3)) / (7 + 1 / math.log2(3))
    assert ndcg([1, 2], [2, 1, 0]) == pytest.approx(expected)


def test_ndcg_misses_what_was_not_returned():
    assert ndcg([2], [2, 2]) == pytest.approx(7 / (7 + 7 / math.log2(3)))
    assert ndcg([0, 0, 0], [2]) == 0
    assert math.isnan(ndcg([0], [0, 0]))


def test_half_the_answer_is_not_most_of_the_worth():
    half_right_only = ndcg([1] * 10, [2, 2] + [1] * 50)
    assert half_right_only < 0.4


@given(grades)
@settings(max_examples=60, deadline=None)
def test_the_best_order_scores_one_and_no_order_more(found):
    best = sorted(found, reverse=True)
    if not any(found):
        assert math.isnan(ndcg(found, found))
        return
    assert ndcg(best, found) == pytest.approx(1.0)
    assert 0 <= ndcg(found, found) <= 1 + 1e-12


@given(grades, st.integers(0, 28))
@settings(max_examples=60, deadline=None)
def test_moving_the_better_up_never_hurts(found, at):
    if at + 1 >= len(found) or not any(found):
        return
    swapped = list(found)
    swapped[at], swapped[at + 1] = max(found[at : at + 2]), min(found[at : at + 2])
    assert ndcg(swapped, found) >= ndcg(found, found) - 1e-12


@given(st.lists(st.integers(0, 2), min_size=2, max_size=25))
@settings(max_examples=40, deadline=None)
def test_as_scikit_learn(found):
    from sklearn.metrics import ndcg_score

    if not any(found):
        return
    scores = -np.arange(len(found), dtype=float)[None, :]
    assert ndcg(found, found) == pytest.approx(ndcg_score(metrics.GAINS[found][None, :], scores, k=10))


def test_hit_and_recall():
    ranked = [1, 0, 2, 2, 0]
    assert hit_at(ranked, 1) == 0
    assert hit_at(ranked, 3) == 1
    assert hit_at(ranked, 1, grade=1) == 1
    assert recall_at(ranked, relevant=4, k=50) == 0.5
    assert recall_at(ranked, relevant=100, k=4) == 0.5  # only four could fit
    assert math.isnan(recall_at(ranked, relevant=0, k=4))


@pytest.mark.parametrize(
    ("hit", "moment", "right"),
    [
        ((10, 15), (12, 13), True),  # holds it
        ((10, 15), (14.9, 20), False),  # grazes it
        ((10, 15), (12.6, 30), False),  # 2.4 of 5 seconds, and its middle is outside
        ((10, 15), (12.5, 30), True),  # half of the shorter
        ((0, 5), (20, 25), False),
        ((0, 60), (30, 31), False),  # a minute for a second: points at nothing
        ((0, 21), (10, 11), True),  # 20 s longer, just allowed
        ((12, 12), (10, 15), True),  # a point inside
        ((0, 300), (0, 300), True),  # the whole recording is the moment
    ],
)
def test_a_hit_must_point_at_the_moment(hit, moment, right):
    assert covers(hit, moment) is right


def test_many_relevant_as_torchmetrics_has_it():
    golden = json.loads((Path(__file__).parent / "golden/ranking.json").read_text("utf-8"))
    assert len(golden["queries"]) == 6
    for query in golden["queries"]:
        ranked = metrics.relevance_ranked(query["scores"], query["relevant"])
        right = sum(query["relevant"])
        for k, value in query["hit"].items():
            assert hit_at(ranked, int(k), 1) == value
        for k, value in query["recall"].items():
            if int(k) >= right:  # below it, ours is a share of those that could fit
                assert recall_at(ranked, right, int(k), 1) == pytest.approx(value, abs=1e-6)
        assert metrics.average_precision_at(ranked, right, len(ranked)) == pytest.approx(query["ap"], abs=1e-6)


def test_a_tie_finds_nothing():
    assert metrics.relevance_ranked([0.5, 0.5, 0.5], [True, False, False]) == [0, 0, 1]
    assert metrics.relevance_ranked([0.5, 0.9, 0.5], [True, True, False]) == [1, 0, 1]
    assert metrics.average_precision_at([1, 0, 1], 2, 10) == pytest.approx((1 + 2 / 3) / 2)
    assert metrics.average_precision_at([0, 1] + [1] * 20, 21, 2) == pytest.approx(0.25)  # at most two fit
    assert math.isnan(metrics.average_precision_at([0], 0, 10))
