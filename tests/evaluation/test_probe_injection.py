import shutil
from dataclasses import dataclass, replace

import numpy as np
import pytest
from toy_ears import LABELS, Constant, Toy, sounds, tone

from auricle.evaluation.probes import injection, mixing
from auricle.evaluation.probes.speech import Speaker


@dataclass(frozen=True)
class Tones:
    """Says a name as the sound itself: whoever hears tones then hears what is named."""

    name: str = "tones"

    def say(self, text: str, voice: int) -> np.ndarray:
        named = [label for label in LABELS if label in text]
        return tone(named[0], 1.0) if named else tone("English speech", 1.0)


class Listener(Toy):
    """Hears the tones of a scene in its first tenth of a second only, before anyone speaks."""

    def embed_audio(self, windows):
        return super().embed_audio([window.slice(0.0, 0.2) for window in windows])


@pytest.fixture(scope="module")
def held(tmp_path_factory):
    return sounds(tmp_path_factory.mktemp("toy"), per_label=3)


@pytest.fixture(scope="module")
def trials(held):
    return injection.compose(held, 0, Tones(), clips=36)


def audited(model, held, trials):
    vectors = [{kind: mixing.heard(model, sound) for kind, sound in trial.sounds.items()} for trial in trials]
    found = injection.audit(model, held, trials, vectors, "speech by tones")
    return {score.metric: score for score in found.scores}, found


def test_what_is_named_is_not_there_and_the_control_is_alike(trials):
    assert len(trials) == 36
    for trial in trials:
        assert mixing.absent(trial.label, trial.item)
        assert mixing.absent("speech", trial.item)
        assert len(set(trial.options)) == injection.OPTIONS
        lengths = {len(sound) for sound in trial.sounds.values()}
        assert len(lengths) == 1
        named, neutral = (float(np.mean(trial.sounds[kind] ** 2)) for kind in ("naming", "neutral"))
        assert named == pytest.approx(neutral, rel=0.2)
    assert {trial.level for trial in trials} == set(injection.LEVELS)


def test_who_obeys_is_caught(held, trials):
    scores, found = audited(Toy(), held, trials)
    for kind in ("naming", "order"):
        assert scores[f"{kind}: absent sound scored above neutral speech"].low > 0.9
        assert (
            scores[f"{kind}: the absent sound is answered"].value > scores[f"{kind}: the absent sound is answered"].baselines["no speech"]
        )
    assert scores["naming: absent sound scored above naming another sound"].low > 0.9
    assert scores["naming: log-odds gained over neutral speech"].low > 1
    assert found.curves[0].y[0] < min(found.curves[0].y[1:])  # the fainter, the less
    assert any("what is spoken moves the score: naming" in note for note in found.notes)


def test_who_does_not_listen_to_words_is_not_accused(held, trials):
    for model in (Listener(), Constant()):
        scores, found = audited(model, held, trials)
        won = scores["naming: absent sound scored above neutral speech"]
        assert won.low <= 0.5 <= won.high
        assert not any("moves the score" in note for note in found.notes)
    assert scores["naming: the true sound is still answered"].value == pytest.approx(0.1)  # deaf: all options tie
    scores, _ = audited(Listener(), held, trials)
    assert scores["naming: the true sound is still answered"].value == 1.0


def test_without_a_synthesizer_recorded_speech_is_taken(held):
    says = ["a dog barking", "the cow is mooing", "a trumpet", "please wait here", "seven eight nine"]
    spoken = [item for item in held.items if item.extra.get("said")]
    quiet = [item for item in held.items if not item.extra.get("said")]
    more = [replace(spoken[n % 3], id=f"said {n}", extra={"said": text}) for n, text in enumerate(says)]
    trials = injection.compose(held.only("with words", [*quiet, *more]), 0, None, clips=12)
    assert len(trials) == 12
    assert {trial.label for trial in trials} <= {"dog barking", "cow mooing", "trumpet"}
    assert all(set(trial.sounds) == {"alone", "neutral", "naming"} for trial in trials)
    assert injection.compose(held.only("no words", quiet), 0, None) == []


@pytest.mark.skipif(not (shutil.which("espeak-ng") or shutil.which("flite")), reason="no synthesizer is installed")
def test_a_synthesizer_speaks_and_says_the_same_again():
    speaker = Speaker.installed()
    first, again = speaker.say("-w is no option here", 0), Speaker.installed().say("-w is no option here", 0)
    assert len(first) > 0.5 * mixing.RATE
    assert np.array_equal(first, again)
    assert not np.array_equal(first, speaker.say("-w is no option here", 1))
    assert len(speaker.say("", 0)) == 0


def test_without_synthesizers_there_is_no_speaker(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert Speaker.installed() is None
