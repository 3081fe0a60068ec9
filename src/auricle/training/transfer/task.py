"""Labelled sounds as a task: which labels are told apart, what is learned from, what is tested on, and draws of a few shots.

    task = read("clips.jsonl")                      # a manifest, a folder of folders, or a table
    for side in task.sides: ...                     # (train, test), places of examples; one pair, or one a fold
    task.draw(train, 4, seed=0)                     # four sounds a label, each of another source clip

A shot is one sound of a source clip that no other shot is from. The draws of a seed are nested: its 2 shots are among its 4.
"""

from __future__ import annotations

import os
import re
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from auricle.data.items import Item
from auricle.errors import DataError, UsageError

Places = npt.NDArray[np.int64]
ALL = "all"
UNKNOWN = -1  # in ``Task.truth``
STRAY = 0.02  # share of sounds with several of the labels up to which these are strays that are left out, and labels exclude each other
_FOLD = re.compile(r"(?:fold[ _-]?)?(\d+)", re.IGNORECASE)
_TABLE = (".csv", ".tsv")
_GUESSES = {
    "audio": ("audio", "file", "filename", "file_name", "path", "slice_file_name", "fname"),
    "labels": ("labels", "label", "category", "class", "classname"),
    "split": ("split", "subset", "fold"),
    "clip": ("clip", "src_file", "freesound_id", "source_id", "fsid"),
}


@dataclass(frozen=True, slots=True)
class Example:
    """A sound of the task. ``clip``: the source it was cut from; sounds of one clip vary together and stay on one side."""

    item: Item
    folder: Path
    clip: str


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """``truth`` [n, k]: 1 it is of the label, 0 it is not, −1 nobody knows. ``exclusive``: each sound is of exactly one label."""

    labels: tuple[str, ...]
    examples: tuple[Example, ...]
    truth: npt.NDArray[np.int8]
    sides: tuple[tuple[Places, Places], ...]
    said: str  # what is tested on, for people
    exclusive: bool = True
    notes: tuple[str, ...] = ()

    def fewest(self, train: Places) -> tuple[int, str]:
        """The smallest number of source clips that a label has among ``train``, and which label that is."""
        return min((len({self.examples[i].clip for i in train[self.truth[train, c] == 1]}), n) for c, n in enumerate(self.labels))

    def draw(self, train: Places, shots: int | str, seed: int) -> Places:
        """``shots`` sounds a label; all of ``train`` for "all". Raises ValueError saying which label has too few source clips."""
        if shots == ALL:
            return train
        wanted = int(shots)
        fewest, label = self.fewest(train)
        if fewest < wanted:
            raise ValueError(f"too few clips for {wanted} {'shot' if wanted == 1 else 'shots'}: {label!r} has {fewest} to learn from")
        chosen: set[int] = set()
        for c, name in enumerate(self.labels):
            rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
            of_clip: dict[str, list[int]] = defaultdict(list)
            for i in train[self.truth[train, c] == 1]:
                of_clip[self.examples[i].clip].append(int(i))
            clips = sorted(of_clip)
            order = [clips[i] for i in rng.permutation(len(clips))]
            chosen |= {of_clip[clip][int(rng.integers(len(of_clip[clip])))] for clip in order[:wanted]}
        return np.array(sorted(chosen), np.int64)

    def only(self, keep: npt.NDArray[np.bool_]) -> Task:
        """Without the examples that ``keep`` [n] says no to. Raises DataError where a label is left with too little."""
        new = np.cumsum(keep) - 1
        sides = tuple((new[a[keep[a]]], new[b[keep[b]]]) for a, b in self.sides)
        task = replace(self, examples=tuple(e for e, k in zip(self.examples, keep, strict=True) if k), truth=self.truth[keep], sides=sides)
        task.check()
        return task

    def check(self) -> None:
        for train, test in self.sides:
            for c, label in enumerate(self.labels):
                for places, side in ((train, "to learn from"), (test, "to test on")):
                    if len(self.sides) > 1 and side == "to test on":
                        continue  # every clip is tested on once, in one of the folds
                    if not (self.truth[places, c] == 1).any():
                        raise DataError("Invalid", f"there is no sound of {label!r} {side}.", hint="Leave the label out with --labels.")


