import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auricle.evaluation import metrics
from auricle.evaluation.metrics import bootstrap, covers, dcg, hit_at, ndcg, permutation_test, recall_at

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


def test_bootstrap_holds_the_mean_and_narrows_with_n():
    rng = np.random.default_rng(1)
    few = bootstrap(rng.random(20))
    many = bootstrap(rng.random(2000))
    for found in (few, many):
        assert found.low < found.value < found.high
    assert many.high - many.low < (few.high - few.low) / 4


def test_bootstrap_covers_about_95_percent():
    rng = np.random.default_rng(2)
    covered = 0
    for i in range(120):
        found = bootstrap(rng.normal(0.3, 1, 60), rounds=300, seed=i)
        covered += found.low <= 0.3 <= found.high
    assert 0.88 <= covered / 120 <= 0.99


def test_clusters_that_vary_together_widen_the_interval():
    rng = np.random.default_rng(3)
    per_cluster = rng.random(15)
    values = np.repeat(per_cluster, 20)
    names = [f"source {i // 20}" for i in range(300)]
    alone, together = bootstrap(values), bootstrap(values, clusters=names)
    assert together.value == alone.value
    assert together.high - together.low > 3 * (alone.high - alone.low)


def test_strata_keep_their_share():
    values = [0.0] * 50 + [1.0] * 50
    kinds = ["plain"] * 50 + ["music"] * 50
    found = bootstrap(values, strata=kinds)
    assert (found.low, found.value, found.high) == (0.5, 0.5, 0.5)
    assert bootstrap(values).low < 0.5


def test_bootstrap_leaves_out_what_does_not_apply():
    found = bootstrap([1.0, float("nan"), 0.0])
    assert found.n == 2
    assert found.value == 0.5
    with pytest.raises(ValueError, match="no value"):
        bootstrap([float("nan")])


def test_permutation_test():
    rng = np.random.default_rng(4)
    a = rng.random(80)
    difference, p = permutation_test(a + 0.1 + 0.05 * rng.standard_normal(80), a)
    assert difference == pytest.approx(0.1, abs=0.02)
    assert p < 0.001
    _, p_same = permutation_test(a, a + 0.05 * rng.standard_normal(80))
    assert p_same > 0.01
    assert permutation_test(a, a) == (0.0, 1.0)
    with pytest.raises(ValueError, match="paired"):
        permutation_test([1.0], [1.0, 2.0])


def test_permutation_test_is_exact_for_few_pairs():
    # 4 differences of one sign: 2 of 16 sign patterns are as far out, p = 1/8
    assert permutation_test([1, 1, 1, 1], [0, 0, 0, 0], rounds=40_000)[1] == pytest.approx(0.125, abs=0.01)
