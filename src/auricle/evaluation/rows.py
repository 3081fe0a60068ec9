"""The rows of a card: which clips ask what of a model that hears instruments, drums, field sounds, speech and music.

    for score in rows(Ears(model), of_benchmark(corpus, "test"), corpus.concepts): ...
    for score in digits(Ears(model), "fsdd.tar", "test"): ...

The same questions are asked of any held-out set; a question for which it has too few clips is left out.
"""

from __future__ import annotations

import os
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from auricle.data.items import Item
from auricle.data.world.facts import FAST, SLOW
from auricle.errors import DataError
from auricle.evaluation.corpus import Concepts
from auricle.evaluation.heldout import PLAYED, Ears, HeldOut
from auricle.evaluation.probing import FEWEST, Task, by_label, found_by_text, linear_probe, transferred, zero_shot
from auricle.evaluation.score import How, Mean, Score, digest, measured

FIELD = ("animal", "nature", "human", "vehicle", "machine", "home", "impact")
FORMS = ("melody", "chords", "arpeggio", "single note", "several instruments playing together")
LANGUAGES = 5  # sources that a language needs: one voice is no language
TAKES = {"test": range(5), "dev": range(5, 10)}  # of each digit by each speaker; later takes fit the probe
Side = Literal["dev", "test"]


def rows(ears: Ears, held: HeldOut, concepts: Concepts) -> Iterator[Score]:
    """Every row that the set can answer, in the order of the card."""
    for task in tasks(held, concepts, fewest=1):
        yield zero_shot(task, ears)
    for task in tasks(held, concepts):
        yield linear_probe(task, ears)
    for name, text, positive, negative in (("speech or not", "speech", *speech(held)), ("music or not", "music", *music(held, concepts))):
        if positive and negative:
            yield found_by_text(name, held, ears, positive, negative, text)
            classes = (text,) * len(positive) + (f"no {text}",) * len(negative)
            yield linear_probe(Task(name, held, (*positive, *negative), classes, balanced=True), ears)


def tasks(held: HeldOut, concepts: Concepts, *, fewest: int = FEWEST) -> Iterator[Task]:
    """Questions with classes. ``fewest``: sources of a class; a name can be asked for with one, a probe needs another to learn from."""
    voices = _leaves(concepts, "speech")
    languages = {label for item in held.items for label in item.labels if label.endswith(" speech")}
    tempo = tuple(item for item in held.items if _pace(item))
    no_drums = held.only(held.name, (i for i in held.items if not i.extra.get("drums")))
    asked = [
        by_label("instruments", no_drums, _leaves(concepts, *PLAYED), fewest=fewest),
        by_label("drums", held, _leaves(concepts, "percussion") - _leaves(concepts, "drum-pattern"), fewest=fewest),
        by_label("field sounds", held, _leaves(concepts, *FIELD) - voices, fewest=fewest),
        by_label("spoken language", held, languages, fewest=LANGUAGES, balanced=True),
        by_label("musical form", held, FORMS, balanced=True),
    ]
    yield from (task for task in asked if task is not None)
    paces = tuple(_pace(item) for item in tempo)
    if len(set(paces)) == 2:
        yield Task("tempo", held, tempo, paces, balanced=True)


def speech(held: HeldOut) -> tuple[list[Item], list[Item]]:
    """Who speaks for certain, and where certainly nobody does."""
    with_speech = [i for i in held.items if "speech" in i.labels]
    without = [i for i in held.items if i.labels and "speech" not in i.labels and "speech" not in i.extra.get("perhaps", ())]
    return with_speech, without


def music(held: HeldOut, concepts: Concepts) -> tuple[list[Item], list[Item]]:
    """What is played, against what is certainly no music. Single strokes of drums are neither."""
    strokes = (_leaves(concepts, "percussion") | {"percussion"}) - _leaves(concepts, "drum-pattern")
    loops = _leaves(concepts, "drum-pattern")
    played, other = [], []
    for item in held.items:
        labels = set(item.labels)
        if "music" in labels and (strokes.isdisjoint(labels) or not loops.isdisjoint(labels)):
            played.append(item)
        elif labels and "music" not in labels and strokes.isdisjoint(labels) and "music" not in item.extra.get("perhaps", ()):
            other.append(item)
    return played, other


