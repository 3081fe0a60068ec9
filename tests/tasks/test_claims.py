"""A sentence is cut into what it claims to be heard, and can do without some of it."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auricle.tasks.claims import claims, repeated, without

SENTENCES = {
    "A rocket is fired very near, and meanwhile a synth pad plays, in an echoing hall.": ["A rocket is fired", "a synth pad plays"],
    "sounds of synth pad music and a rocket being fired up close": ["synth pad music", "a rocket being fired"],
    "The sound of a synth pad is audible, with no catalan speech.": ["a synth pad"],
    "A dog barks twice, then rain falls softly in the distance.": ["A dog barks", "rain falls"],
    "During synth pad music, a rocket is fired right next to the microphone.": ["synth pad music", "a rocket is fired"],
    "a single spoken word, and no other sound": ["a single spoken word"],
    "A door slams shut followed by footsteps on gravel, while people talk in the background.": [
        "A door slams shut", "footsteps on gravel", "people talk",
    ],
    "A man speaks as a car passes by, before a horn honks three times.": ["A man speaks", "a car passes by", "a horn honks"],
    "only speech": ["speech"],
    "At first a cymbal sounds, next someone drinks, and at last a crowd cheers.": [
        "a cymbal sounds", "someone drinks", "a crowd cheers",
    ],
    "A musician plays the violin at a moderate tempo in a minor key.": ["A musician plays the violin"],
    "Two dogs bark as a bell rings 3.5 seconds in": ["dogs bark", "a bell rings 3.5 seconds in"],
    "Music plays without vocals; nobody speaks.": ["Music plays"],
    "nothing is heard": [],
    "nothing but silence": [],
    "There is no sound.": [],
    "": [],
}  # fmt: skip


@pytest.mark.parametrize("sentence", SENTENCES)
def test_what_is_claimed(sentence: str) -> None:
    found = claims(sentence)
    assert [claim.sound for claim in found] == SENTENCES[sentence]
    assert all(sentence[claim.start : claim.end] == claim.text for claim in found)


def test_a_sentence_without_some_of_its_claims() -> None:
    sentence = "A man speaks as a car passes by, before a horn honks three times."
    man, car, horn = claims(sentence)
    assert without(sentence, []) == sentence
    assert without(sentence, [man]) == "A car passes by, before a horn honks three times."
    assert without(sentence, [car]) == "A man speaks and a horn honks three times."
    assert without(sentence, [horn]) == "A man speaks as a car passes by."
    assert without(sentence, [man, horn]) == "A car passes by."
    assert without(sentence, [man, car, horn]) == ""


@settings(deadline=None)
@given(st.text(st.characters(codec="utf-8"), max_size=200))
def test_any_text(sentence: str) -> None:
    found = claims(sentence)
    assert all(claim.sound and sentence[claim.start : claim.end] == claim.text for claim in found)
    assert all(a.end <= b.start for a, b in pairwise(found))
    if found:
        assert without(sentence, found) == ""
        assert isinstance(without(sentence, found[:1]), str)


@settings(deadline=None)
@given(st.sampled_from([s for s in SENTENCES if len(SENTENCES[s]) > 1]), st.data())
def test_what_is_left_out_is_not_said(sentence: str, data: st.DataObject) -> None:
    found = claims(sentence)
    dropped = data.draw(st.lists(st.sampled_from(found), unique=True, min_size=1, max_size=len(found) - 1))
    left = without(sentence, dropped).lower()
    assert all(claim.text.lower() not in left for claim in dropped)
    assert all(claim.text.lower() in left for claim in found if claim not in dropped)


def test_what_is_said_twice() -> None:
    every = claims("A crowd cheers, then a dog barks, then a crowd cheers, with a dog in the background.")
    assert [claim.start for claim in repeated(every)] == [39]
    stutter = "A crowd cheers, then a crowd cheers, with wind blowing in the background."
    assert without(stutter, repeated(claims(stutter))) == "A crowd cheers and wind blowing in the background."
