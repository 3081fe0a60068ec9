"""A fixed set of scenes on disk: FLAC files and a manifest. The same world gives the same bytes; an interrupted run goes on.

OUT/manifest.jsonl      an item a scene: captions, questions, events, and in ``extra`` the truth, the claims, the counterfactuals
OUT/audio/000000.flac   the mixture, and with stems OUT/stems/000000/00-dog-bark.flac …
OUT/world.json          what it was made from: a folder holds one world
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from auricle import _faults
from auricle.audio import Audio, content_hash
from auricle.audio import write as write_audio
from auricle.data.items import Event, Item, as_line, from_line
from auricle.data.manifest import folder_of, open_audio, read, replacing
from auricle.data.world.config import WorldConfig
from auricle.data.world.scene import Scene
from auricle.data.world.world import World
from auricle.errors import DataError, UsageError

PART = "manifest.jsonl.part"
FORM = 2  # of what is written

Told = Callable[[int], None]


def gather(config: WorldConfig, folder: str | os.PathLike[str], *, seed: int | None = None, split: str = "train") -> World:
    """The world that a configuration describes. folder: what its manifests are relative to. Raises DataError, UsageError."""
    items: list[Item] = []
    homes: dict[str, Path] = {}
    for name in config.manifests:
        path = os.path.join(os.fspath(folder), name)
        for item in read(path):
            if item.id in homes:
                raise DataError("Duplicate", f"{path}: item {item.id!r} stands in another manifest too.", path=path, hint="Ids are unique.")
            homes[item.id] = folder_of(path)
            items.append(item)
    return World(items, config, seed=seed, split=split, opener=partial(_open, homes, config.rate))


def _open(homes: Mapping[str, Path], rate: int, item: Item) -> Audio:
    return open_audio(item, homes[item.id], rate=rate)


def write(world: World, out: str | os.PathLike[str], scenes: int, *, stems: bool = False, told: Told | None = None) -> Path:
    """Write scenes 0 to ``scenes`` − 1; gives the path of the manifest. What is there already is kept, if it is whole and of this world.

    told: called with the number of scenes done. Raises UsageError, DataError, OSError; the manifest appears when all scenes are there.
    """
    if scenes < 1:
        raise UsageError(f"{scenes} scenes cannot be written.", hint="Give at least 1.")
    world.check()
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    _bind(folder, world, stems)
    for left in folder.rglob(".auricle-*"):  # of a run that was killed
        left.unlink()
    done = _done(folder)
    part = folder / PART
    with part.open("w", encoding="utf-8") as file:
        for index in range(scenes):
            item = done.get(_id(world, index))
            if item is None or not _whole(folder, item):
                item = _write_scene(world, folder, index, stems)
            file.write(as_line(item) + "\n")
            file.flush()
            _faults.point("world.scene")
            if told:
                told(index + 1)
    manifest = folder / "manifest.jsonl"
    with replacing(manifest) as temporary:
        Path(temporary).write_bytes(part.read_bytes())
    part.unlink()
    return manifest


def as_item(world: World, scene: Scene, audio: str = "", digest: str = "", stems: tuple[str, ...] = ()) -> Item:
    """A scene as a line of a manifest."""
    facts = scene.facts
    clips = sorted({e.clip for e in facts.events})
    extra: dict[str, Any] = {"scene": scene.document(), "clips": clips}
    for key in ("captions", "counterfactuals"):
        extra[key] = extra["scene"].pop(key)
    if perhaps := sorted(facts.possible - facts.everything):
        extra["perhaps"] = perhaps  # neither heard nor not
    if stems:
        extra["stems"] = list(stems)
    return Item(
        id=_id(world, facts.index), audio=audio or None, duration=facts.seconds, labels=tuple(sorted(facts.everything)),
        captions=scene.captions, questions=scene.questions, events=_all_events(scene), split=world.split, set=world.config.name,
        clip=" + ".join(clips), source=f"world {world.config.fingerprint}/{world.seed}/{facts.index}",
        licence=" AND ".join(sorted({licence for licence, _ in scene.sources if licence})), hash=digest, extra=extra,
    )  # fmt: skip


def _all_events(scene: Scene) -> tuple[Event, ...]:
    """The table of the scene, and each event once more by every other label of its clip: a cricket is an animal too."""
    others = (Event(round(e.start, 4), round(e.end, 4), label) for e in scene.facts.events for label in e.also)
    return tuple(sorted((*scene.table(), *others), key=lambda e: (e.start, e.end, e.label)))


def _id(world: World, index: int) -> str:
    return f"{world.config.name}/{world.split}/{world.seed}/{index:06d}"


def _write_scene(world: World, folder: Path, index: int, stems: bool) -> Item:
    scene = world.scene(index)
    name = f"audio/{index:06d}.flac"
    written = tuple(_stems(scene, folder, index)) if stems else ()
    (folder / "audio").mkdir(exist_ok=True)
    write_audio(folder / name, scene.audio, overwrite=True)
    return as_item(world, scene, name, content_hash(folder / name), written)


def _stems(scene: Scene, folder: Path, index: int) -> Iterator[str]:
    """One file an event, in the order of the events, and the recorder's own noise last."""
    (folder / "stems" / f"{index:06d}").mkdir(parents=True, exist_ok=True)
    labels = [*(e.label for e in scene.events), "floor"]
    for number, (label, stem) in enumerate(zip(labels, scene.stems, strict=True)):
        name = f"stems/{index:06d}/{number:02d}-{re.sub(r'[^a-z0-9]+', '-', label.lower()).strip('-')}.flac"
        write_audio(folder / name, Audio(stem, scene.audio.rate), subtype="PCM_24", overwrite=True)
        yield name


def _bind(folder: Path, world: World, stems: bool) -> None:
    """A folder holds the scenes of one world; raises UsageError for another."""
    digest = hashlib.blake2b(digest_size=8)
    for label, sources in world.shelf.sources.items():
        for source in sources:
            digest.update(f"{label}\n{as_line(source.item)}\n".encode("utf-8", "surrogateescape"))
    made_of = {
        "form": FORM, "world": world.config.fingerprint, "name": world.config.name, "seed": world.seed, "split": world.split,
        "items": digest.hexdigest(), "stems": stems,
    }  # fmt: skip
    text = json.dumps(made_of, indent=1) + "\n"
    path = folder / "world.json"
    if path.exists():
        if path.read_text("utf-8") != text:
            raise UsageError(f"{path} is of another world.", hint="Choose another folder, or delete this one.")
    elif any(folder.iterdir()):
        raise UsageError(f"{folder} holds other files.", hint="Choose an empty folder, or one that does not exist yet.")
    else:
        with replacing(path) as temporary:
            Path(temporary).write_text(text, "utf-8")


def _done(folder: Path) -> dict[str, Item]:
    """Items of an earlier run, interrupted or not; a last line that was cut off is none."""
    found: dict[str, Item] = {}
    for name in ("manifest.jsonl", PART):
        with suppress(FileNotFoundError):
            for line in (folder / name).read_text("utf-8").splitlines():
                with suppress(DataError):
                    item = from_line(line)
                    found[item.id] = item
    return found


def _whole(folder: Path, item: Item) -> bool:
    path = folder / str(item.audio)
    return path.is_file() and content_hash(path) == item.hash and all((folder / s).is_file() for s in item.extra.get("stems", ()))
