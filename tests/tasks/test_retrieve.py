"""Queries as people write them; merging and diversity on hand-made cases; properties over random windows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auricle.tasks import retrieve as r

CASES = [
    ("rain on a tin roof, no voices", "rain on a tin roof", ["voices"]),
    ("rain but no thunder", "rain", ["thunder"]),
    ("crowd without music", "crowd", ["music"]),
    ("crowd without any music or singing", "crowd", ["music", "singing"]),
    ("footsteps, not on wood", "footsteps", ["footsteps on wood"]),
    ("birds without wind but with a stream", "birds but with a stream", ["wind"]),
    ("no voices, rain", "rain", ["voices"]),
    ("no voices", "", ["voices"]),
    ("not a dog", "", ["dog"]),
    ("engine idling with no horns and no voices", "engine idling", ["horns", "voices"]),
    ("a dog barking and there is no rain", "a dog barking", ["rain"]),
    ("piano concerto no. 5", "piano concerto no. 5", []),
    ("symphony no 9", "symphony no 9", []),
    ("notice the knocking", "notice the knocking", []),
    ("not only rain", "not only rain", []),
    ('"no more words" spoken', "no more words spoken", []),
    ("wind except for traffic", "wind", ["traffic"]),
    ("", "", []),
    ("thunder (no rain)", "thunder", ["rain"]),
    ("campfire with nobody talking", "campfire", ["talking"]),
    ("vehicle that is not a train", "vehicle", ["train"]),
    ("drum loop, nothing slow", "drum loop", ["slow"]),
]


@pytest.mark.parametrize(("query", "wanted", "unwanted"), CASES)
def test_understand(query, wanted, unwanted):
    got = r.understand(query)
    assert (got.wanted, list(got.unwanted)) == (wanted, unwanted)


def test_unwanted_by_option_joins_those_in_the_query():
    assert r.understand("rain, no voices", ["music", " voices "]).unwanted == ("voices", "music")


@given(st.text(max_size=60))
@settings(max_examples=200, deadline=None)
def test_understand_takes_any_text(text):
    got = r.understand(text)
    assert all(p.strip() for p in got.unwanted)
    assert "\x00" not in got.wanted or "\x00" in text


def test_certainty_is_half_at_surprise_and_keeps_order():
    weights = r.Weights(surprise=2.0)
    values = r.certainty(np.array([-3, 0, 2, 5, 9], np.float32), weights)
    assert values[2] == pytest.approx(0.5)
    assert np.all(np.diff(values) > 0)


def test_unwanted_pulls_down_only_where_it_is_the_better_name():
    wanted = np.array([3.0, 3.0, 3.0], np.float32)
    got = r.against(wanted, np.array([[6.0, -2.0, 3.5]], np.float32), r.Weights(unwanted=1.0))
    assert got.tolist() == [1.0, 3.0, 3.0]
    assert r.against(wanted, np.empty((0, 3), np.float32), r.Weights()).tolist() == [3.0, 3.0, 3.0]


def test_a_compound_wants_all_its_pieces():
    assert r.parts("rain with thunder and a dog") == ["rain", "thunder", "dog"]
    assert r.parts("a dog barking") == []
    one_loud, both = r.together(np.array([2.0, 2.0], np.float32), np.array([[9.0, 3.0], [0.0, 3.0]], np.float32))
    assert both > one_loud


def arrays(rows):
    contents, starts, ends, scores = zip(*rows, strict=True)
    return np.array(contents, np.int64), np.array(starts, np.float32), np.array(ends, np.float32), np.array(scores, np.float32)


def test_merge_joins_neighbours_near_the_peak():
    moments = r.merge(*arrays([(1, 0, 5, 0.2), (1, 2.5, 7.5, 0.9), (1, 5, 10, 0.8), (1, 20, 25, 0.85), (2, 0, 5, 0.5)]), reach=0.3)
    assert [(m.content, m.start, m.end) for m in moments] == [(1, 2.5, 10.0), (1, 20.0, 25.0), (2, 0.0, 5.0), (1, 0.0, 5.0)]
    assert moments[0].score == pytest.approx(0.9)


def test_separate_drops_what_a_better_moment_already_shows():
    moments = r.separate(r.merge(*arrays([(1, 0, 5, 0.9), (1, 2, 7, 0.3), (1, 4, 9, 0.2)]), reach=0.1))
    assert [(m.start, m.end) for m in moments] == [(0.0, 5.0), (4.0, 9.0)]


def test_diversify_lets_other_recordings_in_but_keeps_all_when_alone():
    many = [r.Moment(1, i * 10, i * 10 + 5, 0.9 - i / 100, i) for i in range(5)]
    other = r.Moment(2, 0, 5, 0.7, 9)
    ranked = sorted([*many, other], key=lambda m: -m.score)
    assert [m.content for m in r.diversify(ranked, 3, repeat=0.15)] == [1, 1, 2]
    assert len(r.diversify(many, 10, repeat=0.15)) == 5


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 20), st.floats(0, 1, width=32)), min_size=1, max_size=40))
@settings(max_examples=100, deadline=None)
def test_merge_covers_every_window_once(rows):
    contents, starts, ends, scores = arrays([(c, s * 2.5, s * 2.5 + 5, v) for c, s, v in rows])
    moments = r.merge(contents, starts, ends, scores, reach=0.2)
    assert max(m.score for m in moments) == pytest.approx(float(scores.max()))
    for c, s, e in zip(contents, starts, ends, strict=True):
        assert any(m.content == c and m.start <= s and m.end >= e for m in moments)
    assert [m.score for m in moments] == sorted((m.score for m in moments), reverse=True)


def test_fuse_weighs_by_name():
    parts = {"sound": np.array([0.5, 0.1], np.float32), "words": np.array([0.0, 1.0], np.float32)}
    assert r.fuse(parts, r.Weights(sound=1.0, words=0.5)).tolist() == pytest.approx([0.5, 0.6])
    with pytest.raises(ValueError, match="no evidence"):
        r.fuse({}, r.Weights())


def test_what_sounds_like_a_clip_turned_down_falls():
    evidence = np.array([3.0, 3.0, 2.0], np.float32)
    clips = np.array([[4.0, 0.0, 0.5], [0.0, 0.0, 0.9]], np.float32)
    assert r.apart(evidence, clips, r.Weights()).tolist() == [0.0, 3.0, 2.0]
    assert r.apart(evidence, np.zeros((0, 3), np.float32), r.Weights()) is evidence
