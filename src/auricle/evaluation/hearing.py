"""How a task's sounds reach a model: themselves, or a control in their place; each asked once, what came back kept.

    hearing = Hearing(model, task, Cache(folder, model.pipeline_id))
    hearing.vector(item)                                         # unit mean of the windows, cached
    hearing.once(item, {"prompt": text}, lambda audio: …)        # anything JSON, cached
    hearing.under("silence").vector(item)                        # the same with silence instead

Controls: ``silence`` of the same length; white ``noise`` of the same level and length, seeded by the item; the sound of an ``other`` item
of another source; ``none``: the model is asked without sound, where it can be.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Literal, get_args

import numpy as np

from auricle.audio import Audio
from auricle.data.items import Item
from auricle.errors import AudioError, ModelError
from auricle.evaluation.benchmark import Task
from auricle.evaluation.cache import Cache, key_of, packed, sound_of, unpacked
from auricle.evaluation.heldout import unit_mean
from auricle.evaluation.score import digest
from auricle.models.capabilities import Vectors

Control = Literal["silence", "noise", "other", "none"]
CONTROLS: tuple[Control, ...] = get_args(Control)
HELD = 4  # sounds that stay in memory
Told = Callable[[Control | None, int, int], None]  # what is heard, items done, items


class Hearing:
    """One model, one task, one condition. ``sounds``: item → hash of what its own file holds; ``times``: item → (given, heard) seconds."""

    def __init__(
        self,
        model: Any,
        task: Task,
        cache: Cache,
        condition: Control | None = None,
        *,
        full: Hearing | None = None,
        told: Told | None = None,
    ) -> None:
        self.model = model
        self.task = task
        self.cache = cache
        self.condition = condition
        self.full = full or self  # the same with the sound itself
        self.memo: dict[str, Any] = {} if full is None else full.memo  # what a kind works out once for all conditions
        self._told = told
        self._done: set[str] = set()
        self._vectors: dict[str, Vectors] = {}
        self.sounds: dict[str, str] = {}
        self.times: dict[str, tuple[float, float]] = {}
        self.took: dict[str, float] = {}  # key → seconds of computing, when it was computed
        self._held: OrderedDict[str, tuple[Audio, str]] = OrderedDict()
        self._other: dict[str, Item] | None = None

    def under(self, condition: Control | None) -> Hearing:
        """The same items with other sound."""
        return Hearing(self.model, self.task, self.cache, condition, full=self.full, told=self._told)

    def audio(self, item: Item) -> Audio | None:
        """What the model is given: mono, at the file's own rate. None where it is asked without sound.

        Raises AudioError for a sound that cannot be heard, or is not there (``Missing``).
        """
        return None if self.condition == "none" else self._sound(item)[0]

    def once(self, item: Item, asked: Any, work: Callable[[Audio | None], Any]) -> Any:
        """What ``work`` gives for the item's sound, as JSON reads it back. ``asked``: JSON, all else that it depends on."""
        try:
            audio, sound = (None, "none") if self.condition == "none" else self._sound(item)
            return self.all(sound, asked, lambda: work(audio), 1)
        finally:
            self._done.add(item.id)
            if self._told:
                self._told(self.condition, len(self._done), len(self.task.items))

    def all(self, sound: str, asked: Any, work: Callable[[], Any], n: int) -> Any:
        """What ``work`` gives for ``n`` things asked at once; ``sound``: a name for everything that is heard. n = 0: it is no hearing."""
        key = key_of(sound, self.model.pipeline_id, asked)
        value, took, known = self.cache.once(key, work)
        if known:
            self.cache.hits += n - 1
        else:
            self.cache.computed += n - 1
        if n:
            self.took[key] = took
        return value

    def vector(self, item: Item) -> Vectors:
        """float32 ``[d]``: the mean of the windows, unit norm. Raises AudioError; ModelError where the model gives no numbers."""
        if item.id in self._vectors:
            return self._vectors[item.id]
        value = self.once(item, "vector", self._listen)
        vector: Vectors = unpacked(value["vector"])
        if not np.isfinite(vector).all():
            raise ModelError(
                "Damaged", f"{self.model.name} gives no numbers (NaN) for {item.id}.", hint="Its weights or its export are broken."
            )
        self.heard(item, value["heard"])
        self._vectors[item.id] = vector
        return vector

    def heard(self, item: Item, seconds: float) -> None:
        """Note how much of an item's sound the model took in."""
        given = self.times.get(item.id, (0.0, 0.0))[0]
        self.times[item.id] = (given, min(given, seconds))

    def _listen(self, audio: Audio | None) -> dict[str, Any]:
        from auricle.models import listening

        assert audio is not None
        found = listening.hear(audio, self.model)
        begun = float(found.starts.min())
        return {"vector": packed(unit_mean(found.vectors)), "heard": round(float(found.ends.max()) - begun, 6)}

    def _sound(self, item: Item) -> tuple[Audio, str]:
        if item.id in self._held:
            self._held.move_to_end(item.id)
            return self._held[item.id]
        audio = self._own(item)
        self.times.setdefault(item.id, (audio.samples.shape[-1] / audio.rate, 0.0))
        if self.condition is None:
            sound = self.sounds[item.id] = sound_of(audio)
        else:
            audio = self._controlled(item, audio)
            sound = sound_of(audio)
        self._held[item.id] = audio, sound
        while len(self._held) > HELD:
            self._held.popitem(last=False)
        return audio, sound

    def _own(self, item: Item) -> Audio:
        if item.id in self.task.absent or item.audio is None:
            raise AudioError("Missing", item.id, f"{item.id}: its sound is not there.")
        audio = self.task.held.open(item)
        return Audio(audio.samples, audio.rate)  # without its name: many sets write the answer into it

    def _controlled(self, item: Item, audio: Audio) -> Audio:
        if self.condition == "other":
            return self._own(self._partner(item))
        shape = audio.samples.shape
        if self.condition == "silence":
            return Audio(np.zeros(shape, np.float32), audio.rate)
        level = float(np.sqrt(np.mean(np.square(audio.samples, dtype=np.float64))))
        noise = np.random.default_rng(int(digest(item.id), 16)).standard_normal(shape) * level
        return Audio(np.clip(noise, -1.0, 1.0).astype(np.float32), audio.rate)

    def _partner(self, item: Item) -> Item:
        """Another item, of another source where there is one; the same for every model."""
        if self._other is None:
            there = [i for i in self.task.items if i.id not in self.task.absent and i.audio is not None]
            order = [there[k] for k in np.random.default_rng(0).permutation(len(there))]
            self._other = {one.id: _after(order, place, self.task) for place, one in enumerate(order)}
        return self._other[item.id]


def _after(order: list[Item], place: int, task: Task) -> Item:
    """The next one in the round that has another source."""
    own = task.source(order[place])
    for step in range(1, len(order)):
        one = order[(place + step) % len(order)]
        if task.source(one) != own:
            return one
    return order[(place + 1) % len(order)]
