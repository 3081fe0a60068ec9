import numpy as np
import pytest
from toy_ears import Constant, OneSound, Toy, sounds, uncalibrated

from auricle.evaluation.probes import mixing, overlap


@pytest.fixture(scope="module")
def held(tmp_path_factory):
    return sounds(tmp_path_factory.mktemp("toy"), per_label=6)


@pytest.fixture(scope="module")
def scenes(held):
    return overlap.compose(held, 0, groups=6, per_group=4)


def audited(model, held, scenes):
    labels = sorted({item.labels[0] for item in held.items})
    vectors = [[mixing.heard(model, sound) for sound in scene.sounds] for scene in scenes]
    found = overlap.audit(model, held, scenes, labels, vectors)
    return {score.metric: score for score in found.scores}, found


def test_scenes_are_nested_and_groups_share_no_source(held, scenes):
    assert len(scenes) == 24
    of_source = {}
    for scene in scenes:
        for item in scene.items:
            assert of_source.setdefault(item.clip, scene.group) == scene.group
        assert len(set(scene.labels)) == 4
        power = [float(np.mean(s**2)) for s in scene.sounds]
        assert power == sorted(power)
        assert all(np.abs(s).max() <= 1.0 for s in scene.sounds)
    again = overlap.compose(held, 0, groups=6, per_group=4)
    assert [s.labels for s in again] == [s.labels for s in scenes]
    assert np.array_equal(again[3].sounds[2], scenes[3].sounds[2])
    assert [s.labels for s in overlap.compose(held, 1, groups=6, per_group=4)] != [s.labels for s in scenes]


def test_who_hears_all_tones_loses_nothing(held, scenes):
    for model in (Toy(), uncalibrated(Toy())):
        scores, found = audited(model, held, scenes)
        assert scores["recall, 1 event"].value == scores["recall, 4 at once"].value == 1.0
        assert scores["the same event lost when 3 others join"].value == 0.0
        assert found.curves[0].x == (1.0, 2.0, 3.0, 4.0)
        assert scores["recall, 4 at once"].clusters == 6
        assert any("synthetic" in note for note in found.notes)


def test_who_hears_one_sound_only_is_caught(held, scenes):
    scores, found = audited(OneSound(), held, scenes)
    assert scores["recall, 1 event"].value == 1.0
    assert scores["recall, 4 at once"].value <= 0.3
    assert scores["the same event lost when 3 others join"].low > 0.2
    assert list(found.curves[0].y) == sorted(found.curves[0].y, reverse=True)


def test_deaf_is_at_chance(held, scenes):
    scores, _ = audited(Constant(), held, scenes)
    for k, name in enumerate(("1 event", "2 at once", "3 at once", "4 at once"), 1):
        score = scores[f"recall, {name}"]
        assert score.value <= score.baselines["chance"] + 0.01
        assert score.value == score.baselines["deaf"]
        assert score.how.details["events"] == k


def test_ranks_of_ties_and_of_labels_left_aside():
    values = np.array([0.9, 0.5, 0.5, 0.1])
    assert [mixing.ranked(values, i) for i in range(4)] == [1.0, 2.5, 2.5, 4.0]
    assert mixing.ranked(values, 2, among=[2, 3]) == 1.0
