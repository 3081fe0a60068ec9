"""The linter finds what would make a number wrong, and is quiet about what is as it should be."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from speakers import items, task

from auricle.evaluation import linter
from auricle.evaluation.linter import Choice


def found(findings):
    return {(finding.level, finding.rule) for finding in findings}


def choices(n=60, *, place=None, right=None, question="What is heard here?", options=("rain", "hail", "wind", "fire")):
    rng = random.Random(1)
    made = []
    for k in range(n):
        order = list(options)
        rng.shuffle(order)
        answer = right(k) if right else rng.choice(order)
        if place is not None:
            order.remove(answer)
            order.insert(place, answer)
        asked = question.replace("{}", answer)
        made.append(Choice(str(k), f"source {k}", f"sound {k}", asked, tuple(order), order.index(answer)))
    return made


def test_a_fair_task_is_left_alone(tmp_path):
    assert linter.of_choices(choices()) == []
    assert linter.look(task(tmp_path, "zero_shot", "accuracy")) == []
    assert linter.of_texts(["a dog", "a cat"], ["a dog", "a cat"]) == []


def test_questions_that_their_text_answers():
    assert ("error", "position") in found(linter.of_choices(choices(place=0)))
    assert ("warning", "text-only") in found(linter.of_choices(choices(right=lambda k: "rain")))
    assert found(linter.of_choices(choices(question="Is this the sound of {}?"))) == {("warning", "told")}
    long = "a long and careful description of fire"
    longest = choices(options=("rain", "hail", "wind", long), right=lambda k: long)
    assert ("warning", "length") in found(linter.of_choices(longest))
    assert linter.of_choices(choices(10, place=0)) == []  # too few to say


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"options": ("rain", "Rain!", "wind", "fire")}, "options"), ({"options": ("rain",)}, "options"), ({"right": None}, "answer"),
        ({"question": "?"}, "empty"), ({"options": ("rain", "", "wind")}, "empty"),
        ({"sound": "sound 1", "id": "again"}, "duplicate-questions"),
    ],
)  # fmt: skip
def test_questions_that_are_none(change, rule):
    made = choices()
    made[0] = replace(replace(made[0], options=made[1].options), **change)
    assert ("error", rule) in found(linter.of_choices(made))


def test_texts():
    assert found(linter.of_texts(["a dog", "A dog!", "rain"], ["x"])) == {("warning", "duplicate-queries")}
    assert found(linter.of_texts(["a dog", "..."], ["x"])) == {("error", "empty")}
    assert found(linter.of_texts(["a dog"], ["x"], [[]])) == {("error", "relevant")}
    assert linter.ceiling([], 5) == 1


def test_items(tmp_path):
    made = items(tmp_path)

    def look(some, **more):
        return found(linter.look(task(tmp_path, "zero_shot", "accuracy", some, **more)))

    assert look([*made, made[0]]) >= {("error", "ids")}
    assert look([replace(i, clip="") for i in made]) == {("warning", "groups")}
    assert look([replace(i, clip="", extra={"youtube_id": "x"}) for i in made]) == {("error", "groups")}
    assert look([replace(i, clip="", source=f"package/{n // 2}") for n, i in enumerate(made)]) == {("error", "groups")}
    assert look([replace(i, clip="", source="package") for i in made]) == {("warning", "groups")}
    assert look(made, groups="extra.speaker") == {("error", "groups")}
    assert look([replace(i, labels=("…",)) for i in made]) == {("error", "empty")}
    assert look([replace(i, labels=("rain" if n else "hail",)) for n, i in enumerate(made)]) == {("warning", "balance")}
    assert look([replace(i, hash="same") for i in made]) == {("error", "same-sound")}
    assert look([replace(i, hash="same", labels=("rain",)) for i in made]) == {("warning", "same-sound")}
    assert look([replace(made[0], duration=0.0), *made[1:]]) == {("error", "empty")}
