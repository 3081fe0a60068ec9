"""What teachers hear: an embedding an item, from a model that embeds sound or from a file of vectors."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from auricle.audio.features import Float32
from auricle.audio.types import Audio
from auricle.errors import ModelError
from auricle.models import hub
from auricle.training.checkpoint import refuse_pickle
from auricle.training.corpus import Entry, Sounds
from auricle.training.modules.frozen import Heard
from auricle.training.recipe import Recipe
from auricle.training.schema import Teacher


class Teaching:
    """``widths`` and ``vector`` of each teacher of a recipe. A model hears the whole item once; what it heard is kept on disk."""

    def __init__(self, recipe: Recipe) -> None:
        self._teachers: dict[str, Any] = {}
        for name, spec in recipe.data.teachers.items():
            self._teachers[name] = _File(recipe, spec) if spec.file is not None else _Model(recipe, spec)

    @property
    def widths(self) -> dict[str, int]:
        return {name: teacher.width for name, teacher in self._teachers.items()}

    def vector(self, name: str, entry: Entry) -> Float32:
        found: Float32 = self._teachers[name].vector(entry)
        return found


class _Model:
    def __init__(self, recipe: Recipe, spec: Teacher) -> None:
        assert spec.model is not None
        local = recipe.path(spec.model)
        self.model = hub.load(local if (local / "card.json").is_file() else spec.model)
        self.width = self.model.dim
        self.kept = Heard(recipe.path(recipe.data.cache), self.model.pipeline_id.replace("/", "_").replace(":", "_"))
        self.sounds = Sounds(self.model.rate, memory=0)
        self.lock = threading.Lock()

    def vector(self, entry: Entry) -> Float32:
        if entry.key and (found := self.kept.get(entry.key)) is not None:
            return found
        sound = self.sounds.whole(entry)
        with self.lock:
            vector: Float32 = self.model.embed_audio([Audio(sound, self.model.rate, entry.item.id)])[0]
        if entry.key:
            self.kept.put(entry.key, vector)
        return vector


class _File:
    def __init__(self, recipe: Recipe, spec: Teacher) -> None:
        from safetensors.numpy import load_file

        assert spec.file is not None
        self.path = recipe.path(spec.file)
        refuse_pickle(self.path)
        try:
            self.vectors = load_file(str(self.path))
        except Exception as error:
            raise ModelError("Damaged", f"{self.path} holds no vectors in safetensors: {error}.") from None
        widths = {value.shape for value in self.vectors.values()}
        if len(widths) != 1 or len(next(iter(widths))) != 1:
            raise ModelError("Damaged", f"{self.path}: every teacher's vector must be [d], found {sorted(widths)[:3]}.")
        self.width = next(iter(widths))[0]

    def vector(self, entry: Entry) -> Float32:
        for key in (entry.item.id, entry.item.hash):
            if key in self.vectors:
                return np.asarray(self.vectors[key], np.float32)
        raise ModelError("Missing", f"{self.path} has no vector of item {entry.item.id!r}.", hint="Make it again for this manifest.")
