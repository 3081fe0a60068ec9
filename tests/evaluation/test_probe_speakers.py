"""Privacy and origin: linkability of speakers, synthetic speech, membership in the training data."""

import io
import tarfile
from dataclasses import dataclass, replace

import numpy as np
import pytest
import soundfile as sf
from toy_ears import RATE, Constant, Toy, sounds, tone, unit

from auricle.data.manifest import read, write
from auricle.errors import DataError, UsageError
from auricle.evaluation.probes import blind, linkability, membership, mixing, spoofing
from auricle.evaluation.probes.base import Sounds
from auricle.evaluation.rows import TAKES

# ---------------------------------------------------------------------------------------------------------------- linkability


def clips(speakers=6, digits=5, takes=4):
    rng = np.random.default_rng(0)
    noise = rng.standard_normal(4000).astype(np.float32) * 0.1
    return [linkability.Clip(f"{d}_{s}_{t}", str(d), f"s{s}", noise) for s in range(speakers) for d in range(digits) for t in range(takes)]


def rates(vectors):
    found = linkability.audit(Toy(), clips(), vectors, "toy")
    return {score.metric: score.value for score in found.scores}, found


def test_a_voice_print_is_linked_and_the_deaf_and_random_are_not():
    own = np.eye(6)[[int(c.speaker[1]) for c in clips()]]
    assert set(rates(own)[0].values()) == {0.0}
    same, found = rates(np.tile(unit(np.ones(8)), (len(clips()), 1)))
    assert same == {"equal error rate, mean taken off": 0.5, "equal error rate": 0.5}
    assert "only 6 sources" in found.scores[0].notes[-1]
    by_chance = np.random.default_rng(1).standard_normal((len(clips()), 16))
    assert rates(by_chance / np.linalg.norm(by_chance, axis=1, keepdims=True))[0]["equal error rate"] == pytest.approx(0.5, abs=0.03)


def test_what_all_vectors_share_hides_nothing():
    shared = np.ones(6) * 9 + np.eye(6)[[int(c.speaker[1]) for c in clips()]] + np.random.default_rng(0).standard_normal((120, 6)) * 0.1
    found, _ = rates(shared / np.linalg.norm(shared, axis=1, keepdims=True))
    assert found["equal error rate, mean taken off"] < 0.05


def test_what_is_said_does_not_link():
    digit = np.eye(5)[[int(c.digit) for c in clips()]]
    assert rates(digit)[0]["equal error rate"] == pytest.approx(0.5)  # pairs have different digits


def test_the_equal_error_rate_by_hand():
    missed, false = np.array([1.0, 0.5, 0.2, 0.0]), np.array([0.0, 0.1, 0.2, 1.0])
    assert linkability.crossing(missed, false) == pytest.approx(0.2)
    assert linkability.crossing(np.array([1.0, 0.0]), np.array([0.0, 1.0])) == pytest.approx(0.5)
    assert linkability.crossing(np.array([1.0, 0.0, 0.0]), np.array([0.0, 0.0, 1.0])) == 0.0


def test_without_the_digits_it_says_where_they_are_from(monkeypatch, tmp_path):
    probe, none = linkability.Linkability(), Sounds(sounds(tmp_path / "toy", per_label=1))
    for folder in ("", str(tmp_path)):
        monkeypatch.setenv("AURICLE_DATA", folder)
        with pytest.raises(DataError, match="free-spoken-digit-dataset"):
            probe.run(Toy(), none, seed=0, told=print)
    (tmp_path / "fsdd.tar").write_bytes(b"no tar")
    with pytest.raises(DataError, match=r"fsdd\.tar"):
        probe.run(Toy(), none, seed=0, told=print)


def test_the_side_chooses_the_takes(tmp_path, monkeypatch):
    with tarfile.open(tmp_path / "fsdd.tar", "w") as archive:
        for digit in range(3):
            for speaker in ("ada", "bob"):
                for take in (0, TAKES["dev"].start):
                    file = io.BytesIO()
                    sf.write(file, tone("piano", 0.4, seed=take), RATE, format="WAV")
                    member = tarfile.TarInfo(f"recordings/{digit}_{speaker}_{take}.wav")
                    member.size = file.tell()
                    file.seek(0)
                    archive.addfile(member, file)
    monkeypatch.setenv("AURICLE_DATA", str(tmp_path))
    for split in ("dev", "test"):
        held = sounds(tmp_path / split, per_label=1, split=split)
        found = linkability.Linkability().run(Toy(), Sounds(held), seed=0, told=print)
        assert f"takes {TAKES[split].start} to" in found.scores[0].how.data
        assert found.scores[0].n == 6


