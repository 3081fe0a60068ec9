import numpy as np
import pytest

from auricle.evaluation.statistics import bootstrap, draws, paired, permutation_test, resampled, resampled_difference


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


def test_clustered_bootstrap_is_the_closed_form():
    # Clusters of 4 equal values: the mean of 300 clusters has the standard error s / sqrt(300), whatever is drawn within.
    rng = np.random.default_rng(5)
    values = rng.normal(0, 1, 300)
    names = [str(i // 4) for i in range(1200)]
    half_width = 1.96 * values.std() / np.sqrt(300)
    for found in (
        bootstrap(np.repeat(values, 4), clusters=names, rounds=4000),
        resampled(lambda c: float((c * np.repeat(values, 4)).sum() / c.sum()), names, rounds=4000),
    ):
        assert found.value == pytest.approx(values.mean())
        assert found.high - found.value == pytest.approx(half_width, rel=0.08)
        assert found.value - found.low == pytest.approx(half_width, rel=0.08)


def test_draws_take_whole_clusters_and_are_the_same_again():
    names = ["a", "a", "b", "c", "c", "c"]
    found = draws(names, rounds=200)
    assert (found[:, 0] == found[:, 1]).all()
    assert (found[:, 3] == found[:, 5]).all()
    assert ((found[:, 0] + found[:, 2] + found[:, 3]) == 3).all()
    assert (found == draws(names, rounds=200)).all()


def test_a_paired_difference_is_surer_than_two_intervals():
    rng = np.random.default_rng(6)
    hard = rng.normal(0, 1, 200)
    a, b = hard + 0.1 + 0.05 * rng.standard_normal(200), hard + 0.05 * rng.standard_normal(200)
    names = [str(i // 2) for i in range(200)]
    found = paired(a, b, clusters=names)
    assert found.low > 0
    assert found.value == pytest.approx(0.1, abs=0.02)
    assert (found.n, found.clusters) == (200, 100)
    assert found.p is not None
    assert found.p < 0.001
    other = resampled_difference(lambda c: float((c * a).sum() / c.sum()), lambda c: float((c * b).sum() / c.sum()), names)
    assert (other.low, other.high) == pytest.approx((found.low, found.high), abs=0.004)


def test_clusters_flip_together():
    # 20 pairs, one cluster: two sign patterns in all, both as far out as what was seen.
    assert permutation_test(np.ones(20), np.zeros(20), clusters=["one"] * 20)[1] == 1.0
    assert permutation_test(np.ones(20), np.zeros(20))[1] < 0.001


def test_a_statistic_that_is_sometimes_undefined_keeps_its_interval():
    def second(counts):
        return float("nan") if counts[1] == 0 else 1.0

    found = resampled(second, ["a", "b", "c"], rounds=100)
    assert (found.low, found.high, found.n) == (1.0, 1.0, 3)
