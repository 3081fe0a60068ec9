"""What two bodies of data have in common: ids, source clips, bytes of sound, sound by fingerprint, captions.

    found = overlap(["corpus/train.jsonl"], ["esc10.jsonl"])
    found.refuse()          # raises DataError where a sound or its source is on both sides

A model must not be measured on what it was trained on; this finds it where names do not tell.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Literal

from auricle.data.items import Item
from auricle.data.manifest import PathLike, folder_of, read
from auricle.data.prints import Print, Prints
from auricle.data.texts import near_pairs, normal
from auricle.errors import DataError
from auricle.results import Failure

Kind = Literal["id", "clip", "audio", "sound", "caption", "near-caption"]
KINDS: tuple[Kind, ...] = ("id", "clip", "audio", "sound", "caption", "near-caption")
LEAKS = frozenset({"id", "clip", "audio", "sound"})
MEANING: Mapping[Kind, str] = {
    "id": "same id", "clip": "same source clip", "audio": "same bytes of sound", "sound": "same sound by fingerprint",
    "caption": "same caption", "near-caption": "nearly the same caption",
}  # fmt: skip
_EXAMPLES = 5


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """An item and what was found by hearing it. ``group``: the set and split it counts to."""

    item: Item
    group: str
    print: Print | None = None


@dataclass(frozen=True, slots=True)
class Pair:
    left: str  # id of an item
    right: str
    similarity: float
    what: str = ""  # the caption, the clip …


@dataclass(frozen=True, slots=True)
class Edge:
    """``left_items`` of ``left`` are in ``right`` as well. Within one group they are those beyond the first of each."""

    kind: Kind
    left: str
    right: str
    left_items: int
    right_items: int
    examples: tuple[Pair, ...]


@dataclass(frozen=True, slots=True)
class Overlaps:
    edges: tuple[Edge, ...] = ()
    failures: tuple[Failure, ...] = field(default=())  # what could not be heard, and so not compared

    def __bool__(self) -> bool:
        return bool(self.edges)

    @property
    def leaks(self) -> tuple[Edge, ...]:
        """Between two groups, by sound or its source. Captions alone are none: people say the same of different dogs."""
        return tuple(edge for edge in self.edges if edge.kind in LEAKS and edge.left != edge.right)

    def refuse(self, *, captions: bool = False) -> None:
        """Raises DataError (Overlap) where there is a leak; ``captions``: or the same caption, for what is learned from text alone."""
        wrong = [e for e in self.edges if e.left != e.right and (e.kind in LEAKS or (captions and e.kind == "caption"))]
        if not wrong:
            return
        worst = max(wrong, key=lambda e: e.right_items)
        pair = worst.examples[0]
        raise DataError(
            "Overlap",
            f"{worst.left} and {worst.right} overlap: {MEANING[worst.kind]} in {worst.right_items} of the items of {worst.right}"
            f" (e.g. {pair.left} and {pair.right}).",
            hint="Leave those items out; `auricle data check --against` lists them. Or allow the overlap, and say so in the card.",
        )


def overlap(
    train: Iterable[PathLike | Sequence[Item]],
    evaluation: Iterable[PathLike | Sequence[Item]],
    *,
    root: PathLike | None = None,
    hear: bool = True,
    captions: bool = True,
    told: Callable[[int, int], None] | None = None,
) -> Overlaps:
    """What the training data share with the evaluation data. Manifests, or lists of items (their audio is then relative to ``root``).

    hear: compare sounds by fingerprint, which decodes every one; without it ids, source clips and hashes must do. What cannot be heard is
    in ``failures``. told: called with (items heard, items in all).
    """
    from auricle.data.check import entries_of

    left, right = _named(train, "train"), _named(evaluation, "evaluation")
    failures: list[Failure] = []
    heard = entries_of([*left, *right], root=root, hear=hear, failed=failures.append, told=told)
    sides = [list(entries) for entries in heard]
    return compare(sides[: len(left)], sides[len(left) :], captions=captions, failures=failures)


def compare(
    left: Sequence[Sequence[Entry]], right: Sequence[Sequence[Entry]], *, captions: bool = True, failures: Sequence[Failure] = ()
) -> Overlaps:
    """Between every group of the left side and every one of the right."""
    first = [entry for side in left for entry in side]
    entries = [*first, *(entry for side in right for entry in side)]
    return Overlaps(tuple(_edges(entries, len(first), captions)), tuple(failures))


def within(entries: Sequence[Entry], *, captions: bool = True) -> Overlaps:
    """Between the groups of one body of data, and twice in one group (by sound or id; captions repeat by nature)."""
    return Overlaps(tuple(_edges(entries, 0, captions)))


def _edges(entries: Sequence[Entry], border: int, captions: bool) -> Iterator[Edge]:
    """``border``: entries before it are compared with those from it on; 0: all with all."""
    for kind in KINDS:
        if "caption" in kind and not captions:
            continue
        touched: dict[tuple[str, str], tuple[set[int], set[int], list[Pair]]] = defaultdict(lambda: (set(), set(), []))
        for members, similarity, what in _links(entries, kind, border):
            _touch(entries, members, similarity, what, border, kind, touched)
        for (a, b), (lefts, rights, pairs) in sorted(touched.items()):
            yield Edge(kind, a, b, len(lefts), len(rights), tuple(pairs))


def _touch(
    entries: Sequence[Entry], members: Sequence[int], similarity: float, what: str, border: int, kind: Kind,
    touched: dict[tuple[str, str], tuple[set[int], set[int], list[Pair]]],
) -> None:  # fmt: skip
    groups: dict[tuple[bool, str], list[int]] = defaultdict(list)
    for i in members:
        groups[(i >= border, entries[i].group)].append(i)
    if not border and kind in ("id", "audio", "sound"):
        for (_, group), same in groups.items():
            if len(same) > 1:
                lefts, rights, pairs = touched[(group, group)]
                lefts.update(same[1:])
                rights.update(same[1:])
                if len(pairs) < _EXAMPLES:
                    pairs.append(Pair(entries[same[0]].item.id, entries[same[1]].item.id, similarity, what))
    for (side_a, a), (side_b, b) in combinations(sorted(groups), 2):
        if border and side_a == side_b:
            continue
        lefts, rights, pairs = touched[(a, b)]
        one, other = groups[(side_a, a)], groups[(side_b, b)]
        lefts.update(one)
        rights.update(other)
        if len(pairs) < _EXAMPLES:
            pairs.append(Pair(entries[one[0]].item.id, entries[other[0]].item.id, similarity, what))


def _links(entries: Sequence[Entry], kind: Kind, border: int) -> Iterator[tuple[Sequence[int], float, str]]:
    """Entries that have something in common: (places, similarity, what)."""
    if kind == "sound":
        yield from _sounds(entries, border)
    elif kind == "near-caption":
        yield from _near(entries)
    else:
        for what, members in _keyed(entries, kind).items():
            if len(members) > 1:
                yield members, 1.0, what.split("\0")[-1]


def _keyed(entries: Sequence[Entry], kind: Kind) -> dict[str, list[int]]:
    found: dict[str, list[int]] = defaultdict(list)
    for i, entry in enumerate(entries):
        item = entry.item
        if kind == "id":
            keys = [f"{item.set}\0{item.id}"]
        elif kind == "clip":  # "freesound:100032" is one everywhere, "7" only in its set
            keys = [item.clip if ":" in item.clip else f"{item.set}\0{item.clip}"] if item.clip else []
        elif kind == "audio":
            keys = [f"{item.hash}\0{item.start:.3f}-{item.end}\0{item.hash}"] if item.hash else []
        else:
            keys = list(dict.fromkeys(normal(caption) for caption in item.captions))
        for key in filter(None, keys):
            found[key].append(i)
    return found


def _sounds(entries: Sequence[Entry], border: int) -> Iterator[tuple[Sequence[int], float, str]]:
    places = [i for i, entry in enumerate(entries) if entry.print is not None]
    held = [i for i in places if i < border] if border else places
    index = Prints([p for p in (entries[i].print for i in held) if p is not None])
    for i in places:
        mine = entries[i]
        if i < border or mine.print is None:
            continue
        for match in index.find(mine.print):
            j = held[match.index]
            same_bytes = mine.item.hash and mine.item.hash == entries[j].item.hash  # told as such
            if j < i and not same_bytes:
                yield (j, i), match.similarity, f"{match.seconds:.1f} s"


def _near(entries: Sequence[Entry]) -> Iterator[tuple[Sequence[int], float, str]]:
    owners: dict[str, list[int]] = _keyed(entries, "caption")
    texts = list(owners)
    for a, b, similarity in near_pairs(texts):
        members = list(dict.fromkeys([*owners[texts[a]], *owners[texts[b]]]))
        if len(members) > 1:
            yield members, similarity, f"{texts[a]} / {texts[b]}"


def _named(sources: Iterable[PathLike | Sequence[Item]], what: str) -> list[tuple[str, Iterable[Item], PathLike | None]]:
    """(name, items, folder of the audio)."""
    named: list[tuple[str, Iterable[Item], PathLike | None]] = []
    for source in sources:
        if isinstance(source, (str, os.PathLike)):
            named.append((os.path.basename(os.fspath(source)), read(source), folder_of(source)))
        else:
            named.append((what, source, None))
    return named
