import pytest
from benchmark_corpus import CONCEPTS, event, recording

from auricle.evaluation.judging import Judge, Judged, Moment


def judged(recording_, **conditions) -> Judged:
    return Judge(conditions, CONCEPTS)(recording_)


def spans(found: Judged, grade: int) -> list[tuple[float, float]]:
    return [(m.start, m.end) for m in found.moments if m.grade == grade]


def test_a_clip_that_shows_it():
    assert judged(recording(event("dog-bark")), all=["dog-bark"]).moments == (Moment(0, 4, 2),)
    assert judged(recording(event("rain")), all=["dog-bark"]) == Judged()


def test_a_parent_finds_its_children():
    assert judged(recording(event("dog-bark")), all=["animal"]).grade == 2
    assert judged(recording(event("rain")), all=["animal"]).grade == 0


def test_a_label_above_leaves_open_which_child_it_is():
    assert judged(recording(event("canine")), all=["dog-bark"]).open
    assert not judged(recording(event("canine")), all=["crow-caw"]).open
    assert judged(recording(event("canine")), all=["animal"]).grade == 2


def test_what_may_be_heard_is_open():
    clip = recording(event("rain ?thunder"))
    assert judged(clip, all=["thunder"]).open
    assert judged(clip, all=["rain"], none=["thunder"]).open
    assert judged(clip, all=["rain"]).grade == 2
    assert not judged(recording(event("piano ?thunder")), all=["rain"], none=["thunder"]).open  # nothing of it is asked for


def test_together_means_at_the_same_time():
    scene = recording(event("rain", 0, 30, bed=True), event("thunder", 10, 14), kind="scene")
    found = judged(scene, all=["rain", "thunder"])
    assert spans(found, 2) == [(10, 14)]
    assert spans(found, 1) == [(0, 30)]  # rain alone is half right
    apart = recording(event("rain", 0, 10), event("thunder", 20, 24), kind="scene")
    found = judged(apart, all=["rain", "thunder"])
    assert spans(found, 2) == []
    assert spans(found, 1) == [(0, 10), (20, 24)]


def test_half_right_as_the_query_says():
    scene = recording(event("rain", 0, 10), event("thunder", 20, 24), kind="scene")
    assert spans(judged(scene, all=["rain", "thunder"], part=["thunder"]), 1) == [(20, 24)]
    assert judged(recording(event("wolf-howl")), all=["dog-bark"], part=["canine"]).grade == 1


def test_any():
    assert judged(recording(event("piano")), any=["piano", "drum"]).grade == 2
    both = recording(event("rain", 0, 20), event("snare-drum", 5, 6), kind="scene")
    assert spans(judged(both, all=["rain"], any=["piano", "drum"]), 2) == [(5, 6)]


def test_then_is_in_order_and_soon():
    ordered = recording(event("thunder", 0, 4), event("rain", 6, 20), kind="scene")
    assert spans(judged(ordered, then=["thunder", "rain"]), 2) == [(0, 20)]
    assert spans(judged(ordered, then=["rain", "thunder"]), 2) == []
    late = recording(event("thunder", 0, 4), event("rain", 14.5, 20), kind="scene")
    assert spans(judged(late, then=["thunder", "rain"]), 2) == []
    assert judged(late, then=["thunder", "rain"]).grade == 1


def test_near_is_in_any_order():
    scene = recording(event("crow-caw", 0, 4), event("dog-bark", 6, 8), event("piano", 9, 12), kind="scene")
    assert spans(judged(scene, near=["dog-bark", "crow-caw"]), 2) == [(0, 8)]
    assert spans(judged(scene, near=["piano", "dog-bark", "crow-caw"]), 2) == [(0, 12)]


def test_one_clip_may_show_both():
    assert judged(recording(event("thunder rain")), then=["thunder", "rain"]).grade == 2


def test_without():
    clean = recording(event("rain", 0, 30), event("dog-bark", 3, 5), kind="scene")
    assert spans(judged(clean, all=["rain"], none=["thunder"]), 2) == [(0, 30)]
    stormy = recording(event("rain", 0, 30), event("thunder", 10, 14), kind="scene")
    found = judged(stormy, all=["rain"], none=["thunder"])
    assert found.forbidden
    assert spans(found, 1) == [(0, 10), (14, 30)]  # rain, but not all through without thunder
    assert spans(found, 2) == []
    assert judged(recording(event("thunder rain")), all=["rain"], none=["thunder"]) == Judged(forbidden=True)


def test_without_a_parent_excludes_its_children():
    walk = recording(event("steps-wood"))
    assert judged(walk, all=["human"], none=["footsteps"]).grade == 0
    assert judged(recording(event("male-speech")), all=["human"], none=["footsteps"]).grade == 2


def test_what_is_said():
    prompt = recording(event("male-speech", says="Please re-enter your PASSWORD, now."))
    assert judged(prompt, says="your password").grade == 2
    assert judged(prompt, says="pass").grade == 0  # whole words
    assert judged(prompt, all=["rain"], says="password").grade == 0
    scene = recording(event("rain", 0, 30), event("male-speech", 5, 9, says="the password"), kind="scene")
    assert spans(judged(scene, says="password"), 2) == [(5, 9)]


def test_what_can_be_read():
    named = recording(event("rain"), path="dev/projects/kestrel_session/take_01.wav", tags={"title": "Wet Morning"})
    assert judged(named, name="kestrel_session").moments == (Moment(0, 4, 2),)
    assert judged(named, name="wet morning").grade == 2
    assert judged(named, name="dev").grade == 0  # the half's folder is not part of the name


@pytest.mark.parametrize(
    "conditions", [{"all": ["unicorn"]}, {"every": ["rain"], "all": ["rain"]}, {"none": ["rain"]}, {}, {"part": ["rain"]}]
)
def test_a_judgement_that_makes_no_sense(conditions):
    with pytest.raises(ValueError, match="judgement"):
        Judge(conditions, CONCEPTS)
