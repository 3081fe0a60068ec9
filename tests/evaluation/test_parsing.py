"""Answers are read strictly: letter, text, likelihood; what is not said is not guessed."""

from __future__ import annotations

import pytest

from auricle.evaluation.parsing import likelier, read_choice, read_text

PEOPLE = ("Man", "Woman", "Child", "Robot")
DOGS = ("dog", "dog barking", "a cat and a dog", "rain")
YESNO = ("yes", "no")


@pytest.mark.parametrize(
    ("said", "choice"),
    [
        ("B", 1), ("b", 1), ("(B)", 1), ("B.", 1), ("B)", 1), ("**B**", 1), (" C: ", 2), ("(b) Woman", 1), ("B) Woman", 1), ("b. woman", 1),
        ("The answer is B", 1), ("The answer is (B).", 1), ("Answer: B", 1), ("The correct answer is B.", 1), ("Option B", 1),
        ("the correct option is: D", 3), ("Answer: **C**", 2), ("(A) is wrong because the voice is high, so the answer is (B).", 1),
        ("I think it is (C), since the voice is high.", 2), ("B\n\nThe voice is high.", 1),
        ("The answer is A because it is low", 0), ("I am sorry, but the answer is B.", 1),
    ],
)  # fmt: skip
def test_a_letter(said, choice):
    found = read_choice(said, PEOPLE)
    assert (found.status, found.choice) == ("ok", choice)


@pytest.mark.parametrize(
    ("said", "options", "choice"),
    [
        ("Woman", PEOPLE, 1), ("woman.", PEOPLE, 1), ("A Woman", PEOPLE, 1), ("A woman is speaking.", PEOPLE, 1),
        ("It's a child's voice", PEOPLE, 2), ("The answer is A woman", PEOPLE, 1),
        ("the sound of a dog barking loudly", DOGS, 1), ("A cat and a dog", DOGS, 2), ("dog", DOGS, 0), ("No, it is not.", YESNO, 1),
        ("Yes", YESNO, 0), ("yes, there is no doubt", (*YESNO, "maybe"), None), ("ＷＯＭＡＮ", PEOPLE, 1),
    ],
)  # fmt: skip
def test_words(said, options, choice):
    found = read_choice(said, options)
    assert found.choice == choice
    assert found.status == ("ok" if choice is not None else "unparsed")
    assert found.by == ("text" if choice is not None else "")


@pytest.mark.parametrize(
    "said",
    [
        "", "   ", "?!", "Something", "A and B", "A or B", "A, B", "A/B", "(A) or (C)", "E", "The answer is E", "A man and a woman",
        "It could be a man or a woman", "It is not a man", "It isn't a woman", "Neither man nor woman",
        "A) Woman", "Human", "mandolin", "Womanly",
        "A guess", "The answer is a mystery", "The answer is in the sound", "I hear something", "The answer is A or the answer is B",
        "anything rather than a robot",
    ],
)  # fmt: skip
def test_what_is_not_said_is_not_guessed(said):
    found = read_choice(said, PEOPLE)
    assert (found.status, found.choice) == ("unparsed", None)


@pytest.mark.parametrize(
    "said",
    [
        "I'm sorry, I can't tell whether it is a man.", "I’m sorry.", "Sorry, no audio was given", "I cannot listen to audio.",
        "As an AI, I",
        "Unfortunately, I am unable to process sound.", "I am unable to hear the man", "I don't have the ability to hear",
    ],
)  # fmt: skip
def test_a_refusal_is_a_refusal(said):
    assert read_choice(said, PEOPLE).status == "refused"
    assert read_choice(said, PEOPLE, likelihoods=[0, -1, -2, -3]).status == "refused"
    assert read_text(said).status == "refused"


def test_likelihood_is_asked_last_and_settles_no_contradiction():
    assert read_choice("hm", PEOPLE, likelihoods=[-3, -1, -2, -9]).choice == 1
    assert read_choice("hm", PEOPLE, likelihoods=[-3, -1, -2, -9]).by == "likelihood"
    assert read_choice("C", PEOPLE, likelihoods=[-3, -1, -2, -9]).choice == 2
    assert read_choice("a man or a child", PEOPLE, likelihoods=[-3, -1, -2, -9]).status == "unparsed"
    assert read_choice("A or B", PEOPLE, likelihoods=[-3, -1, -2, -9]).status == "unparsed"
    assert read_choice("hm", PEOPLE, likelihoods=[-1, -1, -2, -9]).status == "unparsed"  # a tie prefers nothing
    assert likelier([0.0, float("nan")]) is None
    assert likelier([]) is None
    assert likelier([float("-inf"), -5.0]) == 1


def test_an_answer_that_was_cut_off():
    assert read_choice("Let me think about", PEOPLE, complete=False).status == "truncated"
    assert read_choice("B) because", PEOPLE, complete=False).choice == 1
    assert read_text("", complete=False).status == "truncated"
    assert read_text("a dog that", complete=False).text == "a dog that"
    assert read_text("...").status == "unparsed"


def test_options_that_are_the_same_cannot_be_told_apart():
    assert read_choice("rain", ("rain", "Rain.", "hail")).status == "unparsed"
    assert read_choice("B", ("rain", "Rain.", "hail")).choice == 1
