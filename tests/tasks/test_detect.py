"""Events: what is heard when, on real sounds with known moments; streamed and whole alike; odd input."""

from __future__ import annotations

import itertools
from dataclasses import asdict, dataclass, field

import numpy as np
import pytest

import auricle
from auricle import audio
from auricle.audio.types import Audio
from auricle.demo import SOUNDS, moments
from auricle.errors import AudioError, ModelError, UsageError
from auricle.models import hub
from auricle.models.bundle import Bundle
from auricle.models.capabilities import Windowing
from auricle.models.detecting import DEFAULT
from auricle.models.heads import Calibration
from auricle.tasks import detect as task
from auricle.tasks.detect import Decoder, Reader, Rules, cells, detect, events


@pytest.fixture(scope="module")
def model():
    return auricle.load("tiny-towers", threads=1)


@pytest.fixture(scope="module")
def scene(model):
    """A dog, silence, bells that a siren joins: 16 kHz, with what is heard when."""
    rate = model.rate

    def part(file, seconds):
        samples = audio.open(str(SOUNDS / file), rate=rate, mono=True).samples[0][: int(seconds * rate)]
        return 0.3 * samples / max(1e-6, float(np.abs(samples).max()))

    sound = np.zeros(40 * rate, np.float32)
    placed = []
    for file, at, seconds in (
        ("animals/dog barking.ogg", 10.0, 4.5),
        ("music/church bells.ogg", 20.0, 10.0),
        ("town/siren.ogg", 27.0, 6.0),
    ):
        samples = part(file, seconds)
        sound[int(at * rate) : int(at * rate) + len(samples)] += samples
        placed.append((file, at, at + len(samples) / rate))
    noise = np.random.default_rng(0).normal(size=len(sound)).astype(np.float32) * 1e-4
    return Audio((sound + noise)[None, :], rate, "scene"), placed


LABELS = ["dog barking", "church bells", "a siren"]


def test_events_lie_where_the_sounds_are(scene, model):
    sound, placed = scene
    found = detect(sound, LABELS, model)
    assert found == sorted(found, key=lambda e: (e.start, e.end, e.label))
    for label, (_, start, end) in zip(LABELS, placed, strict=True):
        best = [e for e in found if e.label == label and min(e.end, end) - max(e.start, start) > 0.5 * (end - start)]
        assert best, (label, found)
        assert best[0].start == pytest.approx(start, abs=2.0)
        assert 0 < best[0].score <= 1


def test_events_overlap(scene):
    """With the first model, that hears a little longer and so lets the bells ring on beneath the siren."""
    sound, _ = scene
    found = detect(sound, LABELS, auricle.load("tiny-towers@1", threads=1))
    bells, siren = (next(e for e in found if e.label == label) for label in LABELS[1:])
    assert bells.start < siren.start < bells.end


@pytest.mark.parametrize("file", ["animals/dog barking.ogg", "weather/rain on a tin roof.ogg", "speech/weasels.ogg"])
def test_known_moments_of_real_files(file, model):
    label = {"animals": "dog barking", "weather": "rain", "speech": "speech"}[file.split("/")[0]]
    known = [m for m in moments() if m["file"] == file]
    found = detect(str(SOUNDS / file), [label, "chainsaw"], model)
    assert {e.label for e in found} == {label}
    heard = sum(max(0.0, min(e.end, known[0]["end"]) - max(e.start, known[0]["start"])) for e in found)
    assert heard > 0.5 * (known[0]["end"] - known[0]["start"])


def blocks_of(sound, sizes):
    at = 0
    for size in itertools.cycle(sizes):
        part = sound.samples[:, at : at + size]
        if not part.shape[1]:
            return
        yield Audio(part, sound.rate, sound.source, offset=at / sound.rate)
        at += size


@pytest.mark.parametrize("sizes", [(16_000,), (777, 50_000), (640_000,)])
def test_streamed_is_whole(scene, model, sizes):
    sound, _ = scene
    whole = detect(sound, LABELS, model)
    streamed = sorted(
        events(blocks_of(sound, sizes), Reader.of(LABELS, model, None), model, Rules.of(model)), key=lambda e: (e.start, e.end, e.label)
    )
    assert [(e.start, e.end, e.label) for e in streamed] == [(e.start, e.end, e.label) for e in whole]
    assert np.allclose([e.score for e in streamed], [e.score for e in whole], atol=1e-4)


