"""Batches. What stands in one is a pure function of (seed, epoch, place in the epoch): any number of processes and threads, and a run
that goes on after a kill, see the same. Threads decode ahead."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any

import numpy as np
import torch

from auricle.audio.features import Float32, YamnetFrontEnd
from auricle.errors import AudioError
from auricle.training.augment import changed, hidden_bins, placed
from auricle.training.building import Built
from auricle.training.corpus import Corpus, Entry, Sounds, count_batches, order, stable_id
from auricle.training.modules.frozen import Heard, hear
from auricle.training.modules.mel import heard
from auricle.training.modules.towers import Batch
from auricle.training.recipe import Recipe
from auricle.training.schema import Augment
from auricle.training.teachers import Teaching

TRIES = 8  # other items tried in place of one that cannot be heard
Item = dict[str, Any]


class Feed:
    """``batch(index)`` gives batch ``index`` of the run, or of it the share of process ``rank`` of ``world``."""

    def __init__(self, recipe: Recipe, corpus: Corpus, built: Built, teaching: Teaching, *, rank: int = 0, world: int = 1) -> None:
        self.recipe, self.corpus, self.built, self.teaching, self.rank, self.world = recipe, corpus, built, teaching, rank, world
        self.batches = count_batches(recipe, corpus)
        self.sounds = Sounds(built.front.rate, recipe.data.memory << 20)
        self.kept = Heard(recipe.path(recipe.data.cache), built.frozen.pipeline) if built.frozen else None
        self.failed: dict[str, AudioError] = {}  # path → why
        self._order = lru_cache(maxsize=2)(self._epoch)
        front = built.front
        self.n = round(recipe.data.seconds * front.rate)
        self.hop = front.hop or front.length
        self.frames = 1 + max(0, self.n - front.length) // self.hop
        self.labels = {label.lower(): number for number, label in enumerate(built.sizes.labels)}

    def run(self, first: int, last: int) -> Generator[Batch]:
        """Batches ``first`` … ``last`` − 1, a few of them made ahead by threads."""
        workers = self.recipe.data.workers
        if not workers:
            yield from (self.batch(index) for index in range(first, last))
            return
        pool = ThreadPoolExecutor(workers, thread_name_prefix="feed")
        try:
            waiting: deque[Any] = deque()
            for index in range(first, last):
                waiting.append([pool.submit(self._at, *place) for place in self._places(index)])
                if len(waiting) > 2:
                    yield self.joined([future.result() for future in waiting.popleft()])
            while waiting:
                yield self.joined([future.result() for future in waiting.popleft()])
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def batch(self, index: int) -> Batch:
        return self.joined([self._at(*place) for place in self._places(index)])

    def _places(self, index: int) -> list[tuple[int, int]]:
        """(epoch, place) of this process's items."""
        epoch, batch = divmod(index, self.batches)
        size = self.recipe.budget.batch
        share = range(size * self.rank // self.world, size * (self.rank + 1) // self.world)
        return [(epoch, batch * size + i) for i in share]

    def _epoch(self, epoch: int) -> Any:
        return order(self.recipe.seed, epoch, [(part.size, part.weight) for part in self.corpus.sets])

    def _entry(self, epoch: int, place: int) -> Entry:
        places = self._order(epoch)
        number, at = places[place % len(places)]
        entry: Entry = self.corpus.sets[number].at(int(at), epoch)
        return entry

    def _at(self, epoch: int, place: int) -> Item:
        """The item at a place; where it cannot be heard, one at another place that follows from this one."""
        for attempt in range(TRIES):
            rng = np.random.default_rng([self.recipe.seed, epoch, place, attempt])
            entry = self._entry(epoch, place + attempt * 7919)
            try:
                return self.item(entry, rng)
            except AudioError as error:
                self.failed.setdefault(error.path, error)
                last = error
        raise last

    # ------------------------------------------------------------------------------------------------------------ one item

    def item(self, entry: Entry, rng: np.random.Generator, *, plain: bool = False) -> Item:
        """``plain``: the sound as it is and one caption, for measuring."""
        item: Item = {}
        needs = self.built.needs
        if "audio" in needs:
            start = self._sound(item, entry, rng, Augment() if plain else self.recipe.data.augment)
            self._timed(item, entry, start)
        if "tokens" in needs:
            self._worded(item, entry, rng)
        if plain:
            item.pop("mel_frames", None)
            return item
        for name in self.built.sizes.teachers if "teachers" in needs else ():
            item[f"teacher/{name}"] = self.teaching.vector(name, entry)
        for objective in self.built.objectives:
            objective.prepare(item, rng, self.built.sizes)
        item.pop("mel_frames", None)
        return item

    def _sound(self, item: Item, entry: Entry, rng: np.random.Generator, spec: Augment) -> float:
        """``mel``, ``audio`` or ``frames``, and the mask of frames; gives the second of the item at which they begin."""
        front, where = self.built.front, float(rng.random())
        if self.built.frozen is not None:
            vectors = self._heard(entry)
            first = int(where * (max(0, len(vectors) - self.frames) + 1 - 1e-9))
            vectors = vectors[first : first + self.frames]
            item["frame_mask"] = np.arange(self.frames) < len(vectors)
            item["frames"] = np.pad(vectors, ((0, self.frames - len(vectors)), (0, 0)))
            return first * self.hop / front.rate
        sound, start = self.sounds.stretch(entry, self.recipe.data.seconds, where)
        pad = getattr(front, "pad", "zero")
        full, at = placed(sound, self.n, spec, rng, pad)
        full = changed(full, spec, rng, self._beneath)
        long = self.n if pad == "repeat" else at + len(sound)
        item["frame_mask"] = np.array(heard(long, front.length, self.hop, self.frames))
        if isinstance(front, YamnetFrontEnd):
            item["mel"] = front.log_mel(full)  # here, by threads, and with the very numbers that the bundle will hear
            item["mel_frames"] = len(item["mel"])
            if spec.mask_time or spec.mask_bands:
                item["spec_mask"] = hidden_bins(item["mel_frames"], front.n_mels, spec, rng)
        else:
            item["audio"] = full
        return start - at / front.rate

    def _heard(self, entry: Entry) -> Float32:
        assert self.built.frozen is not None
        assert self.kept is not None
        key = entry.key
        if key and (found := self.kept.get(key)) is not None:
            return found
        vectors = hear(self.built.frozen, self.sounds.whole(entry))
        if key:
            self.kept.put(key, vectors)
        return vectors

    def _beneath(self, rng: np.random.Generator) -> Float32 | None:
        part = self.corpus.sets[int(rng.integers(len(self.corpus.sets)))]
        entry = part.at(int(rng.integers(part.size)), 0)
        try:
            sound, _ = self.sounds.stretch(entry, self.recipe.data.seconds, float(rng.random()))
        except AudioError:
            return None
        return sound if len(sound) else None

    def _timed(self, item: Item, entry: Entry, start: float) -> None:
        """Labels of the clip, events of its frames and their texts."""
        needs, texts = self.built.needs, entry.texts
        item["event_timed"] = np.array(texts.timed)
        if "labels" in needs:
            item["labels"] = self._marked(texts.labels)
            item["labelled"] = np.array(bool(texts.labels))
            item["unsure"] = self._marked(texts.perhaps) > item["labels"]
        if "events" in needs:
            item["events"] = np.zeros((self.frames, len(self.labels)), np.float32)
            for event in texts.events:
                if (place := self.labels.get(event.label.lower())) is not None:
                    column = item["events"][:, place]
                    np.maximum(column, self._sounding([(event.start, event.end)], start), out=column)
        if "event_tokens" in needs:
            names = list(dict.fromkeys(texts.labels))[: self.recipe.data.events]
            spans = [[(e.start, e.end) for e in texts.events if e.label == name] for name in names]
            item["event_texts"] = names
            item["event_ids"] = np.array([stable_id(name) for name in names], np.int64)
            item["event_valid"] = np.ones(len(names), bool)
            item["event_frames"] = np.array([self._sounding(span, start) for span in spans], np.float32).reshape(len(names), self.frames)

    def _marked(self, labels: Sequence[str]) -> Float32:
        marked = np.zeros(len(self.labels), np.float32)
        marked[[self.labels[label.lower()] for label in labels if label.lower() in self.labels]] = 1
        return marked

    def _sounding(self, spans: Sequence[tuple[float, float]], start: float) -> Float32:
        """Frames (0 or 1) that hear at least half of what could be heard of an event in one frame."""
        rate, front = self.built.front.rate, self.built.front
        begins = start + np.arange(self.frames) * self.hop / rate
        long = front.length / rate
        found = np.zeros(self.frames, np.float32)
        for begin, end in spans:
            shared = np.minimum(begins + long, end) - np.maximum(begins, begin)
            found[shared >= 0.5 * min(long, end - begin)] = 1
        return found

    def _worded(self, item: Item, entry: Entry, rng: np.random.Generator) -> None:
        texts = entry.texts
        caption = texts.captions[int(rng.integers(len(texts.captions)))]
        item["texts"] = caption
        item["text_ids"] = np.array(stable_id(caption))
        item["tokens"] = self.built.words([caption])[0]
        if "negatives" in self.built.needs:
            most = min(self.recipe.data.negatives, len(texts.negatives))
            item["negative_texts"] = [texts.negatives[i] for i in sorted(rng.permutation(len(texts.negatives))[:most])]

    # ------------------------------------------------------------------------------------------------------------ a batch

    def joined(self, items: list[Item]) -> Batch:
        batch: Batch = {}
        for key in items[0]:
            values = [item[key] for item in items]
            if key == "texts":
                batch[key] = values
            elif key == "tokens":
                batch["tokens"], batch["token_mask"] = padded(values, self.built.words.pad_id)
            elif key in ("masked_tokens", "masked"):
                batch[key] = padded(values, self.built.words.pad_id if key == "masked_tokens" else 0)[0]
            elif key == "negative_texts":
                batch["negatives"], batch["negative_mask"], batch["negative_valid"] = self._several(values)
            elif key == "event_texts":
                batch["event_tokens"], batch["event_mask"], _ = self._several(values)
            elif key in ("event_ids", "event_valid", "event_frames"):
                most = max(1, *(len(value) for value in values))
                batch[key] = torch.from_numpy(np.stack([_longer(value, most) for value in values]))
            else:
                batch[key] = torch.from_numpy(np.stack(values))
        return batch

    def _several(self, texts: list[list[str]]) -> tuple[Any, Any, Any]:
        """Tokens ``[b, k, l]``, their mask, and which texts there are."""
        most = max(1, *(len(row) for row in texts))
        valid = torch.tensor([[i < len(row) for i in range(most)] for row in texts])
        tokens, mask = padded(
            [ids for row in texts for ids in self.built.words([*row, *[""] * (most - len(row))])], self.built.words.pad_id
        )
        return tokens.reshape(len(texts), most, -1), mask.reshape(len(texts), most, -1), valid


def padded(rows: Sequence[Sequence[int]], pad: int) -> tuple[Any, Any]:
    """``[n, longest]`` and true where there is something."""
    longest = max(1, *(len(row) for row in rows)) if len(rows) > 1 else max(1, len(rows[0]))
    tokens = np.full((len(rows), longest), pad, np.asarray(rows[0]).dtype if np.asarray(rows[0]).dtype == bool else np.int64)
    mask = np.zeros((len(rows), longest), bool)
    for i, row in enumerate(rows):
        tokens[i, : len(row)], mask[i, : len(row)] = row, True
    return torch.from_numpy(tokens), torch.from_numpy(mask)


def _longer(value: Any, n: int) -> Any:
    return np.concatenate([value, np.zeros((n - len(value), *value.shape[1:]), value.dtype)])