def read(
    data: str | os.PathLike[str],
    *,
    test: str | os.PathLike[str] | None = None,
    labels: Sequence[str] = (),
    folds: int = 0,
    columns: str = "",
) -> Task:
    """The task that labelled sounds pose.

    data:    a manifest, a folder of folders, or a CSV/TSV. test: another one, whose sounds are those to test on.
    labels:  those to tell apart; all that stand on both sides when none are given. Sounds of none of them are left out.
    folds:   hold out groups of source clips in turn, where the data declares no split.
    columns: of a table, as ``auricle data import csv`` takes them; guessed from their names without it.

    Raises UsageError, DataError.
    """
    known = [(e, "train" if test is not None else e.item.split) for e in _examples(data, columns)]
    if test is not None:
        if folds:
            raise UsageError("--test and --folds are two ways to say what is tested on.", hint="Give one of them.")
        known += [(e, "test") for e in _examples(test, columns)]
    known = [(e, split) for e, split in known if e.item.labels]
    if not known:
        raise DataError("Invalid", f"{os.fspath(data)}: no sound there has a label.", path=os.fspath(data), hint="Name labelled sounds.")
    known = _grouped(known)
    splits = [split for _, split in known]
    split, said = _plan(splits, folds, test)
    chosen, notes = _labels(known, labels, split)
    truth, keep, exclusive, more = _truth(known, chosen)
    kept = [i for i in range(len(known)) if keep[i] and (split is None or split[i] is not None)]
    if not kept:
        raise DataError("Invalid", "no sound is left for these labels.", hint="Name labels that stand in the data with --labels.")
    examples = tuple(known[i][0] for i in kept)
    if split is None:
        sides = _folds(examples, truth[kept], folds, chosen)
    else:
        sides = _declared([split[i] for i in kept])
    task = Task(tuple(chosen), examples, truth[kept], sides, said, exclusive, (*notes, *more))
    task.check()
    _apart(task)
    return task


# ---------------------------------------------------------------------------------------------------------------- reading


def _examples(source: str | os.PathLike[str], columns: str) -> Iterator[Example]:
    from auricle.data.manifest import SUFFIXES, folder_of
    from auricle.data.manifest import read as read_manifest

    name = os.path.expanduser(os.fspath(source))
    if os.path.isdir(name):
        yield from _found(_folder(name), name)
    elif name.lower().endswith(_TABLE):
        yield from _found(_table(name, columns), os.path.dirname(os.path.abspath(name)))
    elif name.lower().endswith(SUFFIXES):
        folder = folder_of(name)
        yield from (Example(item, folder, item.clip or item.hash or item.id) for item in read_manifest(name) if item.audio is not None)
    elif not os.path.exists(name):
        raise DataError("Missing", f"there is no {name}.", path=name, hint="Name a manifest, a folder of folders, or a CSV table.")
    else:
        hint = f"Name a manifest ({', '.join(SUFFIXES)}), a folder of folders, or a CSV table."
        raise UsageError(f"{name}: this is no labelled data that is known.", hint=hint)


def _folder(name: str) -> Iterator[Any]:
    from auricle.data.importers import folder

    return folder(name)


def _table(name: str, columns: str) -> Iterator[Any]:
    from auricle.data.importers import Columns, table
    from auricle.data.tables import rows

    if columns:
        return table(name, Columns.parse(columns))
    first = next(iter(rows(name)), None)
    head = list(first[1]) if first else []
    found: dict[str, Any] = {field: next((c for c in head if c.lower() in guesses), "") for field, guesses in _GUESSES.items()}
    if not found["audio"] or not found["labels"]:
        raise UsageError(
            f"{name}: no column is named as one of sounds or labels ({', '.join(head) or 'there is none'}).",
            hint="Say which with --columns audio=COLUMN,labels=COLUMN.",
        )
    return table(name, Columns(**{**found, "labels": (found["labels"],)}))