def test_stretches_follow_each_other(scene, model):
    sound, _ = scene
    parts = list(cells(blocks_of(sound, (30_000,)), model))
    starts, ends = (np.concatenate([part[i] for part in parts]) for i in (0, 1))
    assert starts[0] == 0.0
    assert np.allclose(starts[1:], ends[:-1])
    assert ends[-1] == pytest.approx(sound.duration, abs=0.6)
    assert np.allclose(np.linalg.norm(np.concatenate([part[2] for part in parts]), axis=1), 1.0, atol=1e-5)


def test_memory_does_not_grow_with_the_recording(model):
    import tracemalloc

    def endless(minutes):
        noise = np.random.default_rng(0).normal(size=model.rate).astype(np.float32)[None, :] * 0.01
        for second in range(minutes * 60):
            yield Audio(noise, model.rate, "noise", offset=float(second))

    def peak(minutes):
        tracemalloc.start()
        assert list(events(endless(minutes), Reader.of(["a gong"], model, None), model, Rules())) == []
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    peak(1)
    assert peak(6) < peak(2) * 1.3 + (1 << 20)


@dataclass
class WindowModel:
    """Hears windows only; loud ones point along the first axis."""

    name: str = "w@1"
    pipeline_id: str = "w@1:0"
    rate: int = 8000
    dim: int = 16
    windowing: Windowing = field(default_factory=lambda: Windowing(1.0, 0.5))
    calibration: Calibration | None = None

    def embed_audio(self, windows):
        loud = np.array([float(np.abs(w.samples).mean()) > 0.05 for w in windows])
        return np.where(loud[:, None], np.eye(16)[0], np.eye(16)[1]).astype(np.float32)

    def embed_text(self, texts):
        return np.repeat(np.eye(16, dtype=np.float32)[:1], len(texts), axis=0)


def test_a_model_without_frames_uses_windows():
    bank = np.random.default_rng(0).normal(size=(20, 16)).astype(np.float32)
    model = WindowModel(calibration=Calibration(bank / np.linalg.norm(bank, axis=1, keepdims=True), np.array([0.0, 8.0, 0.0, -4.0]), "x"))
    samples = np.zeros(80_000, np.float32)
    samples[24_000:48_000] = 0.5
    found = detect(Audio(samples[None, :], 8000, "x"), ["loud"], model)
    assert [(e.start, e.end) for e in found] == [pytest.approx((3.0, 6.0), abs=0.5)]


def test_words_need_a_calibrated_model():
    with pytest.raises(ModelError, match="not calibrated"):
        detect(Audio(np.zeros((1, 8000), np.float32), 8000, "x"), ["loud"], WindowModel())


def decoded(values, rules, piece=3):
    values = np.asarray(values, dtype=np.float64).reshape(-1, 1)
    times = np.arange(len(values) + 1, dtype=np.float64)
    decoder, out = Decoder(1, rules), []
    for at in range(0, len(values), piece):
        stop = min(at + piece, len(values))
        out += decoder.add(times[at:stop], times[at + 1 : stop + 1], values[at:stop])
    return [(start, end, score) for _, start, end, score in [*out, *decoder.finish()]]


@pytest.mark.parametrize("piece", [1, 2, 3, 100])
def test_two_thresholds(piece):
    rules = Rules(threshold=0.6, low=0.5, merge=0.0)
    assert decoded([0, 0.4, 0.9, 0.35, 0.1, 0.5, 0.5, 0], rules, piece) == [(1.0, 4.0, 0.9)]  # the hum at 5 opens nothing
    assert decoded([0.9, 0, 0, 0.7], rules, piece) == [(0.0, 1.0, 0.9), (3.0, 4.0, 0.7)]
    assert decoded([0.9, 0, 0, 0.7], Rules(0.6, merge=2.0), piece) == [(0.0, 4.0, 0.9)]
    assert decoded([0.9, 0, 0, 0.7], Rules(0.6, merge=1.9), piece) == [(0.0, 1.0, 0.9), (3.0, 4.0, 0.7)]
    assert decoded([0.9, 0, 0, 0.7, 0.7], Rules(0.6, merge=0.0, min_duration=2.0), piece) == [(3.0, 5.0, 0.7)]
    assert decoded([0.1, 0.2], rules, piece) == []


