"""Event F1 and PSDS against cases worked out by hand, and against the packages that others use."""

import numpy as np
import pytest

from auricle.audio import Audio
from auricle.evaluation import events
from auricle.evaluation.events import Heard, collar, counted, f1_scores, matched, overlap, psds_sample, psds_scores
from auricle.evaluation.scenes import Truth
from auricle.evaluation.score import difference


def span(start, end, label="bell"):
    return (start, end, label)


def truth(*spans, id="s0", group="g0", seconds=10.0, open=()):
    return Truth(id, group, seconds, tuple(sorted(spans)), frozenset(open))


def heard(found=(), values=None, labels=("bell",), edges=None):
    edges = np.arange(11.0) if edges is None else edges
    values = np.zeros((len(edges) - 1, len(labels))) if values is None else np.asarray(values, dtype=np.float64)
    return Heard(
        tuple(labels), np.asarray(edges, dtype=np.float64), values.reshape(-1, len(labels)), None if found is None else tuple(found)
    )


class Named:
    name, pipeline_id = "a@1", "a@1:0"


@pytest.mark.parametrize(
    ("true", "found", "within_200ms", "within_1s", "half"),
    [
        ((1.0, 2.0), (1.2, 2.2), True, True, True),  # on the collar
        ((1.0, 2.0), (1.21, 2.0), False, True, True),
        ((1.0, 2.0), (1.0, 2.21), False, True, True),
        ((0.0, 10.0), (0.0, 8.0), True, True, True),  # a fifth of ten seconds
        ((0.0, 10.0), (0.0, 7.9), False, False, True),
        ((1.0, 2.0), (1.5, 2.0), False, True, True),  # IoU exactly one half
        ((1.0, 2.0), (1.51, 2.0), False, True, False),
        ((1.0, 2.0), (3.0, 4.0), False, False, False),
    ],
)
def test_what_counts_as_right(true, found, within_200ms, within_1s, half):
    assert collar(0.2)(span(*true), span(*found)) is within_200ms
    assert collar(1.0)(span(*true), span(*found)) is within_1s
    assert overlap(0.5)(span(*true), span(*found)) is half


def test_pairs_are_the_most_that_can_be():
    # greedy in time would pair 1.0 with 1.1 and leave 0.95 without a partner within 0.2 s of 1.2
    true, found = [span(1.0, 2.0), span(1.25, 2.2)], [span(0.9, 2.0), span(1.1, 2.1)]
    assert matched(true, found, collar(0.2)) == 2
    assert matched(true, [span(1.1, 2.1)], collar(0.2)) == 1  # an event is used once
    assert matched([], found, collar(0.2)) == 0


def test_f1_by_hand():
    truths = [truth(span(0, 1), span(4, 5), span(2, 3, "dog")), truth(span(7, 8), id="s1", group="g1")]
    said = [heard([span(0.1, 1.0), span(8, 9)]), heard([span(7, 8), span(7, 8, "dog")])]
    sums = counted(truths, said, ["bell", "dog"], collar(0.2))
    once = np.ones(2, np.int64)
    # 2 right, 4 true, 4 found; bell: 2 right of 3 true and 3 found; dog: none of 1 and 1
    assert sums.micro().at(once) == pytest.approx(4 / 8)
    assert sums.at(once) == pytest.approx((4 / 6 + 0) / 2)
    assert sums.micro().at(np.array([0, 1])) == pytest.approx(2 / 3)


def test_what_a_scene_leaves_open_is_neither_right_nor_wrong():
    said = [heard([span(0, 1), span(0, 1, "dog")], [[0.9, 0.9]] * 10, ("bell", "dog"))]
    sums = counted([truth(span(0, 1), open=["dog"])], said, ["bell", "dog"], collar(0.2))
    assert sums.micro().at(np.ones(1, np.int64)) == 1.0


def random_scenes(n=12, seed=0, labels=("bell", "dog", "rain")):
    """Scenes of 8 s whose curves are right more often than not, and events read off them; times on a grid of 0.25 s."""
    rng = np.random.default_rng(seed)
    truths, said = [], []
    edges = np.arange(0, 8.01, 0.25)
    for number in range(n):
        spans, values = [], rng.random((32, len(labels))) * 0.62
        for at, label in enumerate(labels):
            for first in rng.choice(np.arange(0, 28, 7), rng.integers(0, 4), replace=False):
                last = first + rng.integers(1, 6)
                spans.append((edges[first], edges[last], label))
                values[max(0, first + rng.integers(-1, 2)) : last, at] += 0.6
        on = [
            (edges[a], edges[b], label)
            for at, label in enumerate(labels)
            for a, b in zip(*(np.flatnonzero(np.diff(np.concatenate([[0], values[:, at] > 0.6, [0]])) == s) for s in (1, -1)), strict=True)
        ]
        truths.append(truth(*spans, id=f"s{number:02d}", group=f"g{number // 3}", seconds=8.0))
        said.append(heard(on, values, labels, edges))
    return truths, said, list(labels)