def _found(items: Iterable[Any], top: str) -> Iterator[Example]:
    """What an importer gives, with the hash of each file: the same bytes are one clip."""
    from auricle.audio import content_hash

    for found in items:
        if not isinstance(found.sound, str):
            continue
        item = replace(found.item, audio=os.path.relpath(found.sound, top).replace(os.sep, "/"), hash=content_hash(found.sound))
        yield Example(item, Path(top), item.clip or item.hash)


def _grouped(known: list[tuple[Example, str]]) -> list[tuple[Example, str]]:
    """Sounds with the same bytes share a clip, whatever clips they are said to be of."""
    root: dict[str, str] = {}

    def top(name: str) -> str:
        while root.get(name, name) != name:
            name = root[name]
        return name

    first: dict[str, str] = {}
    for example, _ in known:
        if example.item.hash:
            mark = f"{example.item.hash}|{example.item.start}|{example.item.end}"
            root[top(example.clip)] = top(first.setdefault(mark, example.clip))
    return [(replace(e, clip=top(e.clip)), split) for e, split in known]


# ---------------------------------------------------------------------------------------------------------------- sides


def _plan(splits: Sequence[str], folds: int, test: Any) -> tuple[list[str | None] | None, str]:
    """A side for each example ("train", "test", a fold's number; None: neither), or None for folds to be made; and what that is called."""
    present = Counter(splits)
    if folds:
        if folds < 2:
            raise UsageError(f"--folds {folds}: at least 2 are needed.", hint="Five are usual: --folds 5.")
        return None, f"{folds} folds over source clips"
    if test is not None:
        return list(splits), f"all of {Path(os.fspath(test)).name}"
    numbers = [_FOLD.fullmatch(split) for split in splits]
    if all(numbers) and len({m[1] for m in numbers if m}) > 1:
        named = [m[1] if m else None for m in numbers]
        return [f"fold {name}" for name in named], f"the data's {len(set(named))} folds"
    tested = next((name for name in ("test", "dev") if present[name]), None)
    if tested is None or not present["train"] + present[""]:
        there = ", ".join(f"{name or 'none'}: {n}" for name, n in sorted(present.items()))
        raise DataError(
            "Invalid", f"no split says what to learn from and what to test on (splits: {there}).",
            hint="Name sounds to test on with --test, or hold out groups of source clips with --folds 5.",
        )  # fmt: skip
    side = {"train": "train", "": "train", tested: "test"}
    return [side.get(split) for split in splits], f"the {'test' if tested == 'test' else 'development'} split"


def _declared(split: Sequence[str | None]) -> tuple[tuple[Places, Places], ...]:
    named = np.array([str(s) for s in split])
    if set(named.tolist()) <= {"train", "test"}:
        return ((np.flatnonzero(named == "train"), np.flatnonzero(named == "test")),)
    return tuple((np.flatnonzero(named != fold), np.flatnonzero(named == fold)) for fold in sorted(set(named.tolist())))


def _folds(examples: Sequence[Example], truth: Any, folds: int, labels: Sequence[str]) -> tuple[tuple[Places, Places], ...]:
    """Source clips dealt to folds label by label, the rarest label first, so that each fold has some of each."""
    clips = np.array([e.clip for e in examples])
    fold: dict[str, int] = {}
    turn = 0
    for c in np.argsort((truth == 1).sum(axis=0), kind="stable"):
        own = sorted(set(clips[truth[:, c] == 1].tolist()))
        if len(own) < 2:
            message = f"{labels[c]!r} has sounds of one source clip only: nothing can be held out."
            raise DataError("Invalid", message, hint="Give more examples of it, or leave it out with --labels.")
        for clip in np.random.default_rng(0).permutation(own).tolist():
            if clip not in fold:
                fold[clip] = turn % folds
                turn += 1
    number = np.array([fold.get(clip, 0) for clip in clips.tolist()])
    return tuple((np.flatnonzero(number != f), np.flatnonzero(number == f)) for f in range(folds) if (number == f).any())


