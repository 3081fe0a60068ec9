"""Speech that nobody spoke: is it taken for speech as a person's is, and can the model tell which is which?

People's sentences from the set, and the same sentences from a synthesizer. All at one level and in one band, so that neither gives itself
away by rate or loudness; then both once more as if played by a loudspeaker in a room and recorded again. A sentence and its copies stay
together, and the voices of a part are heard in no other. What a probe on plain spectra tells apart stands beside what the model does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from auricle.audio import Audio
from auricle.data.items import Item
from auricle.data.world.acoustics import Float32, Place, convolved, echo, gain, low_passed
from auricle.errors import AudioError
from auricle.evaluation.heldout import HeldOut
from auricle.evaluation.probes import blind, mixing
from auricle.evaluation.probes.base import Audit, Sounds, too_few
from auricle.evaluation.probes.speech import Speaker, sounding
from auricle.evaluation.score import Area, How, Score, digest, measured
from auricle.evaluation.statistics import Floats
from auricle.models.capabilities import EmbedsAudio, EmbedsText, Vectors
from auricle.models.two_towers import unit

SENTENCES = 80
OTHERS = 80  # clips without speech
LONGEST = 6.0  # seconds
WORDS = 2  # of a sentence, at least
BAND = 8_000  # Hz: the rate to which everything is brought down, and back
FOLDS = 4
SPEECH = "speech"
MADE, BY_PERSON = "a computer voice, text to speech", "a person speaking"
CONDITIONS = ("recorded", "synthetic", "recorded, played back", "synthetic, played back")
_ROOM = Place("room", 0.35, 3.0, 8.0)
TITLE = "Synthetic speech"


@dataclass(frozen=True)
class Sentence:
    """``sounds``: the same words under each of ``CONDITIONS``. ``part``: of those that a probe is fitted and asked on."""

    item: Item
    part: int
    voice: int
    sounds: tuple[Float32, ...]


class Spoofing:
    name = "spoofing"
    title = TITLE
    needs = (EmbedsAudio, EmbedsText)

    def run(self, model: Any, sounds: Sounds, *, seed: int, told: Callable[[str], None]) -> Audit:
        speaker = Speaker.installed()
        if speaker is None:
            raise too_few(self.name, "a synthesizer: install espeak-ng or flite")
        sentences = compose(sounds.held, speaker, seed)
        others = others_of(sounds.held, seed)
        if len(sentences) < FOLDS or not others:
            raise too_few(self.name, "English sentences with their words, spoken by people, and clips without speech")
        told(f"{len(sentences)} sentences in {len(CONDITIONS)} conditions, {len(others)} other clips")
        heard = [[mixing.heard(model, sound) for sound in sentence.sounds] for sentence in sentences]
        rest = [mixing.heard(model, sound) for _, sound in others]
        return audit(model, sounds.held, sentences, others, heard, rest, speaker.name)


def compose(held: HeldOut, speaker: Speaker, seed: int) -> list[Sentence]:
    """A source belongs to one part, and so do the voices that speak what it says."""
    rng = np.random.default_rng(seed)
    spoken = [item for item in mixing.labelled(held) if len(_words(item).split()) >= WORDS and not made_here(item)]
    found: list[Sentence] = []
    parts: dict[str, int] = {}
    for place in rng.permutation(len(spoken)):
        if len(found) == SENTENCES:
            break
        item = spoken[int(place)]
        part = parts.setdefault(item.cluster, len(parts) % FOLDS)
        voice = part + FOLDS * (len(found) % max(1, len(speaker.voices) // FOLDS))
        try:
            recorded = _plain(held.open(item, rate=mixing.RATE).samples[0])
        except AudioError:
            continue
        synthetic = _plain(speaker.say(_words(item), voice))
        if len(recorded) and len(synthetic):
            back = [_played(sound, int(rng.integers(1 << 31))) for sound in (recorded, synthetic)]
            found.append(Sentence(item, part, voice, (recorded, synthetic, *back)))
    return found


def others_of(held: HeldOut, seed: int) -> list[tuple[Item, Float32]]:
    """Clips in which certainly nobody speaks, in the same band and at the same level."""
    rng = np.random.default_rng((seed, 1))
    items = [item for item in mixing.labelled(held) if mixing.absent(SPEECH, item) and mixing.absent("singing", item)]
    found: list[tuple[Item, Float32]] = []
    for place in rng.permutation(len(items)):
        if len(found) == OTHERS:
            break
        try:
            sound = _plain(mixing.cut(held, items[int(place)], LONGEST))
        except AudioError:
            continue
        if len(sound):
            found.append((items[int(place)], sound))
    return found


def made_here(item: Item) -> bool:
    """Whether an item says of itself that no person spoke it."""
    told = " ".join((item.id, item.source, item.licence, str(item.extra.get("engine", "")))).lower()
    return bool(item.extra.get("synthetic")) or any(word in told for word in ("espeak", "flite", "made here", "rendered", "tts"))


def _words(item: Item) -> str:
    said = str(item.extra.get("said") or item.extra.get("transcript") or "")
    languages = [label for label in item.labels if label.endswith(" speech")]
    return said if said.isascii() and all(label == "English speech" for label in languages) else ""


def _plain(sound: Float32) -> Float32:
    """In the band of a telephone, where it sounds, at one level."""
    if not len(sound):
        return sound
    narrow = Audio(sound[None, : round(LONGEST * mixing.RATE)], mixing.RATE).at(BAND).at(mixing.RATE).samples[0]
    return sounding(narrow)


def _played(sound: Float32, seed: int) -> Float32:
    """From a small loudspeaker, across a room, with its noise."""
    rng = np.random.default_rng(seed)
    small = low_passed(sound, mixing.RATE, 3000.0) - low_passed(sound, mixing.RATE, 250.0)
    room = small + gain(-_ROOM.direct) * convolved(small, echo(_ROOM, mixing.RATE, seed))[: len(small)]
    noisy = mixing.leveled(room, mixing.LEVEL) + (rng.standard_normal(len(room)) * gain(mixing.LEVEL - 30.0)).astype(np.float32)
    return mixing.leveled(noisy.astype(np.float32), mixing.LEVEL)


# ------------------------------------------------------------------------------------------------------------------- scores


def audit(
    model: Any, held: HeldOut, sentences: Sequence[Sentence], others: Sequence[tuple[Item, Float32]], heard: Sequence[Sequence[Vectors]],
    rest: Sequence[Vectors], by: str,
) -> Audit:  # fmt: skip
    ids, sources = [s.item.id for s in sentences], [s.item.cluster for s in sentences]
    other_ids, other_sources = [item.id for item, _ in others], [item.cluster for item, _ in others]
    data = f"{held.name}: {len(ids)} sentences of {len(set(sources))} sources, {len(other_ids)} other clips; speech by {by}"
    made_of = digest([held.hash, ids, other_ids, [s.voice for s in sentences], by])
    asked = (SPEECH, MADE, BY_PERSON)
    values = [mixing.presence(model, [row[k] for row in heard], asked) for k in range(len(CONDITIONS))]
    away = mixing.presence(model, rest, asked)[:, 0]

    def score(metric: str, positive: Floats, negative: Floats, names: Sequence[str], clusters: Sequence[str], **base: float) -> Score:
        details = {"asked": list(asked), "band": BAND / 2, "folds": FOLDS, "interval": "95 %, bootstrap over sources"}
        how = How("synthetic speech", data, made_of, metric, details)
        truth = (True,) * len(positive) + (False,) * len(negative)
        sample = Area(np.concatenate([positive, negative]), truth, tuple(names), tuple(clusters))
        return measured(
            metric,
            sample,
            how,
            model,
            baselines={"chance": 0.5, **{name.replace("_", " "): value for name, value in base.items()}},
            rounds=500,
        )

    scores: list[Score] = []
    for k, condition in enumerate(CONDITIONS):
        names, clusters = [*(f"{i}: {condition}" for i in ids), *other_ids], [*sources, *other_sources]
        scores.append(score(f"{condition} speech found by 'speech' (AUROC)", values[k][:, 0], away, names, clusters))
    notes = [
        f"synthetic: {by} against recorded speech, all below {BAND // 2000} kHz and at one level",
        "a probe is asked of other voices than it was fitted on, of the same programs",
    ]
    for first, second, told in ((0, 1, ""), (2, 3, ", both played back")):
        names = [f"{i}: {CONDITIONS[k]}" for k in (first, second) for i in ids]
        clusters = [*sources, *sources]
        above = f"recorded above synthetic for 'speech'{told} (AUROC)"
        scores.append(score(above, values[first][:, 0], values[second][:, 0], names, clusters))
        said = [values[k][:, 1] - values[k][:, 2] for k in (second, first)]
        swapped = [f"{i}: {CONDITIONS[k]}" for k in (second, first) for i in ids]
        scores.append(score(f"told apart in words{told} (AUROC)", said[0], said[1], swapped, clusters))
        probe, spectra = _told(sentences, heard, first, second)
        n = len(ids)
        plain = Area(spectra, (True,) * n + (False,) * n, tuple(swapped), tuple(clusters)).at(np.ones(2 * n, np.int64))
        scores.append(score(f"told apart by a probe{told} (AUROC)", probe[:n], probe[n:], swapped, clusters, plain_spectra=plain))
        if plain >= scores[-1].value:
            notes.append(f"plain spectra tell them apart as well or better{told}: the probe on the model shows nothing of its own")
    return Audit(Spoofing.name, TITLE, tuple(scores), (), tuple(notes))


def _told(sentences: Sequence[Sentence], heard: Sequence[Sequence[Vectors]], recorded: int, synthetic: int) -> tuple[Floats, Floats]:
    """Log-odds of "synthetic" for the synthetic, then the recorded: by the model's vectors, and by plain spectra.

    What is asked is of a part of which nothing was fitted: neither its sources nor its voices.
    """
    part = np.array([s.part for s in sentences])
    fold = np.concatenate([part, part])
    truth = np.concatenate([np.ones(len(part), bool), np.zeros(len(part), bool)])
    pooled = [unit(row[k].mean(axis=0, dtype=np.float64)) for k in (synthetic, recorded) for row in heard]
    spectra = [blind.spectral_mean(s.sounds[k]) for k in (synthetic, recorded) for s in sentences]
    return blind.held_back(np.stack(pooled), truth, fold), blind.held_back(blind.scaled(np.stack(spectra)), truth, fold)