def test_event_f1_is_that_of_sed_eval():
    sed_eval = pytest.importorskip("sed_eval")
    truths, said, labels = random_scenes()
    metrics = sed_eval.sound_event.EventBasedMetrics(labels, t_collar=0.2, percentage_of_length=0.2, event_matching_type="optimal")
    for t, s in zip(truths, said, strict=True):
        reference, estimated = (
            [{"filename": t.id, "event_onset": a, "event_offset": b, "event_label": x} for a, b, x in some] for some in (t.events, s.events)
        )
        metrics.evaluate(reference, estimated)
    found = counted(truths, said, labels, collar(0.2))
    expected = metrics.results_overall_metrics()["f_measure"]["f_measure"]
    assert found.micro().at(np.ones(len(truths), np.int64)) == pytest.approx(expected)
    assert 0.05 < expected < 0.95


def test_psds_by_hand():
    # One scene of an hour, one event. Its detection has score .9; a false alarm of the same label .8; a second one .95.
    edges = np.array([0.0, 10, 20, 30, 40, 3600])
    only = truth(span(0, 10), seconds=3600.0)

    def psds(*values):
        return psds_sample([only], [heard((), values, edges=edges)], ["bell"], 0.7).at(np.ones(1, np.int64))

    assert psds(0.9, 0, 0.8, 0, 0) == pytest.approx(1.0)  # found before any false alarm
    assert psds(0.9, 0, 0.95, 0, 0) == pytest.approx(0.99)  # after the first of the 100 an hour that are looked at
    assert psds(0.0, 0, 0.9, 0, 0) == 0.0  # only as part of one detection of the whole hour
    # a detection of 20 s for an event of 10: half of it is wrong
    assert psds(0.9, 0.9, 0, 0, 0) == 0.0
    loose = psds_sample([only], [heard((), [0.9, 0.9, 0, 0, 0], edges=edges)], ["bell"], 0.1)
    assert loose.at(np.ones(1, np.int64)) == pytest.approx(1.0)


def test_psds_is_that_of_sed_scores_eval_drawn_as_often_as_it_may_be():
    pytest.importorskip("sed_scores_eval")
    import pandas as pd
    from sed_scores_eval.intersection_based import psds

    class Table(pd.DataFrame):  # pandas 3 gives arrays that the package cannot write to
        _constructor = property(lambda self: Table)

        def to_numpy(self, *args, **kwargs):
            return np.array(super().to_numpy(*args, **kwargs))

    truths, said, labels = random_scenes(seed=3)
    counts = np.array([1, 0, 2, 1, 3, 0, 1, 1, 0, 2, 1, 1])
    for share in (0.7, 0.1):
        scores, ground, seconds = {}, {}, {}
        for t, s, n in zip(truths, said, counts, strict=True):
            for copy in range(n):
                key = f"{t.id}-{copy}"
                times = np.stack([s.edges[:-1], s.edges[1:]], axis=1)
                scores[key] = Table(np.concatenate([times, s.values], axis=1), columns=["onset", "offset", *labels])
                ground[key], seconds[key] = list(t.events), t.seconds
        expected = psds(scores, ground, seconds, dtc_threshold=share, gtc_threshold=share, max_efpr=100.0)[0]
        assert psds_sample(truths, said, labels, share).at(counts) == pytest.approx(expected, abs=1e-9)
        assert expected > 0.02


def test_scores_are_paired_over_groups():
    truths, said, labels = random_scenes()
    worse = [heard((), 1 - s.values, labels, s.edges) for s in said]
    for make in (f1_scores, psds_scores):
        for good, bad in zip(make("d", truths, said, labels, Named()), make("d", truths, worse, labels, Named()), strict=True):
            assert (good.n, good.clusters) == (12, 4)
            assert good.low <= good.value <= good.high
            assert difference(good, bad).value == pytest.approx(good.value - bad.value)
            assert difference(good, bad).value > 0


class Loud:
    """Hears windows of a second; loud ones point along the first axis, where every text is. It has no calibration."""

    name, pipeline_id, rate, dim, calibration = "loud@1", "loud@1:0", 8000, 16, None

    @property
    def windowing(self):
        from auricle.models.capabilities import Windowing

        return Windowing(1.0, 0.5)

    def embed_audio(self, windows):
        loud = np.array([float(np.abs(w.samples).mean()) > 0.05 for w in windows])
        return np.where(loud[:, None], np.eye(16)[0], np.eye(16)[1]).astype(np.float32)

    def embed_text(self, texts):
        return np.repeat(np.eye(16, dtype=np.float32)[:1], len(texts), axis=0)


def test_a_model_without_calibration_has_psds_and_no_f1():
    samples = np.zeros(80_000, np.float32)
    samples[24_000:48_000] = 0.5
    reader, calibrated = events.reader_for(["bell"], Loud())
    found = events.listen(Audio(samples[None], 8000, "x"), reader, Loud(), calibrated=calibrated)
    assert found.events is None
    truths = [truth(span(3.0, 6.0))]
    assert psds_sample(truths, [found], ["bell"], 0.7).at(np.ones(1, np.int64)) == 1.0
    with pytest.raises(Exception, match="not calibrated"):
        list(f1_scores("d", truths, [found], ["bell"], Loud()))
