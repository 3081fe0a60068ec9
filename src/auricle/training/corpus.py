"""The data of a run: items of the recipe's manifests, what words they have, and their sound at one rate."""

from __future__ import annotations

import hashlib
import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from auricle.audio import Audio
from auricle.audio.features import Float32
from auricle.data.items import Event, Item, as_line, has_words
from auricle.data.manifest import folder_of, open_audio, read
from auricle.errors import UsageError
from auricle.training.recipe import Recipe
from auricle.training.schema import Manifest

LONG = 60.0  # seconds from which on only what is needed is decoded


@dataclass(frozen=True, slots=True)
class Texts:
    """The words of an item: what may be said of it, what may not, and what sounds when."""

    captions: tuple[str, ...]
    negatives: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    events: tuple[Event, ...] = ()
    perhaps: tuple[str, ...] = ()  # labels that nobody knows of: neither right nor wrong

    @property
    def timed(self) -> bool:
        return bool(self.events)


@dataclass(frozen=True, slots=True)
class Entry:
    """An item, the folder that its sound is relative to, and its words. ``sound``: it is in memory (a composed scene)."""

    item: Item
    folder: Path
    texts: Texts
    sound: Audio | None = None

    @property
    def key(self) -> str:
        """Names the sound by its content; "" where the manifest does not tell."""
        return f"{self.item.hash}|{self.item.start}|{self.item.end}" if self.item.hash else ""


@dataclass
class Set:
    """Entries that are drawn ``weight`` times an epoch, or ``scenes`` that ``compose(number, epoch)`` makes (``entries``: some of them)."""

    name: str
    entries: list[Entry]
    weight: float = 1.0
    scenes: int = 0
    compose: Callable[[int, int], Entry] | None = None
    known: tuple[str, ...] = ()  # labels beyond those of the entries

    @property
    def size(self) -> int:
        return self.scenes or len(self.entries)

    def at(self, number: int, epoch: int) -> Entry:
        return self.entries[number] if self.compose is None else self.compose(number, epoch)


@dataclass
class Corpus:
    sets: list[Set]
    dropped: Counter[str] = field(default_factory=Counter)  # why → how many items

    def __iter__(self) -> Iterator[Entry]:
        for part in self.sets:
            yield from part.entries

    @property
    def labels(self) -> list[str]:
        """Each once, whatever its capitals: as it is first written."""
        known = (label for part in self.sets for label in part.known)
        written: dict[str, str] = {}
        for label in sorted({*(label for entry in self for label in entry.texts.labels), *known}):
            written.setdefault(label.lower(), label)
        return sorted(written.values())

    @property
    def label_counts(self) -> Counter[str]:
        """By their small letters."""
        return Counter(label.lower() for entry in self for label in entry.texts.labels)

    @property
    def size(self) -> int:
        return sum(part.size for part in self.sets)

    def texts(self) -> Iterator[str]:
        for entry in self:
            yield from entry.texts.captions
            yield from entry.texts.negatives
            yield from entry.texts.labels


def gather(recipe: Recipe, manifests: Sequence[Manifest], needs: set[str], place: Sequence[str | int]) -> Corpus:
    """Read manifests; items that lack what the objectives need are dropped and counted. Raises UsageError, DataError."""
    corpus = Corpus([])
    for number, manifest in enumerate(manifests):
        path = recipe.path(manifest.path)
        if not path.is_file():
            raise recipe.source.error((*place, number), f"there is no manifest at {path}.")
        entries = []
        for item in read(path):
            if manifest.split and item.split and item.split != manifest.split:
                continue
            entry = Entry(item, folder_of(path), words_of(item, recipe.data.prompt))
            if (why := _lacks(entry, needs)) is None:
                entries.append(entry)
            else:
                corpus.dropped[why] += 1
        if not entries:
            split = f" of split {manifest.split!r}" if manifest.split else ""
            why = f" ({', '.join(f'{n} {what}' for what, n in corpus.dropped.items())})" if corpus.dropped else ""
            raise recipe.source.error((*place, number), f"{path} has no item{split} to use{why}.")
        corpus.sets.append(Set(manifest.path, entries, manifest.weight))
    return corpus


