"""Where a claim is heard: judged by tiny-towers on real sounds, and by nobody who knows what was said."""

from __future__ import annotations

import pytest

from auricle import audio
from auricle.models import load
from auricle.tasks.claims import claims
from auricle.tasks.evidence import evidence, unsupported
from tasks.speaking_models import DOG, RAIN, VIOLIN


def found(path, sentence, **more):
    said = claims(sentence)
    spans = evidence(audio.open(path, end=6.0), said, load("tiny-towers"), **more)
    return [span.claim for span in spans], [claim.text for claim in unsupported(said, spans)]


@pytest.mark.parametrize(
    ("path", "sentence", "heard", "missing"),
    [
        (DOG, "A dog barks while a violin plays.", ["A dog barks"], ["a violin plays"]),
        (RAIN, "Rain falls on a roof, then a dog barks twice.", ["Rain falls on a roof"], ["a dog barks twice"]),
        (VIOLIN, "a violin is played with no drums", ["a violin is played with no drums"], []),
    ],
)
def test_what_is_heard_is_supported_and_the_rest_is_not(path, sentence, heard, missing):
    supported, not_supported = found(path, sentence)
    assert list(dict.fromkeys(supported)) == heard
    assert not_supported == missing


def test_spans_are_times_of_the_recording():
    tower, said = load("tiny-towers"), claims("a dog barks")
    whole = audio.open(DOG)
    at_once = evidence(whole, said, tower)
    assert at_once
    assert all(0 <= span.start < span.end <= whole.duration + 0.01 and 0 < span.score <= 1 for span in at_once)
    later = evidence(audio.Audio(whole.samples, whole.rate, whole.source, 100.0), said, tower, offset=100.0)
    assert [span.start - 100 for span in later] == pytest.approx([span.start for span in at_once])
    assert [span.end - 100 for span in later] == pytest.approx([span.end for span in at_once])


def test_denials_and_nothing_are_not_looked_for():
    assert found(DOG, "no violin, and nobody speaks without a dog") == ([], [])
    assert found(DOG, "") == ([], [])


def test_a_higher_threshold_supports_less():
    some, _ = found(RAIN, "rain, wind, thunder, applause, a river, frying", threshold=0.01)
    few, _ = found(RAIN, "rain, wind, thunder, applause, a river, frying", threshold=0.8)
    assert set(few) < set(some)
