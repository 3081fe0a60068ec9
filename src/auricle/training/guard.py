"""What must never be learned from: data that stands in an evaluation set too.

The recipe's ``evaluate.on``, ``data.avoid`` and ``export.calibrate`` name those sets. Ids, source clips, bytes and fingerprints are
compared, which decodes every sound once; what passed is noted in the recipe's cache, so that the next run of the same data begins at once.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from auricle.data.check import entries_of
from auricle.data.items import Item
from auricle.data.manifest import folder_of, read
from auricle.data.overlap import compare
from auricle.data.world import load
from auricle.errors import DataError
from auricle.training.corpus import Corpus, data_hash
from auricle.training.errors import TrainingError
from auricle.training.recipe import Recipe
from auricle.training.schema import Manifest

_ALLOW = "Leave those items out (`auricle data check --against` lists them), or train with --allow-overlap and say so."


def refuse_overlap(recipe: Recipe, corpus: Corpus) -> None:
    """Raises TrainingError ``Overlap``; DataError where a set to avoid cannot be read."""
    avoided = [*recipe.evaluate.on, *(Manifest(path=path, split=None) for path in recipe.data.avoid)]
    if recipe.export.calibrate is not None:
        avoided.append(recipe.export.calibrate)
    if not avoided:
        return
    right = []
    for manifest in avoided:
        path = recipe.path(manifest.path)
        items = [i for i in read(path) if not manifest.split or not i.split or i.split == manifest.split]
        right.append((str(path), items, folder_of(path)))
    digest = hashlib.sha256(data_hash(corpus).encode() + repr(right).encode("utf-8", "surrogatepass")).hexdigest()[:24]
    passed = recipe.path(recipe.data.cache) / "apart" / digest
    if passed.exists():
        return
    left = [(part.name, [entry.item for entry in part.entries], part.entries[0].folder) for part in corpus.sets if not part.scenes]
    left += _clips_of_worlds(recipe)
    heard = [list(entries) for entries in entries_of([*left, *right], hear=True, failed=lambda failure: None)]
    try:
        compare(heard[: len(left)], heard[len(left) :], captions=False).refuse()
    except DataError as error:
        raise TrainingError("Overlap", error.message, hint=_ALLOW) from None
    passed.parent.mkdir(parents=True, exist_ok=True)
    passed.touch()


def _clips_of_worlds(recipe: Recipe) -> list[tuple[str, list[Item], Path]]:
    """What scenes are composed of."""
    found = []
    for spec in recipe.data.worlds:
        path = recipe.path(spec.path)
        for name in load(path).manifests:
            manifest = path.parent / name
            found.append((f"{path.name}: {name}", [i for i in read(manifest) if i.split == spec.split], folder_of(manifest)))
    return found
