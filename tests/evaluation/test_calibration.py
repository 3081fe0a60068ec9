import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auricle.evaluation.calibration import adaptive_ece, brier, reliability


def test_hand_computed():
    assert brier([0.5, 1.0, 0.0], [True, True, True]) == pytest.approx((0.25 + 0 + 1) / 3)
    # Two bins of two: said .15 true 0, said .85 true .5.
    assert adaptive_ece([0.1, 0.2, 0.8, 0.9], [False, False, True, False], bins=2) == pytest.approx((0.15 + 0.35) / 2)
    assert [b.n for b in reliability([0.1, 0.2, 0.8], [False, True, True], bins=2)] == [2, 1]


def test_truthful_forecasts_have_little_error_and_boasting_much():
    rng = np.random.default_rng(0)
    p = rng.uniform(size=20000)
    y = rng.uniform(size=20000) < p
    assert adaptive_ece(p, y) < 0.02
    assert adaptive_ece(np.where(p > 0.5, 0.99, 0.01), y) > 0.2


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60), st.integers(1, 20))
@settings(max_examples=60, deadline=None)
def test_bounds_and_mass(items, bins):
    p, y = zip(*items, strict=True)
    assert 0 <= adaptive_ece(p, y, bins) <= 1 + 1e-9
    assert 0 <= brier(p, y) <= 1
    assert sum(b.n for b in reliability(p, y, bins)) == len(items)


def test_nonsense_is_refused():
    with pytest.raises(ValueError, match="as many"):
        brier([0.1], [True, False])
    with pytest.raises(ValueError, match="0…1"):
        brier([1.2], [True])
