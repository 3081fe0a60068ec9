"""Changes that must not matter: a model that hears tones stays itself, one that answers by loudness or by channel does not."""

from __future__ import annotations

import numpy as np
import pytest
from toy_ears import Constant, Toy, sounds

from auricle.audio import Audio
from auricle.errors import DataError
from auricle.evaluation.probes import Sounds, get, invariance


@pytest.fixture(scope="module")
def held(tmp_path_factory):
    return sounds(tmp_path_factory.mktemp("toy"), per_label=1, speech=False)


@pytest.fixture
def few(monkeypatch):
    monkeypatch.setattr(invariance, "CLIPS", 12)


def audited(model, held):
    found = get("invariance").run(model, Sounds(held), seed=0, told=lambda line: None)
    return {score.metric: score for score in found.scores}, {curve.name: curve for curve in found.curves}


class Both(Toy):
    """Hears both channels."""

    def _heard(self, audio):
        return super()._heard(audio.mono())


def test_who_hears_tones_stays_itself(held, few):
    scores, curves = audited(Both(), held)
    for name in ("left only", "right only", "MP3, 32 kbit/s", "-20 dB", "1.2 s later, around", "2.3 s of silence around"):
        assert scores[f"same name, {name}"].value == 1.0, name
        assert scores[f"cosine, {name}"].value > 0.95, name
    assert scores["accuracy, left only"].baselines == {"unchanged": 1.0, "chance": pytest.approx(1 / 12)}
    assert scores["cosine, left only"].baselines["to other clips"] < 0.2
    assert curves["noise: cosine"].x == (40, 30, 20, 10, 0)
    assert curves["noise: cosine"].y[0] > curves["noise: cosine"].y[-1]


class Loudness(Toy):
    """Answers by how loud it is."""

    def _heard(self, audio):
        place = int(np.clip(-20 * np.log10(np.sqrt((audio.samples**2).mean()) + 1e-9) / 3, 0, 20))
        return np.eye(self.dim)[place]


class Right(Toy):
    """Hears the right channel only; a :class:`Toy` hears the first."""

    def embed_audio(self, windows):
        return super().embed_audio([Audio(w.samples[-1:], w.rate) for w in windows])


def test_an_answer_by_loudness_is_caught(held, few):
    scores, _ = audited(Loudness(), held)
    assert scores["same name, -20 dB"].value < 0.2


@pytest.mark.parametrize(("model", "deaf_to", "other"), [(Right, "left", "right"), (Toy, "right", "left")])
def test_one_channel_is_caught(held, few, model, deaf_to, other):
    scores, curves = audited(model(), held)
    assert curves["channels: same name"].y[0] == 1.0
    assert scores[f"same name, {deaf_to} only"].value < 0.5
    assert scores[f"same name, {other} only"].value == 1.0


class Count(Toy):
    """Answers by how many channels there are."""

    def _heard(self, audio):
        return np.roll(super()._heard(audio.mono()), len(audio.samples) - 1)


def test_an_answer_by_the_number_of_channels_is_caught(held, few):
    _, curves = audited(Count(), held)
    assert max(curves["channels: same name"].y) < 0.5


def test_deaf_never_changes_and_never_tells_clips_apart(held, few):
    scores, _ = audited(Constant(), held)
    assert scores["same name, noise 0 dB below"].baselines["always the commonest name"] == 1.0
    assert scores["cosine, noise 0 dB below"].baselines["to other clips"] == pytest.approx(1.0)
    accuracy = scores["accuracy, noise 0 dB below"]
    assert accuracy.value == pytest.approx(accuracy.baselines["chance"])


def test_changes_do_what_they_say():
    rng = np.random.default_rng(0)
    sound = Audio((rng.standard_normal((1, 48_000)) * 0.05).astype(np.float32), 48_000)
    noise = invariance.noisy(20)(sound, rng).samples - sound.samples
    assert 20 * np.log10(np.sqrt((sound.samples**2).mean() / (noise**2).mean())) == pytest.approx(20, abs=0.1)
    assert invariance.padded(2.0)(sound, rng).samples.shape == (1, 3 * 48_000)
    assert invariance.later(0.5)(sound, rng).samples[0, 24_000] == sound.samples[0, 0]
    click = np.zeros((1, 48_000), np.float32)
    click[0, 0] = 0.5
    tail = invariance.reverberant(0.5)(Audio(click, 48_000), rng).samples[0]
    early, late = (tail[1:2400] ** 2).mean(), (tail[21_600:24_000] ** 2).mean()
    assert 10 * np.log10(early / late) == pytest.approx(54, abs=3)


def test_few_sounds_are_said_to_be_few(held, few):
    with pytest.raises(DataError, match="too few"):
        get("invariance").run(Toy(), Sounds(held.only("few", held.items[:3])), seed=0, told=lambda line: None)