def _apart(task: Task) -> None:
    """Raises DataError where a source clip stands on both sides."""
    for train, test in task.sides:
        both = sorted({task.examples[i].clip for i in train} & {task.examples[i].clip for i in test})
        if both:
            message = f"{len(both)} source clips stand on both sides of the split, {both[0]!r} for one."
            raise DataError("Overlap", message, hint="Leave them out on one side: what was learned would be what is measured.")


# ---------------------------------------------------------------------------------------------------------------- labels


def _labels(known: Sequence[tuple[Example, str]], wanted: Sequence[str], split: Any) -> tuple[list[str], list[str]]:
    """Labels in order, and what is to be told of those that were left out."""
    sides: dict[str, set[str]] = defaultdict(set)
    for i, (example, _) in enumerate(known):
        for label in example.item.labels:
            sides[label].add("both" if split is None else str(split[i]))
    two = split is not None and {s for s in split if s} == {"train", "test"}
    if wanted:
        from auricle.models.heads import check_labels

        chosen = check_labels(list(wanted))
        for label in chosen:
            if label not in sides:
                import difflib

                near = difflib.get_close_matches(label, list(sides), 3)
                hint = f"Did you mean {' or '.join(near)}?" if near else f"The data has, for one, {next(iter(sorted(sides)))!r}."
                raise UsageError(f"no sound of the data has the label {label!r}.", hint=hint)
            if two and not {"train", "test"} <= sides[label]:
                there = "to learn from" if "train" in sides[label] else "to test on"
                raise UsageError(f"{label!r} has sounds only {there}.", hint="Leave it out, or give sounds for the other side.")
    else:
        chosen = sorted(label for label, where in sides.items() if not two or {"train", "test"} <= where)
    if len(chosen) < 2:
        found = f"only {chosen[0]!r} stands on both sides" if chosen else "no label stands on both sides"
        raise DataError("Invalid", f"there are no two labels to tell apart: {found}.", hint="Give sounds of at least two labels a side.")
    lost = sorted(set(sides) - set(chosen)) if not wanted else []
    notes = [f"left out, for they stand on one side only: {', '.join(lost[:8])}{' …' if len(lost) > 8 else ''}"] if lost else []
    return chosen, notes


def _truth(known: Sequence[tuple[Example, str]], labels: Sequence[str]) -> tuple[Any, list[bool], bool, list[str]]:
    """``[n, k]``, which examples count, whether labels exclude each other, and notes. ``extra.perhaps`` names what nobody knows."""
    place = {label: c for c, label in enumerate(labels)}
    truth = np.zeros((len(known), len(labels)), np.int8)
    for i, (example, _) in enumerate(known):
        perhaps = example.item.extra.get("perhaps", ())
        truth[i, [place[p] for p in perhaps if p in place] if isinstance(perhaps, (list, tuple)) else []] = UNKNOWN
        truth[i, [place[label] for label in example.item.labels if label in place]] = 1
    some, several = (truth == 1).any(axis=1), (truth == 1).sum(axis=1) > 1
    exclusive = bool(several.sum() <= STRAY * some.sum())
    keep = some & ~several & ~(truth == UNKNOWN).any(axis=1) if exclusive else some
    doubtful = int((some & ~keep).sum())
    notes = [f"left out: {doubtful} sounds that are, or may be, of more than one of these labels"] if doubtful else []
    return truth, keep.tolist(), exclusive, notes