# ---------------------------------------------------------------------------------------------------------- synthetic speech


@dataclass(frozen=True)
class Tones:
    """Speaks in the tone of speech, a little higher than people do."""

    voices: tuple = (("tones", "a"), ("tones", "b"), ("tones", "c"), ("tones", "d"))
    name: str = "tones"

    def say(self, text, voice):
        return tone("English speech", 1.2, bend=0.85, seed=voice)


@pytest.fixture(scope="module")
def spoken(tmp_path_factory):
    held = sounds(tmp_path_factory.mktemp("toy"), per_label=12)
    low = [replace(i, extra={"said": "here are dogs"}) if i.extra.get("said") else i for i in held.items]
    return held.only("toy", low)


def spoof(model, held, monkeypatch):
    monkeypatch.setattr(spoofing, "BAND", 16_000)  # the toy speaks high
    monkeypatch.setattr(spoofing.Speaker, "installed", classmethod(lambda cls: Tones()))
    found = spoofing.Spoofing().run(model, Sounds(held), seed=0, told=print)
    return {score.metric: score for score in found.scores}, found


class Pitch(Toy):
    """Hears a synthetic voice as another sound than a person's."""

    def _heard(self, audio):
        power = np.abs(np.fft.rfft(audio.samples[0])) ** 2
        hertz = np.fft.rfftfreq(audio.samples.shape[1], 1 / audio.rate)
        vector = super()._heard(audio)
        vector[-2] = float(4000 < hertz[int(np.argmax(power))] < 5000)
        return unit(vector)


def test_synthetic_speech_that_is_not_taken_for_speech_is_seen(spoken, monkeypatch):
    scores, found = spoof(Pitch(), spoken, monkeypatch)
    assert scores["recorded speech found by 'speech' (AUROC)"].value == 1.0
    assert scores["recorded above synthetic for 'speech' (AUROC)"].value == 1.0
    assert scores["told apart by a probe (AUROC)"].low > 0.9
    assert scores["told apart by a probe (AUROC)"].baselines["plain spectra"] > 0.9
    assert any("shows nothing of its own" in note for note in found.notes)  # spectra tell, too
    assert any("synthetic" in note for note in found.notes)


def test_the_deaf_tell_nothing_apart(spoken, monkeypatch):
    scores, _ = spoof(Constant(), spoken, monkeypatch)
    for name, score in scores.items():
        assert score.value == pytest.approx(0.5, abs=0.01), name


def test_parts_share_neither_sources_nor_voices(spoken, monkeypatch):
    monkeypatch.setattr(spoofing, "BAND", 16_000)
    sentences = spoofing.compose(spoken, Tones(), 0)
    assert len(sentences) == 12
    for what in (lambda s: s.item.clip, lambda s: s.voice):
        parts = {}
        for sentence in sentences:
            assert parts.setdefault(what(sentence), sentence.part) == sentence.part
    assert {s.part for s in sentences} == set(range(spoofing.FOLDS))


def test_what_was_rendered_is_not_a_person(spoken, monkeypatch):
    item = next(i for i in spoken.items if i.extra.get("said"))
    assert not spoofing.made_here(item)
    assert spoofing.made_here(replace(item, licence="made here (espeak-ng GPL-3+)"))
    assert spoofing.made_here(replace(item, extra={"synthetic": True}))
    monkeypatch.setattr(spoofing.Speaker, "installed", classmethod(lambda cls: None))
    with pytest.raises(DataError, match="espeak-ng or flite"):
        spoofing.Spoofing().run(Toy(), Sounds(spoken), seed=0, told=print)


# --------------------------------------------------------------------------------------------------------------- membership


class Memory(Toy):
    """Hears what it was trained on without a fault, and the rest through noise."""

    learned: frozenset = frozenset()

    def _heard(self, audio):
        self.confusion = 0.0 if audio.samples.tobytes() in self.learned else 1.5
        return super()._heard(audio)


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    folder = tmp_path_factory.mktemp("toy")
    return sounds(folder / "held", per_label=5), sounds(folder / "train", per_label=5, split="train")


