"""A sound is found again after what happens to sounds on their way through the world; different sounds are not."""

from __future__ import annotations

import io

import numpy as np
import pytest
import soundfile
from datasounds import tone

from auricle import audio
from auricle.audio import Audio
from auricle.data.prints import RATE, Prints, fingerprint
from auricle.demo import SOUNDS

# Recordings of the demo, each another sound; the long scenes (field/) are made of them and are looked into in a test of its own.
CLIPS = sorted(p for p in SOUNDS.rglob("*") if p.suffix in audio.SUFFIXES and not p.name.startswith("ZOOM"))


def printed(sound):
    return fingerprint([sound.mono().at(RATE)])


def coded(sound, **how):
    file = io.BytesIO()
    soundfile.write(file, sound.samples.T, sound.rate, **how)
    return audio.open(file.getvalue())


def written(sound, path):
    audio.write(path, sound, overwrite=True)
    return audio.open(path)


def noisy(sound, decibels):
    noise = np.random.default_rng(0).normal(size=sound.samples.shape).astype(np.float32)
    level = np.sqrt((sound.samples**2).mean()) * 10 ** (-decibels / 20)
    return Audio(sound.samples + level * noise, sound.rate)


# what happens to it, and the part of the sounds that must be found again
HAPPENS = {
    "later by 317 ms": (lambda a, _: Audio(np.pad(a.samples, ((0, 0), (int(0.317 * a.rate), 0))), a.rate), 1.0),
    "without its first quarter second": (lambda a, _: a.slice(min(0.25, 0.3 * a.duration)), 0.95),
    "its middle half": (lambda a, _: a.slice(0.25 * a.duration, 0.75 * a.duration), 0.90),
    "40 dB softer, 16 bit": (lambda a, _: coded(Audio(0.01 * a.samples, a.rate), format="WAV", subtype="PCM_16"), 0.95),
    "6 dB louder, clipped": (lambda a, _: Audio(np.clip(2 * a.samples, -1, 1), a.rate), 0.98),
    "at 11,025 Hz": (lambda a, _: a.at(11025), 1.0),
    "at 48 kHz as Opus": (lambda a, folder: written(a.at(48000), folder / "x.opus"), 1.0),
    "as Vorbis": (lambda a, folder: written(a, folder / "x.ogg"), 1.0),
    "as MP3": (lambda a, _: coded(a.at(44100), format="MP3"), 0.98),
    "with noise at 20 dB": (lambda a, _: noisy(a, 20), 0.90),
}


@pytest.fixture(scope="module")
def clips():
    sounds = [audio.open(path, mono=True).slice(0, 6) for path in CLIPS]
    prints = [printed(sound) for sound in sounds]
    return sounds, prints, Prints(prints)


@pytest.mark.parametrize("happens", HAPPENS)
def test_recall(clips, happens, tmp_path, record_property):
    sounds, _, index = clips
    change, least = HAPPENS[happens]
    step = 2 if " as " in f" {happens}" else 1  # coding takes its time
    found = [
        any(match.index == i for match in index.find(printed(change(sound, tmp_path)))) for i, sound in list(enumerate(sounds))[::step]
    ]
    record_property("recall", sum(found) / len(found))
    print(f"{happens}: recall {sum(found)}/{len(found)}")
    assert sum(found) / len(found) >= least, [CLIPS[step * i].name for i, hit in enumerate(found) if not hit]


def test_different_sounds_are_different(clips):
    _, prints, index = clips
    false = [(CLIPS[i].name, CLIPS[m.index].name, m) for i, p in enumerate(prints) for m in index.find(p) if m.index != i]
    assert not false


def test_a_clip_is_found_in_a_scene(clips):
    """The demo's recordings of the field hold some of its clips."""
    _, prints, _ = clips
    scenes = sorted(p for p in SOUNDS.glob("field/ZOOM*") if p.suffix in audio.SUFFIXES)
    index = Prints([printed(audio.open(path)) for path in scenes])
    names = {CLIPS[i].name: [scenes[m.index].stem for m in index.find(p)] for i, p in enumerate(prints)}
    assert names["horse_neigh.ogg"] == ["ZOOM0001"]
    assert names["applause.ogg"] == ["ZOOM0005"]


def test_shift_and_length_of_a_match():
    samples = np.random.default_rng(1).normal(size=4 * RATE).astype(np.float32) * np.repeat(np.random.default_rng(2).random(40), RATE // 10)
    whole = Audio((0.1 * samples).astype(np.float32), RATE)
    (match,) = Prints([printed(whole)]).find(printed(whole.slice(1.5, 3.5)))
    assert match.shift == pytest.approx(1.5, abs=0.03)
    assert match.seconds == pytest.approx(2.0, abs=0.15)


def test_blocks_give_what_the_whole_gives():
    samples, _ = tone(9.0, rate=RATE)
    samples *= np.repeat(np.random.default_rng(3).random(90), RATE // 10).astype(np.float32)
    whole = Audio(samples, RATE)
    index = Prints([printed(whole)])
    assert index.find(fingerprint([whole.slice(i, i + 3) for i in (0, 3, 6)]))[0].similarity > 0.99


@pytest.mark.parametrize("samples", [np.zeros(0), np.zeros(1), np.zeros(RATE), np.full(RATE, 0.5), np.ones(3)])
def test_nothing_to_hear_is_like_nothing(samples):
    made = fingerprint([Audio(samples.astype(np.float32), RATE)] if len(samples) else [])
    assert Prints([made]).find(made) == [] or made.bands.any()
    assert Prints([]).find(made) == []