def test_odd_input(model, tmp_path):
    assert detect(Audio(np.zeros((1, 100), np.float32), 16_000, "short"), ["dog"], model) == []
    with pytest.raises(AudioError, match="no sound"):
        detect(Audio(np.zeros((1, 0), np.float32), 16_000, "none"), ["dog"], model)
    (tmp_path / "bad.wav").write_bytes(b"no sound")
    with pytest.raises(AudioError):
        detect(str(tmp_path / "bad.wav"), ["dog"], model)
    for labels in ([], [" "], ["dog", "dog"]):
        with pytest.raises(UsageError):
            detect(str(SOUNDS / "animals" / "CROW.wav"), labels, model)
    for rules in ({"threshold": 0.0}, {"threshold": 1.0}, {"threshold": float("nan")}, {"merge": -1.0}, {"min_duration": float("inf")}):
        with pytest.raises(UsageError):
            Rules(**rules)


def test_the_public_call():
    found = auricle.detect(str(SOUNDS / "animals" / "dog barking.ogg"), ["dog barking"], threshold=0.3, merge=0.0)
    assert found
    assert found[0].label == "dog barking"
    assert (found[0].model, task.has_frames(auricle.load("tiny-towers"))) == ("tiny-towers@2", True)


# ------------------------------------------------------------------------------------------ what belongs to the model


def made(folder, section=None, frames=False):
    """tiny-towers with a section of its own, and, with ``frames``, the calibration of windows offered as one of frames."""
    shipped = Bundle.open(hub.resolve("tiny-towers@1"))
    config = {key: value for key, value in shipped.config.items() if key != "detection"}
    files = {name: shipped.file(name) for name in shipped.card.files if name != "config.json"}
    if frames:
        files["frames.npz"] = shipped.file("calibration.npz")
    config |= {} if section is None else {"detection": section}
    return auricle.load(str(Bundle.write(folder, config, shipped.card, files, link=True).path), threads=1)


def test_a_bundle_says_how_it_is_read(scene, tmp_path):
    sound, _ = scene
    model = auricle.load("tiny-towers@1", threads=1)
    same = made(tmp_path / "same", asdict(DEFAULT))
    assert detect(sound, LABELS, same) == detect(sound, LABELS, model)
    assert same.pipeline_id == model.pipeline_id == made(tmp_path / "other", {"threshold": 0.9}).pipeline_id  # its vectors are the same
    fine = made(tmp_path / "fine", {"averaged": 0, "merge": 0.0, "threshold": 0.6})
    assert Rules.of(fine) == Rules(0.6, 0.0, 0.0, 0.5)
    assert Rules.of(fine, 0.2, merge=1.0) == Rules(0.2, 0.0, 1.0, 0.5)
    assert detect(sound, LABELS, fine) == detect(sound, LABELS, fine, rules=Rules(0.6, merge=0.0))
    averaged, alone = (np.concatenate([part[2] for part in cells((sound,), one)]) for one in (model, fine))
    assert averaged.shape == alone.shape
    assert np.allclose(alone, np.concatenate([part.vectors for part in fine.frames((sound,))]), atol=1e-6)
    assert not np.allclose(alone, averaged, atol=0.01)


def test_a_calibration_of_frames_goes_before_scale_and_shift(scene, tmp_path):
    sound, _ = scene
    model = made(tmp_path / "frames", {"scale": 3.0, "shift": 1.0}, frames=True)
    reader = Reader.of(LABELS, model, None)
    assert (reader.scale.tolist(), reader.shift.tolist()) == ([1.0] * 3, [0.0] * 3)
    assert np.allclose(Reader.of(LABELS, model, None, windows=True).scale, 3.0)
    told = np.concatenate([values for _, _, values in task.curves((sound,), reader, model)])
    vectors = np.concatenate([part[2] for part in cells((sound,), model)])
    assert np.allclose(told, 1 / (1 + np.exp(-model.calibration.log_odds(vectors, model.embed_text(LABELS)))), atol=1e-9)


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ({"treshold": 0.4}, "detection.treshold is unknown; known are averaged"),
        ({"threshold": 1}, "detection.threshold must be between 0 and 1"),
        ({"threshold": "0.4"}, "detection.threshold must be a number"),
        ({"scale": 0}, "detection.scale must be above 0"),
        ({"averaged": -1}, "detection.averaged must be from 0"),
        ([0.4], "detection is not an object"),
    ],
)
def test_a_wrong_section_is_a_damaged_bundle(section, words, tmp_path):
    with pytest.raises(ModelError, match=words) as caught:
        made(tmp_path / "wrong", section)
    assert caught.value.kind == "Damaged"
