import math
from dataclasses import dataclass

import pytest
from benchmark_corpus import CONCEPTS, event, recording

from auricle.evaluation.corpus import Query
from auricle.evaluation.judging import Judge
from auricle.evaluation.ranking import Ranked, score

BARK = recording(event("dog-bark"), id="bark")
HOWL = recording(event("wolf-howl"), id="howl")
RAIN = recording(event("rain"), id="rain")
DOG_OR_NOT = recording(event("rain ?dog-bark"), id="open")
SCENE = recording(event("rain", 0, 60, bed=True), event("dog-bark", 40, 42), id="scene", kind="scene")
EVERY = [BARK, HOWL, RAIN, DOG_OR_NOT, SCENE]


@dataclass
class Asked:
    conditions: dict

    def score(self, *ranked: Ranked):
        query = Query("?", "plain", "dev", self.conditions)
        judge = Judge(self.conditions, CONCEPTS)
        return score(query, ranked, {r.id: judge(r) for r in EVERY}, EVERY)


DOGS = Asked({"all": ["dog-bark"], "part": ["wolf-howl"]})


def whole(r) -> Ranked:
    return Ranked(r, 0.0, r.duration)


def test_perfect():
    found = DOGS.score(whole(BARK), Ranked(SCENE, 38, 43), whole(HOWL), whole(RAIN))
    assert found.relevant == 2
    assert found.values["ndcg@10"] == pytest.approx(1.0)
    assert found.values["hit@1"] == found.values["hit@5"] == found.values["recall@50"] == 1
    assert found.values["moments ndcg@10"] == pytest.approx(1.0)
    assert math.isnan(found.values["forbidden@10"])


def test_the_right_recording_at_the_wrong_moment_is_wrong():
    wrong = DOGS.score(Ranked(SCENE, 0, 5))
    assert wrong.values["ndcg@10"] == wrong.values["hit@5"] == 0
    assert DOGS.score(whole(SCENE)).values["hit@5"] == 0  # a minute is no answer
    later = DOGS.score(Ranked(SCENE, 0, 5), Ranked(SCENE, 39, 44))
    assert later.values["hit@1"] == 0
    assert later.values["hit@5"] == 1


def test_a_recording_counts_once_and_flooding_costs_places():
    flooded = DOGS.score(Ranked(SCENE, 38, 43), Ranked(SCENE, 39, 44), Ranked(SCENE, 40, 45), whole(BARK))
    clean = DOGS.score(Ranked(SCENE, 38, 43), whole(BARK))
    assert flooded.values["recall@50"] == clean.values["recall@50"] == 1
    assert flooded.values["ndcg@10"] < clean.values["ndcg@10"]


def test_open_recordings_are_passed_over():
    assert DOGS.score(whole(DOG_OR_NOT), whole(BARK)).values["hit@1"] == 1


def test_a_file_that_is_not_of_the_corpus_takes_a_place():
    assert DOGS.score(Ranked(None, 0, 4), whole(BARK)).values["hit@1"] == 0


def test_nothing_found():
    found = DOGS.score()
    assert found.values["ndcg@10"] == found.values["recall@50"] == 0


def test_half_right_is_worth_less():
    assert 0 < DOGS.score(whole(HOWL)).values["ndcg@10"] < 0.2
    assert DOGS.score(whole(HOWL)).values["hit@5"] == 0


def test_moments_are_measured_on_composed_recordings_alone():
    found = DOGS.score(whole(RAIN), whole(BARK), Ranked(SCENE, 38, 43))
    assert found.values["moments ndcg@10"] == pytest.approx(1.0)
    assert math.isnan(Asked({"all": ["piano"], "part": ["wolf-howl"]}).score(whole(HOWL)).values["moments ndcg@10"])


def test_what_was_excluded_is_counted():
    asked = Asked({"all": ["animal"], "none": ["canine"]})
    assert asked.score(whole(BARK), whole(RAIN)).values["forbidden@10"] == 0.5
