"""Is this data what it says? Missing and broken sounds, lengths that lie, licences, what stands twice or on two sides.

report = check(["corpus/manifest.jsonl"], against=["esc10.jsonl"])
"""

from __future__ import annotations

import os
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from auricle import audio, settings
from auricle.audio import Audio, Limits, content_hash
from auricle.data import licences
from auricle.data.items import Item
from auricle.data.licences import LicenceRow
from auricle.data.manifest import PathLike, folder_of, locate, named, read
from auricle.data.overlap import Entry, Overlaps, compare, within
from auricle.data.prints import RATE, Print, fingerprint
from auricle.data.webdataset import bytes_hash
from auricle.errors import AudioError, AuricleError, DataError
from auricle.results import Failure

if TYPE_CHECKING:
    from auricle.landscape.asked import Declared

SLACK = 0.05  # seconds that a stated length may be off, or a hundredth of it

Source = tuple[str, Iterable[Item], PathLike | None]
Told = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Lie:
    """What an item says of its sound, and what the sound is."""

    manifest: str
    id: str
    what: Literal["duration", "end", "hash", "events"]
    stated: str
    found: str


@dataclass(frozen=True, slots=True)
class Part:
    """A set and split of a manifest."""

    manifest: str
    group: str
    items: int
    sounds: int
    hours: float
    labels: int
    captions: int
    questions: int
    events: int


@dataclass(frozen=True, slots=True)
class Known:
    """What the field knows two sets to share, as their descriptors say; ``mark``: where that is from."""

    left: str
    right: str
    count: str
    of: str
    basis: str
    mark: str


@dataclass(frozen=True, slots=True)
class Report:
    parts: tuple[Part, ...]
    broken: tuple[Failure, ...]  # lines of manifests, sounds that are missing or cannot be heard
    lies: tuple[Lie, ...]
    licences: tuple[LicenceRow, ...]
    twice: Overlaps  # within and between the splits and sets of the manifests
    against: Overlaps | None
    known: tuple[Known, ...]  # by the names of the sets alone
    heard: bool
    declared: tuple[Declared, ...] = ()  # what the landscape knows, by those names: with the other side, or with any test there is

    @property
    def ok(self) -> bool:
        """Nothing is broken, nothing lies, and no sound is on two sides."""
        return not (self.broken or self.lies or self.twice.leaks or (self.against is not None and self.against.leaks))


def check(
    manifests: Sequence[PathLike],
    *,
    against: Sequence[Source | PathLike] = (),
    sets: Sequence[str] = (),
    root: PathLike | None = None,
    hear: bool = True,
    captions: bool = True,
    told: Told | None = None,
) -> Report:
    """All that can be said of some manifests, and of what they share with others.

    sets: ids of sets that are not at hand, of which only what is known of them is told.
    hear: decode every sound; without it only its presence and hash are looked at.
    Raises DataError for a manifest that is missing or damaged; wrong lines and sounds are in the report.
    """
    broken: list[Failure] = []
    lies: list[Lie] = []
    mine: list[Source] = [(os.fspath(m), read(m, broken=lambda e: broken.append(line_failure(e))), root or folder_of(m)) for m in manifests]
    others = [_source(source) for source in against]
    sides = list(entries_of([*mine, *others], root=root, hear=hear, failed=broken.append, told=told, lied=lies.append))
    here, there = sides[: len(mine)], sides[len(mine) :]
    entries = [entry for side in here for entry in side]
    known = _known(entries, [entry for side in there for entry in side], sets)
    return Report(
        parts=tuple(part for (name, _, _), side in zip(mine, here, strict=True) for part in _parts(name, side)),
        broken=tuple(broken), lies=tuple(lies), licences=tuple(licences.table(entry.item.licence for entry in entries)),
        twice=within(entries, captions=captions), against=compare(here, there, captions=captions) if others else None,
        known=known, heard=hear, declared=_declared(entries, [entry for side in there for entry in side], sets, known),
    )  # fmt: skip


def entries_of(
    sources: Sequence[Source],
    *,
    root: PathLike | None = None,
    hear: bool = True,
    failed: Callable[[Failure], None],
    told: Told | None = None,
    lied: Callable[[Lie], None] = lambda lie: None,
) -> Iterator[list[Entry]]:
    """The items of each source, heard: a sound that cannot be is told to ``failed`` and its item is compared by what it says."""
    listed = [(name, list(items), folder if folder is not None else root) for name, items, folder in sources]
    total, done = sum(len(items) for _, items, _ in listed), 0
    workers = max(2, settings.threads())
    pool = ThreadPoolExecutor(workers)
    try:
        for name, items, folder in listed:
            entries: list[Entry] = []
            waiting: deque[tuple[Item, Future[_Heard]]] = deque()
            rest = iter(items)
            while True:
                while len(waiting) < 4 * workers and (item := next(rest, None)) is not None:
                    waiting.append((item, pool.submit(_hear, item, folder, hear)))
                if not waiting:
                    break
                item, future = waiting.popleft()
                entries.append(_entry(name, item, folder, future, failed, lied))
                done += 1
                if told is not None:
                    told(done, total)
            yield entries
    finally:
        pool.shutdown(cancel_futures=True)