def attacked(model, held, manifest):
    found = membership.Membership().run(model, Sounds(held, members=manifest), seed=0, told=print)
    return {score.metric: score for score in found.scores}, found


GAIN = "gain of the model over the blind baseline (AUROC)"
SHOWN = "attack by what the model shows (AUROC)"
BLIND = "blind baseline, never sees the model (AUROC)"


def test_a_model_that_remembers_is_caught(both):
    held, train = both
    model = Memory()
    suspects = membership.matched(held, train.folder / "manifest.jsonl", 0)
    model.learned = frozenset(s.sound[None, :].tobytes() for s in suspects if s.member)
    scores, found = attacked(model, held, train.folder / "manifest.jsonl")
    assert scores[SHOWN].low > 0.8
    assert scores[GAIN].low > 0.1
    assert scores[BLIND].value < 0.7
    assert scores[GAIN].baselines == {"nothing shown": 0.0}
    assert any("no proof" in note for note in found.notes)


def test_sets_that_differ_are_told_apart_blindly_and_the_model_is_not_blamed(both):
    _, train = both
    loud = sounds(train.folder.parent / "loud", per_label=5, level=0.4)
    scores, found = attacked(Toy(), loud, train.folder / "manifest.jsonl")
    assert scores[BLIND].value > 0.95
    assert scores[GAIN].value < 0.05
    assert scores[SHOWN].baselines["blind"] == scores[BLIND].value
    assert any("differ without any model" in note for note in found.notes)
    assert any("adds nothing" in note for note in found.notes)


def test_the_deaf_show_nothing(both):
    held, train = both
    scores, _ = attacked(Constant(), held, train.folder / "manifest.jsonl")
    assert scores[SHOWN].low <= 0.5 <= scores[SHOWN].high
    assert scores["attack by the label's own score (AUROC)"].value == 0.5
    assert scores["members caught at 1 % false accusations"].value <= 0.05


def test_sides_are_matched_by_label_and_share_no_source(both):
    held, train = both
    suspects = membership.matched(held, train.folder / "manifest.jsonl", 0)
    count = {side: sorted(s.item.labels[0] for s in suspects if s.member == side) for side in (True, False)}
    assert count[True] == count[False]
    assert not {s.item.clip for s in suspects if s.member} & {s.item.clip for s in suspects if not s.member}
    same = membership.matched(held, held.folder / "manifest.jsonl", 0)  # its own sources are no members
    assert same == []
    assert len(list(read(train.folder / "manifest.jsonl"))) == len(train.items)


def test_what_was_trained_on_is_no_non_member(both):
    held, train = both
    manifest = train.folder.parent / "members.jsonl"
    leaked = [replace(i, audio=f"held/{i.audio}", labels=()) for i in held.items[:7]]  # without a label it was heard all the same
    write(manifest, [*(replace(i, audio=f"train/{i.audio}") for i in train.items), *leaked])
    outside = {s.item.clip for s in membership.matched(held, manifest, 0) if not s.member}
    assert outside
    assert not outside & {item.clip for item in leaked}


def test_without_the_manifest_it_says_what_is_missing(both):
    with pytest.raises(UsageError, match="manifest"):
        membership.Membership().run(Toy(), Sounds(both[0]), seed=0, told=print)


def test_caught_by_hand():
    truth = (True, True, False, False)
    ids = tuple("abcd")
    assert membership.Caught(np.array([0.9, 0.1, 0.5, 0.2]), truth, ids, ids).at(np.ones(4, np.int64)) == 0.5
    assert membership.Caught(np.array([0.5, 0.5, 0.5, 0.5]), truth, ids, ids).at(np.ones(4, np.int64)) == 0.0


def test_plain_features_hear_colour_and_not_level():
    low, high = tone("dog barking", 1.0), tone("crickets", 1.0)
    assert np.allclose(blind.spectral_mean(low), blind.spectral_mean(low * 0.5), atol=1.0)
    assert not np.allclose(blind.spectral_mean(low), blind.spectral_mean(high), atol=5.0)
    assert blind.plain(low, 1.0, RATE)[-4] - blind.plain(low * 0.5, 1.0, RATE)[-4] == pytest.approx(6.02, abs=0.1)
    assert len(blind.spectral_mean(np.zeros(10, np.float32))) == 2 * blind.BANDS
    assert mixing.RATE == RATE