def digits(ears: Ears, tar: str | os.PathLike[str], folder: Path, side: Side) -> Iterator[Score]:
    """Spoken digits (FSDD): which digit, by a probe that knows the speakers and by one that does not, and which speaker.

    The set's own split shares speakers, so each is also held out whole. folder: where the recordings are unpacked.
    """
    items = _digits(tar, folder)
    takes = TAKES[side]
    test = tuple(i for i in items if _take(i) in takes)
    fit = [i for i in items if _take(i) >= takes.stop]
    held = HeldOut(f"FSDD, takes {takes.start} to {takes.stop - 1}", test, folder)
    fitted_on = f"takes {takes.stop} to 49"
    for name, key in (("spoken digits", "said"), ("speakers of digits", "speaker")):
        task = Task(name, held, test, tuple(str(i.extra[key]) for i in test))
        yield transferred(task, ears, held, fit, [str(i.extra[key]) for i in fit], f"{fitted_on}, the same speakers")
    yield _strangers(ears, held, fit, fitted_on)


def _strangers(ears: Ears, held: HeldOut, fit: list[Item], fitted_on: str) -> Score:
    """Each speaker judged by a probe that never heard that voice; sources are the speakers."""
    right: list[float] = []
    items: list[Item] = []
    for speaker in sorted({str(i.extra["speaker"]) for i in held.items}):
        own = tuple(i for i in held.items if i.extra["speaker"] == speaker)
        others = [i for i in fit if i.extra["speaker"] != speaker]
        task = Task(speaker, held, own, tuple(str(i.extra["said"]) for i in own))
        found = transferred(task, ears, held, others, [str(i.extra["said"]) for i in others], fitted_on).sample
        assert isinstance(found, Mean)
        right += found.values.tolist()
        items += own
    how = How(
        "spoken digits of a new speaker, linear probe", f"{held.name}: {len(items)} clips of 6 speakers",
        digest([[i.id, i.hash] for i in items]), "accuracy", {"fitted": f"{fitted_on}, the other speakers"},
    )  # fmt: skip
    sample = Mean.of(right, [i.id for i in items], [str(i.extra["speaker"]) for i in items])
    metric = "spoken digits of a new speaker, linear probe accuracy"
    return measured(metric, sample, how, ears.model, baselines={"chance": 0.1, "majority": 0.1})


def _digits(tar: str | os.PathLike[str], folder: Path) -> list[Item]:
    """``digit_speaker_take.wav``. Raises DataError (Missing, Damaged)."""
    path = os.fspath(tar)
    if not os.path.isfile(path):
        raise DataError(
            "Missing", f"{path}: there is no such file.", path=path, hint="It is the tar of Jakobovski/free-spoken-digit-dataset."
        )
    try:
        with tarfile.open(path) as archive:
            archive.extractall(folder, filter="data")
    except tarfile.TarError as error:
        raise DataError("Damaged", f"{path}: {error}.", path=path, hint="Fetch it again.") from None
    items = []
    for file in sorted(folder.rglob("*_*_*.wav")):
        digit, speaker, take = file.stem.split("_")
        extra = {"said": digit, "speaker": speaker, "take": int(take)}
        items.append(Item(id=file.stem, audio=str(file.relative_to(folder)), clip=file.stem, set="fsdd", extra=extra))
    return items


def _take(item: Item) -> int:
    return int(item.extra["take"])


def _pace(item: Item) -> str:
    """Of what is played at a known tempo: as the world calls slow and fast."""
    tempo = item.extra.get("tempo")
    if not isinstance(tempo, (int, float)) or "music" not in item.labels:
        return ""
    return "slow music" if tempo <= SLOW else "fast music" if tempo >= FAST else ""


def _leaves(concepts: Concepts, *below: str) -> set[str]:
    """Plain names of the leaves under these concepts."""
    return {concepts.names[leaf] for leaf in concepts.leaves if not set(below).isdisjoint(concepts.line(leaf))}
