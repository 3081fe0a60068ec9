"""Scenes of held-out clips, and whether a model hears what a caption says: models that hear all, nothing, and only words."""

import sys
from pathlib import Path

import numpy as np
import pytest

from auricle.evaluation import counterfactual
from auricle.evaluation.counterfactual import Pair, choices, pairs_of, scores
from auricle.evaluation.heldout import HeldOut
from auricle.evaluation.scenes import held_out_scenes, union

sys.path.insert(0, str(Path(__file__).parents[1] / "data"))
import world_clips


class Made(HeldOut):
    """Held-out clips that are made, not read."""

    def open(self, item, rate=None):
        return world_clips.hear(item, rate)


@pytest.fixture(scope="module")
def worlds():
    held = Made("made clips", tuple(world_clips.items(splits=("test",), takes=8)), Path("nowhere"))
    return held_out_scenes(held, groups=6, per_group=6)


@pytest.fixture(scope="module")
def composed(worlds):
    return list(worlds)


def test_groups_share_no_source_clip(worlds, composed):
    assert len(composed) == len(worlds) == 36
    clips = {}
    for held in composed:
        clips.setdefault(held.group, set()).update(e.clip for e in held.scene.events)
    assert len(clips) == 6
    groups = list(clips.values())
    assert sum(map(len, groups)) == len(set().union(*groups))
    assert all(held.scene.facts.split == "test" for held in composed)


def test_scenes_are_the_same_again(composed):
    held = Made("made clips", tuple(world_clips.items(splits=("test",), takes=8)), Path("nowhere"))
    again = next(iter(held_out_scenes(held, groups=6, per_group=6)))
    assert again.id == composed[0].id
    assert np.array_equal(again.scene.audio.samples, composed[0].scene.audio.samples)
    assert again.scene.captions == composed[0].scene.captions


def test_truth_is_what_sounds(worlds, composed):
    for held in composed:
        truth = held.truth(worlds.labels)
        assert {x for _, _, x in truth.events} >= {e.label for e in held.scene.events}
        assert all(0 <= a < b <= truth.seconds + 1e-6 for a, b, _ in truth.events)
        assert truth.open.isdisjoint(x for _, _, x in truth.events)
        assert held.truth(["no such label"]).events == ()
    assert union([(0, 1), (3, 4), (1, 2)]) == [(0, 2), (3, 4)]


class Reader:
    """Texts lie on a circle by what ``know`` says of them: 1 true, −1 false, 0 unknown; sounds point to the true."""

    name, pipeline_id, dim = "reader@1", "reader@1:0", 2

    def __init__(self, know):
        self.know = know

    def embed_text(self, texts):
        angles = np.array([self.know(text) for text in texts]) * 0.5
        return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def fake(n=240, groups=24):
    """Pairs whose captions tell nothing by themselves: what is true of one scene is false of another."""
    pairs, vectors = [], {}
    for i in range(n):
        scene = f"s{i:03d}"
        up = bool(i % 2)
        pairs.append(Pair(scene, f"g{i % groups}", ("order", "distance")[i // 2 % 2], "up" if up else "down", "down" if up else "up"))
        angle = 0.5 if up else -0.5
        vectors[scene] = np.array([np.cos(angle), np.sin(angle)], dtype=np.float32)
    return pairs, vectors


def test_a_model_that_hears_is_right_and_its_control_at_chance():
    pairs, vectors = fake()
    found = {s.metric: s for s in scores("d", pairs, vectors, Reader(lambda t: {"up": 1, "down": -1}[t]))}
    assert set(found) == {f"counterfactuals, {x}" for x in ("order", "attributes", "all", "kind order", "kind distance")}
    for score in found.values():
        assert score.value == 1.0
        assert score.baselines == {"chance": 0.5, "deaf": 0.5}
        assert not any("not at chance" in note for note in score.notes)
    assert found["counterfactuals, all"].n == 240
    assert found["counterfactuals, all"].clusters == 24


def test_a_blind_model_is_at_chance():
    pairs, vectors = fake()
    for vector in vectors.values():
        vector[:] = (1.0, 0.0)
    right, deaf = choices(pairs, vectors, Reader(lambda t: {"up": 1, "down": -1}[t]))
    assert right.mean() == deaf.mean() == 0.5
    right, _ = choices(pairs, vectors, Reader(lambda _: 0))
    assert set(right) == {0.5}  # a tie is half a point


def test_captions_that_give_themselves_away_are_told():
    pairs, vectors = fake()
    leaky = [Pair(p.scene, p.group, p.kind, f"{p.true} yes", f"{p.false} no") for p in pairs]
    model = Reader(lambda t: 0.0 if t.endswith("yes") else 1.0)  # hears nothing, has read that "yes" is true
    for vector in vectors.values():
        vector[:] = (1.0, 0.0)
    score = next(s for s in scores("d", leaky, vectors, model) if s.metric == "counterfactuals, all")
    assert score.value == 1.0
    assert score.baselines["deaf"] == 1.0
    assert any("not at chance" in note for note in score.notes)
    assert "audio gain +0.000" in score.notes[0]


def test_pairs_are_of_fair_kinds_and_not_to_be_told_by_their_length(composed):
    pairs = [p for held in composed for p in pairs_of(held)]
    assert {p.kind for p in pairs} <= counterfactual.FAIR
    assert len(pairs) > 80
    longer = np.mean([(len(p.true) > len(p.false)) + (len(p.true) == len(p.false)) / 2 for p in pairs])
    assert 0.4 < longer < 0.6


def test_questions_are_asked_of_every_scene():
    held = Made("made clips", tuple(world_clips.items(splits=("test",), takes=8)), Path("nowhere"))
    worlds = held_out_scenes(held, groups=4, per_group=3, questions=16)
    asked = list(worlds.asked())
    assert [one.id for one in asked] == [f"group {g:02d}/{n:03d}" for g in range(4) for n in range(3)]
    assert len({q.kind for one in asked for q in one.questions}) >= 6
    assert all(q.answer in q.options for one in asked for q in one.questions if q.options)
    assert [one.questions for one in worlds.asked()] == [one.questions for one in asked]
