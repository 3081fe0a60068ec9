"""Composed scenes as a set of the corpus: new ones every epoch, each a function of the world's seed and a number."""

from __future__ import annotations

from typing import Any

import numpy as np

from auricle.audio import Audio
from auricle.data.world import Scene, World, gather, load
from auricle.data.world.writing import as_item
from auricle.training import schema
from auricle.training.corpus import Entry, Set, words_of
from auricle.training.recipe import Recipe

PREVIEW = 256  # scenes whose words, but no sound, are made to know the words of the world


def world_set(recipe: Recipe, spec: schema.World) -> Set:
    """``entries`` are the words of the first scenes; ``at`` composes. Raises DataError, UsageError."""
    path = recipe.path(spec.path)
    world = gather(load(path), path.parent, seed=spec.seed, split=spec.split)
    world.check()
    prompt, negatives = recipe.data.prompt, recipe.data.negatives

    def entry(scene: Scene, sound: Any = None) -> Entry:
        item = as_item(world, scene)
        return Entry(item, path.parent, words_of(item, prompt, most=4 * negatives), sound)

    def told(index: int) -> Entry:
        plan = world.plan(index)
        sources = tuple((placed.source.item.licence, placed.source.item.source) for placed in plan.placed)
        return entry(Scene(plan.facts, Audio(np.zeros(1, np.float32), world.config.rate), (), world.text(plan.facts), sources))

    def composed(at: int, epoch: int) -> Entry:
        scene = world.scene(epoch * spec.scenes + at)
        return entry(scene, scene.audio)

    preview = [told(index) for index in range(min(spec.scenes, PREVIEW))]
    return Set(spec.path, preview, scenes=spec.scenes, compose=composed, known=_labels(world))


def _labels(world: World) -> tuple[str, ...]:
    return tuple(sorted(world.shelf.sources))