def words_of(item: Item, prompt: str, most: int | None = None) -> Texts:
    """An item without captions is described by its labels. ``extra.negatives`` (or a scene's ``counterfactuals``) do not fit it;
    of ``extra.perhaps`` it is not known whether they do."""
    labels = item.labels or tuple(dict.fromkeys(event.label for event in item.events))
    captions = item.captions
    if not captions and labels:
        captions = (prompt.replace("{label}", " and ".join(labels)),)
    found = item.extra.get("negatives") or item.extra.get("counterfactuals") or ()
    named = [text.get("text") if isinstance(text, dict) else text for text in found] if isinstance(found, list | tuple) else []
    negatives = tuple(text for text in named if isinstance(text, str) and has_words(text))
    unsure = item.extra.get("perhaps")
    perhaps = tuple(label for label in unsure if isinstance(label, str)) if isinstance(unsure, list | tuple) else ()
    return Texts(captions, negatives[:most], labels, item.events, perhaps)


def _lacks(entry: Entry, needs: set[str]) -> str | None:
    if "audio" in needs and entry.item.audio is None:
        return "without sound"
    if "tokens" in needs and not entry.texts.captions:
        return "without words"
    return None


class Sounds:
    """Decoded sound at one rate, the last of it kept in memory. Safe to share between threads."""

    def __init__(self, rate: int, memory: int) -> None:
        self.rate, self.memory = rate, memory
        self._kept: OrderedDict[tuple[str, str], Float32] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()

    def whole(self, entry: Entry) -> Float32:
        """float32 ``[n]``. Raises AudioError."""
        if entry.sound is not None:
            composed: Float32 = entry.sound.mono().at(self.rate).samples[0]
            return composed
        key = (str(entry.folder), entry.item.id)
        with self._lock:
            if (found := self._kept.get(key)) is not None:
                self._kept.move_to_end(key)
                return found
        samples = _mono(entry.item, entry.folder, self.rate)
        with self._lock:
            if key not in self._kept and samples.nbytes <= self.memory // 4:
                self._kept[key] = samples
                self._size += samples.nbytes
                while self._size > self.memory:
                    self._size -= self._kept.popitem(last=False)[1].nbytes
        return samples

    def stretch(self, entry: Entry, seconds: float, where: float) -> tuple[Float32, float]:
        """At most ``seconds`` of an item, and where they begin; ``where`` in 0…1 chooses among all places."""
        length = entry.item.duration
        if length is None and entry.item.end is not None:
            length = entry.item.end - entry.item.start
        if entry.sound is None and length is not None and length > LONG:
            start = where * max(0.0, length - seconds)
            begin = entry.item.start + start
            part = replace(entry.item, start=begin, end=min(begin + seconds, entry.item.start + length))
            return _mono(part, entry.folder, self.rate), start
        samples = self.whole(entry)
        n = round(seconds * self.rate)
        first = int(where * max(0, len(samples) - n))
        return samples[first : first + n], first / self.rate


def _mono(item: Item, folder: Path, rate: int) -> Float32:
    samples: Float32 = open_audio(item, folder, rate=rate).samples[0]
    return samples


def stable_id(text: str) -> int:
    """63 bits that name a text."""
    return int.from_bytes(hashlib.blake2b(text.strip().lower().encode("utf-8", "replace"), digest_size=8).digest(), "big") >> 1


def order(seed: int, epoch: int, sets: Sequence[tuple[int, float]]) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    """The items of an epoch, ``[n, 2]`` (set, entry): each set ``weight`` times, shuffled; a function of its arguments alone."""
    rng = np.random.default_rng([seed, epoch])
    parts = []
    for number, (size, weight) in enumerate(sets):
        whole = np.tile(np.arange(size), int(weight))
        rest = rng.permutation(size)[: round((weight - int(weight)) * size)]
        chosen = np.concatenate([whole, rest])
        parts.append(np.stack([np.full(len(chosen), number), chosen], axis=1))
    joined = np.concatenate(parts).astype(np.int64)
    return joined[rng.permutation(len(joined))]


def data_hash(corpus: Corpus) -> str:
    """Names the items, in their order."""
    digest = hashlib.sha256()
    for entry in corpus:
        digest.update(as_line(entry.item).encode("utf-8", "surrogatepass") + b"\n")
    return digest.hexdigest()[:16]


def count_batches(recipe: Recipe, corpus: Corpus) -> int:
    """Whole batches an epoch. Raises UsageError where there is none."""
    items = sum(part.size * int(part.weight) + round((part.weight % 1) * part.size) for part in corpus.sets)
    batches = items // recipe.budget.batch
    if not batches:
        error: UsageError = recipe.source.error(
            ("budget", "batch"), f"an epoch has {items} items, fewer than a batch of {recipe.budget.batch}."
        )
        raise error
    return batches
