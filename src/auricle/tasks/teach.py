"""Teach a model kinds of sound by examples, in seconds: ``bark=clips/ whine=clips/`` → a head, and an honest score of it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from auricle.audio.types import Audio, Limits
from auricle.errors import AudioError, UsageError
from auricle.models import heads
from auricle.models.capabilities import Vectors
from auricle.models.taught import UNKNOWN, Example, Examples, LabelScore, Standing, Taught
from auricle.results import Failure
from auricle.tasks import teaching

MOST = 5000  # clips of one head
_BACKGROUND = 1024  # vectors of ordinary sounds, at most
_CLEAR = 0.75  # score below which, with chance not ruled out, a label is said not to be told from others
_PER_FILE = 8  # of one background file


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """One clip or moment, heard: its window vectors, and of which labels it is (True), or is not (False)."""

    path: str
    start: float
    end: float
    hash: str
    vectors: Vectors
    truth: Mapping[str, bool]


def teach(
    classes: Mapping[str, Any],
    model: Any,
    *,
    name: str,
    background: str | os.PathLike[str] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Taught, list[Failure]]:
    """A head that knows ``classes``: label → a folder of clips, a sound file, an Audio, or a list of those.

    Clips of one label are taken not to be of the others. background: a folder of sounds that are none of them; without it, the
    bundle's calibration sounds or (where there are none) the demo sounds stand for what else there is to hear.
    Gives the head and the clips that could not be heard. Raises UsageError (no label, one twice, a folder without sounds),
    AudioError (no clip of a label could be heard).
    """
    labels = tuple(heads.check_labels(list(classes)))
    same = sorted({a for a in labels if sum(a.casefold() == b.casefold() for b in labels) > 1})
    if same:
        raise UsageError(f"labels are repeated: {', '.join(same)}.", hint="Give each label once, with all its clips.")
    found = [list(clips_of(label, source)) for label, source in zip(labels, classes.values(), strict=True)]
    total = sum(map(len, found))
    if total > MOST:
        raise UsageError(f"there are {total} clips.", hint=f"A head takes {MOST}; give fewer.")
    ordinary, said, failures = _ordinary(model, background)
    shown: list[Shown] = []
    done = 0
    for label, clips in zip(labels, found, strict=True):
        failed: list[Failure] = []
        for clip in clips:
            try:
                shown.append(heard(clip, model, {other: other == label for other in labels}))
            except AudioError as error:
                failed.append(Failure(error.path, error.message, error.kind, error.hint))
            done += 1
            if progress is not None:
                progress(done, total)
        if len(failed) == len(clips):
            first = failed[0]
            raise AudioError(first.kind, first.path, f"no clip of {label!r} could be heard: {first.error}", hint=first.hint)  # type: ignore[arg-type]
        failures += failed
    return make(name, labels, shown, model, ordinary, said), failures


def clips_of(label: str, source: Any) -> Iterator[str | Audio]:
    """The sound files of a folder (and below), in order of their names; a file or an Audio is itself. Raises UsageError, AudioError."""
    from auricle import audio

    if isinstance(source, Audio):
        yield source
        return
    if isinstance(source, (list, tuple)):
        for one in source:
            yield from clips_of(label, one)
        if not source:
            raise UsageError(f"there are no clips for {label!r}.", hint=f"Give {label}=FOLDER with sound files in it.")
        return
    path = os.path.expanduser(os.fspath(source))
    if not path:
        raise UsageError(f"no folder is named for {label!r}.", hint=f"Write {label}=clips/")
    if not os.path.isdir(path):
        if not os.path.exists(path):
            raise UsageError(f"there is no folder {path} for {label!r}.", hint="Check the path and that the drive is mounted.")
        yield path
        return
    files = [
        os.path.join(folder, file)
        for folder, below, names in os.walk(path)
        if below.sort() is None  # in place: os.walk goes on in this order
        for file in sorted(names)
        if not file.startswith(".") and Path(file).suffix.lower() in audio.SUFFIXES
    ]
    if not files:
        raise UsageError(f"{path} holds no sound files for {label!r}.", hint="Name a folder of clips, e.g. WAV, FLAC, MP3 or Ogg.")
    yield from files


def heard(clip: str | Audio, model: Any, truth: Mapping[str, bool], *, named: tuple[str, float, float] | None = None) -> Shown:
    """Listen to one clip. ``named``: path and seconds, where an Audio is a moment of a recording. Raises AudioError."""
    from auricle import audio
    from auricle.models.listening import hear

    found = hear(clip, model, limits=Limits.stream())
    if isinstance(clip, Audio):
        path, start, end = named or (clip.source, float(found.starts[0]), float(found.ends[-1]))
        digest = hashlib.blake2b(np.ascontiguousarray(clip.samples).tobytes(), digest_size=16).hexdigest()
    else:
        path, start, end, digest = os.path.abspath(clip), float(found.starts[0]), float(found.ends[-1]), audio.content_hash(clip)
    return Shown(path, start, end, digest, teaching.spread(found.vectors), truth)


def _ordinary(model: Any, background: str | os.PathLike[str] | None) -> tuple[Vectors, str, list[Failure]]:
    """Vectors of ordinary sounds, what they are, and files that could not be heard."""
    if background is not None:
        return _of_files(list(clips_of("the background", background)), model, f"sounds of {os.fspath(background)}")
    calibration = getattr(model, "calibration", None)
    if calibration is not None and len(calibration.background):
        return calibration.background[:_BACKGROUND], f"{len(calibration.background)} calibration sounds of {model.name}", []
    from auricle.demo import SOUNDS

    return _of_files(list(clips_of("the background", SOUNDS)), model, "the demo sounds")


def _of_files(files: Sequence[str | Audio], model: Any, said: str) -> tuple[Vectors, str, list[Failure]]:
    vectors: list[Vectors] = []
    failures = []
    for file in files:
        try:
            found = heard(file, model, {}).vectors
        except AudioError as error:
            failures.append(Failure(error.path, error.message, error.kind, error.hint))
            continue
        vectors.append(found[np.unique(np.linspace(0, len(found) - 1, _PER_FILE).astype(np.int64))])
    if not vectors:
        raise UsageError("no background sound could be heard.", hint=failures[0].error if failures else "Name another folder.")
    bank = np.concatenate(vectors)
    if len(bank) > _BACKGROUND:
        bank = bank[np.linspace(0, len(bank) - 1, _BACKGROUND).astype(np.int64)]
    return bank, said, failures


def make(
    name: str,
    labels: tuple[str, ...],
    shown: Sequence[Shown],
    model: Any,
    background: Vectors | None = None,
    background_of: str = "",
) -> Taught:
    """A head from clips that were heard. Without ``background``, as :func:`teach` says."""
    if background is None:
        background, background_of, _ = _ordinary(model, None)
    examples = _gathered(labels, shown, model.dim)
    bundle = getattr(model, "bundle", None)
    blank = Taught(
        name, labels, np.zeros((len(labels), model.dim)), np.zeros(len(labels)), model.name, str(bundle.path) if bundle is not None else "",
        model.pipeline_id, background, background_of, examples, (), Standing(0, None, None, None),
    )  # fmt: skip
    return refitted(blank, model)


def answered(head: Taught, answers: Sequence[Shown], model: Any) -> Taught:
    """The head with more examples (or corrected ones: the same moment is replaced for the labels it speaks of), fitted anew.

    Raises UsageError for a label that the head does not know, ModelError for another model.
    """
    head.check(model)
    for answer in answers:
        for label in answer.truth:
            if head.place(label) is None:
                raise UsageError(f"{head.name} does not know {label!r}.", hint=f"It knows: {', '.join(head.labels)}.")
    known = {(e.path, round(e.start, 3), round(e.end, 3)): i for i, e in enumerate(head.examples.items)}
    truth = head.examples.truth.copy()
    new: list[Shown] = []
    for answer in answers:
        place = known.get((answer.path, round(answer.start, 3), round(answer.end, 3)))
        if place is None:
            new.append(answer)
            continue
        for label, yes in answer.truth.items():
            truth[place, head.place(label)] = yes
    more = _gathered(head.labels, new, model.dim)
    old = head.examples
    joined = Examples(
        (*old.items, *more.items), np.concatenate([truth, more.truth]), np.concatenate([old.vectors, more.vectors]),
        np.concatenate([old.owners, more.owners + len(old)]),
    )  # fmt: skip
    return refitted(replace(head, examples=joined), model)


def forgotten(head: Taught, path: str, start: float, end: float, label: str, model: Any) -> Taught:
    """The head without what was said of one moment and label: an answer taken back. Raises UsageError where there is none."""
    place = head.place(label)
    keys = [(e.path, round(e.start, 3), round(e.end, 3)) for e in head.examples.items]
    if place is None or (path, round(start, 3), round(end, 3)) not in keys:
        raise UsageError("nothing was said of that moment.", hint="Take back an answer that was given.")
    item = keys.index((path, round(start, 3), round(end, 3)))
    truth = head.examples.truth.copy()
    truth[item, place] = UNKNOWN
    keep = (truth != UNKNOWN).any(axis=1)
    old = head.examples
    windows = keep[old.owners]
    examples = Examples(
        tuple(e for e, kept in zip(old.items, keep, strict=True) if kept), truth[keep], old.vectors[windows],
        (np.cumsum(keep) - 1)[old.owners[windows]],
    )  # fmt: skip
    if not len(examples):
        raise UsageError("that is the only example.", hint="Give another before you take this one back.")
    return refitted(replace(head, examples=examples), model)


def _gathered(labels: tuple[str, ...], shown: Sequence[Shown], dim: int) -> Examples:
    folded = {label.casefold(): i for i, label in enumerate(labels)}
    truth = np.full((len(shown), len(labels)), UNKNOWN, np.int8)
    for i, one in enumerate(shown):
        for label, yes in one.truth.items():
            truth[i, folded[" ".join(label.split()).casefold()]] = yes
    vectors = [np.zeros((0, dim), np.float32), *(one.vectors for one in shown)]
    owners = np.repeat(np.arange(len(shown)), [len(one.vectors) for one in shown])
    items = tuple(Example(one.path, one.start, one.end, one.hash) for one in shown)
    return Examples(items, truth, np.concatenate(vectors).astype(np.float32), owners.astype(np.int64))


def refitted(head: Taught, model: Any) -> Taught:
    """Weights, scores, history and warnings from the examples that the head holds."""
    examples = teaching.grouped(head.examples)
    examples = replace(examples, truth=_agreed(examples))
    background = _apart(head.background, examples.vectors)
    prior = teaching.Prior.of(model, head.labels)
    weights, bias = teaching.fit(examples, background, prior)
    distinct = teaching.distinct_of(examples)
    counts = (head.examples.truth == 1).sum(axis=0).tolist()
    warnings = _warnings(head.labels, examples, counts, distinct)
    if (distinct >= teaching.FEWEST).any():
        held = teaching.held_back(examples, background, prior, (weights, bias))
        scale, shift = teaching.rescaled(held, examples, background, prior)
        scores, standing = teaching.judged(head.labels, examples, background, prior, held, scale, shift)
        scores = tuple(replace(s, examples=count) for s, count in zip(scores, counts, strict=True))
        weights, bias = scale * weights, scale * bias + shift
        warnings += _doubts(scores, teaching.confused(head.labels, examples, held))
    else:
        scores = tuple(
            LabelScore(label, counts[c], int(distinct[c]), int((examples.truth[:, c] == 0).sum())) for c, label in enumerate(head.labels)
        )
        standing = Standing(len(examples), None, None, None)
    return replace(
        head, examples=replace(examples, truth=head.examples.truth), weights=weights, bias=bias, scores=scores, standing=standing,
        history=(*head.history, standing)[-500:], warnings=tuple(warnings), values=None, beta=0.0,
    )  # fmt: skip


def _agreed(examples: Examples) -> npt.NDArray[np.int8]:
    """A sound that stands under two labels is of both: its copies are not held against each other."""
    truth = examples.truth.copy()
    groups = np.array([item.group for item in examples.items], dtype=np.int64)
    for group in np.unique(groups):
        own = groups == group
        truth[own] = np.where((truth[own] == 1).any(axis=0), 1, truth[own]).astype(np.int8)
    return truth


def _apart(background: Vectors, vectors: Vectors) -> Vectors:
    """Ordinary sounds without those that were shown."""
    kept: Vectors = background[(background @ vectors.T).max(axis=1) < teaching.SAME] if len(vectors) and len(background) else background
    return kept


def _warnings(labels: tuple[str, ...], examples: Examples, counts: Sequence[int], distinct: npt.NDArray[np.int64]) -> list[str]:
    said = []
    groups = np.array([item.group for item in examples.items], dtype=np.int64)
    for c, label in enumerate(labels):
        count = counts[c]
        if not count:
            said.append(f"{label}: no example; it is judged by its name alone.")
        elif distinct[c] < count:
            sounds = "sound" if distinct[c] == 1 else "sounds"
            said.append(f"{label}: {count} examples hold {distinct[c]} distinct {sounds}: copies count once.")
        if 0 < distinct[c] < teaching.FEWEST:
            said.append(f"{label}: no score can be given with fewer than {teaching.FEWEST} distinct examples.")
    for a in range(len(labels)):
        for b in range(a + 1, len(labels)):
            both = set(groups[(examples.truth[:, a] == 1) & (examples.truth[:, b] == 1)].tolist())
            if both:
                first = next(e.path for e in examples.items if e.group in both)
                more = f" and {len(both) - 1} more" if len(both) > 1 else ""
                said.append(f"the same sound stands under {labels[a]} and {labels[b]}: {first}{more}. It counts for both.")
    return said


def _doubts(scores: Sequence[LabelScore], pairs: Sequence[tuple[str, str, int, int]]) -> list[str]:
    said = [
        f"{s.label} cannot be told from other sounds with these examples: give more, or clearer ones."
        if s.score < _CLEAR
        else f"{s.label}: {s.distinct} distinct examples are too few to be sure that it is known; give more."
        for s in scores
        if s.score is not None and s.low is not None and s.low <= 0.5
    ]
    said += [
        f"{a} and {b} cannot be told apart with these examples"
        + (f": {right} of {of} held-back sounds went to the right one." if of else ": they hold the same sounds.")
        for a, b, right, of in pairs
    ]
    return said
