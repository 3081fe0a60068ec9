"""Captions of clips and timelines of recordings: what evidence supports, in time, and nothing of what it does not."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

import auricle
from auricle.audio import Audio
from auricle.errors import AudioError, ModelError, UsageError
from auricle.models import hub
from auricle.results import Caption, Evidence
from auricle.tasks.caption import UNSURE, caption, caption_stream, summary
from auricle.tasks.speaking import NOTHING
from tasks.speaking_models import DOG, RAIN, RATE, VIOLIN, Says, heard, say, silence, written

BOTH = "A dog barks while a violin plays."


def test_a_claim_without_evidence_is_left_out_or_marked():
    (one,) = caption(DOG, say(BOTH))
    assert (one.caption, one.unsupported) == ("A dog barks.", ("a violin plays",))
    assert {span.claim for span in one.evidence} == {"A dog barks"}
    assert (one.path, one.start, one.end, one.model) == (str(DOG), 0.0, pytest.approx(6.0, abs=0.1), "says@1")
    (kept,) = caption(DOG, say(BOTH), keep_unsupported=True)
    assert (kept.caption, kept.unsupported, kept.evidence) == (BOTH, ("a violin plays",), one.evidence)


def test_where_nothing_is_supported_nothing_is_claimed():
    (one,) = caption(DOG, say("A violin plays."))
    assert (one.caption, one.evidence, one.unsupported) == (UNSURE, (), ("A violin plays",))


@pytest.mark.parametrize("level", [0.0, 5e-4])
def test_silence_is_not_asked_about(level):
    noise = (level * np.sign(np.sin(np.arange(3 * RATE)))).astype(np.float32)
    speaker = say("A dog barks.")
    (one,) = caption((noise, RATE), speaker)
    assert (one.caption, one.evidence, one.unsupported) == (NOTHING, (), ())
    assert speaker.asked == []
    assert summary([one]).summary == NOTHING


def test_what_is_faint_is_asked_about():
    speaker = say("A dog barks.")
    caption((heard(DOG, 3) * 0.01, RATE), speaker)
    assert len(speaker.asked) == 1


def test_a_timeline(tmp_path):
    path = written(tmp_path / "day.wav", silence(12), heard(DOG, 6), heard(RAIN, 12), heard(DOG, 3), silence(0.1))
    found = caption(path, say("A dog barks and rain falls on a roof."))
    assert [(one.start, one.end, one.caption) for one in found] == [
        (0, 12, NOTHING), (12, 18, "A dog barks."), (18, 30, "Rain falls on a roof."), (30, pytest.approx(33.1), "A dog barks."),
    ]  # fmt: skip
    for one in found:
        assert all(one.start <= span.start < span.end <= one.end + 0.01 for span in one.evidence)
    rain = [span for span in found[2].evidence if span.start < 24 < span.end]
    assert rain, "a span goes on where two windows meet"
    told = summary(found)
    assert told.summary == "a dog barks, then rain falls on a roof"
    assert [span.claim for span in told.sounds] == ["a dog barks", "rain falls on a roof"]
    assert (told.start, told.end) == (0, found[-1].end)


def test_seconds_of_a_recording(tmp_path):
    path = written(tmp_path / "day.wav", silence(6), heard(DOG, 12))
    found = caption(path, say("a dog barks"), start=8.0, end=11.0)
    assert [(one.start, one.end) for one in found] == [(8.0, pytest.approx(11.0))]
    with pytest.raises(AudioError, match="before what was asked for"):
        caption(path, say("a dog barks"), start=100.0)


@pytest.mark.parametrize(("rest", "windows"), [(0.0002, 2), (0.4, 2), (0.6, 3)])
def test_the_last_window_is_shorter_and_a_scrap_is_none(tmp_path, rest, windows):
    path = written(tmp_path / "day.wav", heard(DOG, 12), heard(RAIN, rest))
    speaker = Says(lambda sounds, prompt: f"a dog barks {len(speaker.asked)} times")
    assert len(caption(path, speaker)) == windows
    assert [one[0].duration for one, _ in speaker.asked][:2] == [6.0, 6.0]


def test_a_clip_of_an_instant():
    speaker = say("a dog barks")
    (one,) = caption((heard(RAIN, 0.05), RATE), speaker)
    assert one.end == pytest.approx(0.05)
    assert len(speaker.asked) == 1


def test_said_as_it_is_spoken(tmp_path):
    pieces, seconds = [], []
    path = written(tmp_path / "day.wav", heard(DOG, 6), heard(RAIN, 6))
    stream = caption_stream(path, say(BOTH), told=pieces.append, heard=seconds.append)
    assert next(stream).caption == "A dog barks."
    assert "".join(pieces) == BOTH * 2  # the next window says something else: only then is the first over
    list(stream)
    assert seconds == [0.0, 6.0]


def test_memory_does_not_grow_with_the_recording():
    def peak(minutes):
        quiet = np.broadcast_to(np.float32(0.0), (1, minutes * 60 * 8000))  # takes no memory itself
        tracemalloc.start()
        assert len(list(caption_stream(Audio(quiet, 8000, "long"), say("a dog barks")))) == 1
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return size

    peak(1)
    assert peak(20) < 1.5 * peak(2)


def test_a_summary_names_what_is_supported_in_order_and_not_all_of_it():
    def one(start, *sounds):
        spans = tuple(Evidence(sound, start + k, start + k + 1, 0.5) for k, sound in enumerate(sounds))
        return Caption("x", start, start + 10, "Something", spans, ("a violin plays",), "m", "m:0")

    told = summary([one(0, "A bell rings twice"), one(10, "two dogs bark", "TV is on"), one(20, "a bell rings")])
    assert told.summary == "a bell rings, then dogs bark, then TV is on"
    many = summary([one(10 * k, f"sound number {chr(97 + k)}") for k in range(14)])
    assert many.summary.endswith(", and 2 more sounds")
    assert len(many.sounds) == 14
    with pytest.raises(UsageError):
        summary([])


def test_what_is_no_sound_and_who_does_not_speak(tmp_path):
    (tmp_path / "bad.wav").write_bytes(b"no sound")
    with pytest.raises(AudioError):
        caption(tmp_path / "bad.wav", say("a dog barks"))
    with pytest.raises(AudioError, match="NaN"):
        caption((np.full(RATE, np.nan, np.float32), RATE), say("a dog barks"))
    with pytest.raises(ModelError, match=r"tiny-towers@\d+ hears, but does not speak.*tiny-heads") as error:
        caption(DOG, "tiny-towers")
    assert error.value.kind == "Capability"


def test_where_no_model_that_speaks_is_installed(monkeypatch, tmp_path):
    monkeypatch.setattr(hub, "bundles_folder", lambda: tmp_path)
    with pytest.raises(ModelError, match=r"tiny-heads, which speaks, is not installed\. Use a large model.*openai:") as error:
        caption(DOG)
    assert error.value.kind == "Missing"


def test_in_python():
    (one,) = auricle.caption(VIOLIN, model=say("A violin plays and a dog barks."), end=5.0)
    assert isinstance(one, auricle.Caption)
    assert one.caption == "A violin plays."
