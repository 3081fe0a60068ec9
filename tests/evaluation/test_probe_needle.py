import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from toy_ears import Constant, Toy, sounds, uncalibrated

from auricle.evaluation.probes import mixing, needle


@pytest.fixture(scope="module")
def held(tmp_path_factory):
    return sounds(tmp_path_factory.mktemp("toy"))


@pytest.fixture(scope="module")
def hay(held):
    return needle.compose(held, 0, seconds=150.0, needles=10)


def audited(model, hay):
    found = needle.audit(model, hay, *needle.listened(model, hay))
    return {score.metric: score for score in found.scores}, found


def test_needles_are_spread_and_strange_to_the_background(hay):
    assert len(hay.needles) == 10
    assert {bed.labels[0] for bed in hay.beds} <= {"rain falling", "factory machinery", "crickets"}
    for number, one in enumerate(hay.needles):
        assert number * 15 <= one.start < one.end <= (number + 1) * 15 + 0.001
        assert all(mixing.absent(one.label, bed) for bed in hay.beds)
    assert len({one.label for one in hay.needles}) == 10
    assert {one.over for one in hay.needles} == set(needle.OVER)


def test_blocks_follow_each_other_and_carry_the_needles(hay):
    blocks = list(hay.blocks())
    assert [block.offset for block in blocks] == [10.0 * n for n in range(15)]
    whole = np.concatenate([block.samples[0] for block in blocks])
    without = np.concatenate([block.samples[0] for block in replace(hay, needles=()).blocks()])
    changed = np.flatnonzero(np.abs(whole - without) > 1e-5) / mixing.RATE
    inside = np.zeros(len(changed), bool)
    for one in hay.needles:
        own = (changed >= one.start - 0.01) & (changed <= one.end + 0.01)
        assert own.sum() > 0.8 * (one.end - one.start) * mixing.RATE * 0.9
        inside |= own
    assert inside.all()


def test_memory_does_not_grow_with_the_hour(hay):
    def peak(seconds):
        tracemalloc.start()
        for _ in replace(hay, seconds=seconds).blocks():
            pass
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(60.0)
    assert peak(600.0) < 1.3 * peak(120.0)


def test_who_hears_tones_finds_the_moment(hay):
    scores, found = audited(Toy(), hay)
    assert scores["right moment first (hit@1)"].value >= 0.9
    assert scores["needle detected"].value >= 0.7
    assert scores["false alarms per hour and label"].value == 0
    assert scores["right moment first (hit@1)"].baselines["chance"] < 0.05
    assert found.curves[0].x == needle.OVER
    assert any("synthetic" in note for note in found.notes)


def test_without_calibration_moments_are_ranked_and_nothing_is_detected(hay):
    scores, found = audited(uncalibrated(Toy()), hay)
    assert scores["right moment first (hit@1)"].value >= 0.9
    assert "needle detected" not in scores
    assert any("not calibrated" in note for note in found.notes)


def test_deaf_finds_nothing(hay):
    scores, _ = audited(Constant(), hay)
    assert scores["right moment first (hit@1)"].value == 0.0
    assert scores["needle detected"].value == 0.0
    assert scores["reciprocal rank of the right moment"].value < 0.1


def test_who_cries_all_the_time_detects_nothing():
    item = needle.Needle(None, 100.0, 102.0, 0.0)
    found, false = needle._detected([(0.0, 300.0, 0), (99.0, 103.0, 1), (10.0, 12.0, 1), (50.0, 51.0, 1)], [item, item])
    assert found.tolist() == [0.0, 1.0]
    assert false.tolist() == [0.0, 2.0]


def test_rank_counts_moments_not_stretches():
    edges = np.arange(0.0, 101.0)
    values = np.zeros(100)
    one = needle.Needle(None, 50.0, 52.0, 0.0)
    values[51] = 0.5
    values[10:13] = 0.9  # one moment
    values[80] = 0.8
    assert needle.rank(edges, values, one) == 3.0
    values[51] = 1.0
    assert needle.rank(edges, values, one) == 1.0


def test_without_backgrounds_there_is_noise(held):
    items = [item for item in held.items if (item.duration or 0) < 5]
    hay = needle.compose(held.only("no beds", items), 0, seconds=60.0, needles=4)
    assert hay.beds == ()
    block = next(iter(replace(hay, needles=()).blocks()))
    assert 0.001 < np.sqrt(np.mean(block.samples**2)) < 0.1
    assert "soft noise" in audited(Toy(), hay)[1].notes[0]
