"""How people say what comes first."""

from __future__ import annotations

import pytest

from auricle.tasks.order import in_order

DOG, BELL, CAR = "a dog barks", "a bell rings", "a car honks"


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("a dog barks, then a bell rings", [[DOG], [BELL]]),
        ("a dog barks followed by a bell ringing", [[DOG], ["a bell ringing"]]),
        ("after the bell rings, a dog barks while it rains", [["the bell rings"], [DOG, "it rains"]]),
        ("a bell rings before a dog barks", [[BELL], [DOG]]),
        ("before a dog barks, a bell rings", [[BELL], [DOG]]),
        ("a dog barks after a bell rings", [[BELL], [DOG]]),
        ("At first a dog barks, next a bell rings, and in the end a car honks", [[DOG], [BELL], [CAR]]),
        ("once the siren is over, birds sing", [["the siren"], ["birds sing"]]),
        ("first thunder, then rain, finally silence", [["thunder"], ["rain"], ["silence"]]),
        ("a man speaks while rain falls", [["a man speaks", "rain falls"]]),
        ("a bell rings and then a door slams", [[BELL], ["a door slams"]]),
        ("thunder is preceded by rain", [["rain"], ["thunder"]]),
        ("a dog barks as a car passes", [[DOG, "a car passes"]]),
        ("a bell, later a dog", [["a bell"], ["a dog"]]),
        ("dog -> bell -> car", [["dog"], ["bell"], ["car"]]),
        ("a dog barks and a bell rings at the same time", [[DOG, BELL]]),
        ("rain stops and birds start singing", [["rain"], ["birds start singing"]]),
        ("rain and wind", []),
        ("a dog barking", []),
        ("now and then a dog barks", []),
    ],
)
def test_steps(text, steps):
    assert [list(step) for step in in_order(text).steps] == steps


def test_what_lies_behind_is_no_step():
    order = in_order("a dog barks two seconds after a bell rings, with rain in the background")
    assert order.steps == ((BELL,), (DOG,))
    assert order.throughout == ("rain",)
    assert order.sounds == (BELL, DOG, "rain")


def test_quoted_words_are_left_alone():
    assert not in_order("a man says “first the bell, then the dog”")