@dataclass(frozen=True, slots=True)
class _Heard:
    hash: str = ""
    seconds: float | None = None
    print: Print | None = None


def _entry(
    name: str, item: Item, folder: PathLike | None, future: Future[_Heard],
    failed: Callable[[Failure], None], lied: Callable[[Lie], None],
) -> Entry:  # fmt: skip
    group = _group(name, item)
    try:
        heard = future.result()
    except AudioError as error:
        error = named(error, item, folder or "")
        failed(Failure(error.path, error.message, error.kind, error.hint))
        return Entry(item, group)
    except DataError as error:
        failed(line_failure(error))
        return Entry(item, group)
    for lie in _lies(name, item, heard):
        lied(lie)
    seconds = heard.seconds if heard.seconds is not None else item.duration
    return Entry(replace(item, hash=heard.hash or item.hash, duration=seconds), group, heard.print)


def _hear(item: Item, folder: PathLike | None, hear: bool) -> _Heard:
    if item.audio is None or folder is None:
        return _Heard()
    place = locate(item, folder)
    source = place if isinstance(place, str) else place[1]
    digest = content_hash(source) if isinstance(source, str) else bytes_hash(source)
    if not hear:
        return _Heard(digest)
    frames = 0

    def counted() -> Iterator[Audio]:
        nonlocal frames
        limits = Limits.stream()
        for block in audio.blocks(source, rate=RATE, mono=True, seconds=60.0, start=item.start, end=item.end, limits=limits):
            frames += block.samples.shape[1]
            yield block

    made = fingerprint(counted())
    return _Heard(digest, round(frames / RATE, 6), made)


def _lies(name: str, item: Item, heard: _Heard) -> Iterator[Lie]:
    if item.hash and heard.hash and item.hash != heard.hash:
        yield Lie(name, item.id, "hash", item.hash, heard.hash)
    seconds = heard.seconds
    if seconds is None:
        return
    slack = max(SLACK, 0.01 * seconds)
    if item.duration is not None and abs(item.duration - seconds) > slack:
        yield Lie(name, item.id, "duration", f"{item.duration:g} s", f"{seconds:g} s")
    if item.end is not None and item.end - item.start > seconds + slack:
        yield Lie(name, item.id, "end", f"{item.end:g} s", f"{item.start + seconds:g} s")
    last = max((event.end for event in item.events), default=0.0)
    if last > seconds + slack:
        yield Lie(name, item.id, "events", f"until {last:g} s", f"{seconds:g} s")


def _known(here: Sequence[Entry], there: Sequence[Entry], sets: Sequence[str]) -> tuple[Known, ...]:
    from auricle.data.sets import descriptors

    mine = {entry.item.set for entry in here}
    others = mine | {entry.item.set for entry in there} | set(sets)
    found: dict[frozenset[str], list[Known]] = {}
    for one in descriptors().values():
        for shared in one.overlaps:
            pair = frozenset((one.id, shared.other))
            if (one.id in mine and shared.other in others) or (shared.other in mine and one.id in others):
                found.setdefault(pair, []).append(Known(one.id, shared.other, shared.count, shared.of, shared.basis, shared.mark))
    return tuple(known for pair in sorted(found, key=sorted) for known in found[pair][:2])


def _declared(here: Sequence[Entry], there: Sequence[Entry], sets: Sequence[str], known: Sequence[Known]) -> tuple[Declared, ...]:
    """Pairs that ``known`` tells are left out. Where nothing is named to compare with, every test of the field is meant."""
    from auricle import landscape
    from auricle.landscape import asked

    field = landscape.load()
    mine = {entry.item.set for entry in here if entry.item.set}
    others = {entry.item.set for entry in there if entry.item.set} | set(sets)
    tests = mine | others if others else mine | asked.tests(field)
    told = {frozenset((one.left, one.right)) for one in known}
    return tuple(one for one in asked.declared(field, sorted(mine), sorted(tests)) if frozenset((one.left, one.right)) not in told)


def _group(name: str, item: Item) -> str:
    """``esc50/fold1``; the manifest's name where the item does not say its set."""
    stem = os.path.basename(name).split(".")[0]
    return f"{item.set or stem}/{item.split}" if item.split else item.set or stem


def _parts(name: str, entries: Sequence[Entry]) -> list[Part]:
    groups: dict[str, list[Item]] = {}
    for entry in entries:
        groups.setdefault(entry.group, []).append(entry.item)
    return [
        Part(
            name, group, len(items), sum(i.audio is not None for i in items), round(sum(i.duration or 0.0 for i in items) / 3600, 4),
            len(Counter(label for i in items for label in i.labels)), sum(len(i.captions) for i in items),
            sum(len(i.questions) for i in items), sum(len(i.events) for i in items),
        )
        for group, items in sorted(groups.items())
    ]  # fmt: skip


def _source(source: Source | PathLike) -> Source:
    if isinstance(source, tuple):
        return source
    return os.fspath(source), read(source), folder_of(source)


def line_failure(error: AuricleError) -> Failure:
    """A wrong line of a manifest, told as an input that failed."""
    path = getattr(error, "path", "")
    return Failure(path, error.message, error.kind, error.hint)
