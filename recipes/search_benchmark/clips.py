"""Which clips there are, what they show, and in which half they belong."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

AUDIO = {".wav", ".ogg", ".oga", ".mp3", ".flac"}
HALVES = ("dev", "test")


@dataclass(frozen=True)
class Clip:
    """One source sound. ``family`` names what was recorded together (takes, layers, variants): never split over the halves."""

    id: str  # "<package>:<path in it>"
    package: str
    source: Path
    concepts: tuple[str, ...]
    maybe: tuple[str, ...]
    family: str
    half: str | None
    title: str
    transcript: str = ""


def seeded(text: str) -> int:
    """A number that depends on the text alone, the same on every machine."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def select(rules: Mapping[str, Any], folders: Mapping[str, Path]) -> list[Clip]:
    """The clips of every package in ``clips.yaml``, halves dealt, in a fixed order."""
    clips: list[Clip] = []
    for package, table in rules["packages"].items():
        found = _thinned(list(_matching(package, table, folders)), table.get("per_family"))
        clips += _capped(found, table)
    return deal_halves(_joined(clips, rules["same_recording"]))


def _joined(clips: Iterable[Clip], groups: Sequence[Sequence[str]]) -> list[Clip]:
    """One family (and one prescribed half) for clips that are the same recording, and for all of their families' clips."""
    clips = list(clips)
    by_id = {clip.id: clip for clip in clips}
    name: dict[str, str] = {}
    half: dict[str, str | None] = {}
    for group in groups:
        members = [by_id[i] for i in group if i in by_id]
        families = {name.get(c.family, c.family) for c in members}
        first = min(families, default="")
        for clip in clips:
            if name.get(clip.family, clip.family) in families:
                name[clip.family] = first
                half[first] = half.get(first) or clip.half
    return [replace(c, family=name.get(c.family, c.family), half=half.get(name.get(c.family, c.family)) or c.half) for c in clips]


def deal_halves(clips: Iterable[Clip]) -> list[Clip]:
    """Whole families, concept by concept, to the half that has fewer families of that concept; where even, by hash."""
    clips = list(clips)
    half_of: dict[str, str] = {c.family: c.half for c in clips if c.half}
    count: dict[tuple[str, str], int] = defaultdict(int)
    concept_of: dict[str, str] = {}
    for clip in clips:
        concept_of.setdefault(clip.family, clip.concepts[0])
    for family, half in half_of.items():
        count[concept_of[family], half] += 1
    for family in sorted(concept_of, key=seeded):
        if family in half_of:
            continue
        concept = concept_of[family]
        dev, test = count[concept, "dev"], count[concept, "test"]
        half = HALVES[seeded("half" + concept + family) % 2] if dev == test else ("dev" if dev < test else "test")
        half_of[family] = half
        count[concept, half] += 1
    return [replace(clip, half=half_of[clip.family]) for clip in clips]


def _matching(package: str, table: Mapping[str, Any], folders: Mapping[str, Path]) -> Iterator[Clip]:
    folder = folders[package]
    unpacked = folder / "unpacked"
    root = (unpacked if unpacked.is_dir() else folder) / table["root"]
    rules = [(re.compile(rule[0]), rule[1].split()) for rule in table["rules"]]
    halves = table.get("half") or {}
    family_cut = re.compile(table.get("family", r"[-_ .]?[0-9]+$"))
    spoken = _transcripts(package, table.get("transcripts"), folders)
    for path in sorted(p for p in root.rglob("*") if p.suffix.lower() in AUDIO and p.is_file()):
        stem = path.relative_to(root).with_suffix("").as_posix().replace("∕", "/")
        concepts = next((c for pattern, c in rules if pattern.fullmatch(stem)), None)
        if concepts is None:
            continue
        family = family_cut.sub("", stem)
        half = halves if isinstance(halves, str) else next((h for p, h in halves.items() if re.fullmatch(p, stem)), None)
        present = tuple(c for c in concepts if not c.startswith("?"))
        maybe = tuple(c[1:] for c in concepts if c.startswith("?"))
        title = stem.rsplit("/", 1)[-1] if table["title"] == "stem" else present[-1].replace("-", " ")
        says = spoken(stem, path) if {"speech", "english"} & set(present) else ""
        yield Clip(f"{package}:{stem}", package, path, present, maybe, f"{package}:{family}", half, title, says)


def _thinned(clips: list[Clip], most: int | None) -> list[Clip]:
    """At most ``most`` clips of a family, chosen by hash."""
    if most is None:
        return clips
    families: dict[str, list[Clip]] = defaultdict(list)
    for clip in clips:
        families[clip.family].append(clip)
    kept = {c.id for family in families.values() for c in sorted(family, key=lambda c: seeded(c.id))[:most]}
    return [c for c in clips if c.id in kept]


def _capped(clips: list[Clip], table: Mapping[str, Any]) -> list[Clip]:
    """At most as many clips of a rule as its third element says, chosen by hash."""
    dropped: set[str] = set()
    for pattern, most in [(rule[0], rule[2]) for rule in table["rules"] if len(rule) > 2]:
        matched = [c for c in clips if re.fullmatch(pattern, c.id.partition(":")[2])]
        dropped |= {c.id for c in sorted(matched, key=lambda c: seeded(c.id))[most:]}
    return [c for c in clips if c.id not in dropped]


def _transcripts(package: str, kind: Any, folders: Mapping[str, Path]) -> Any:
    """A function (stem, path) -> what is said, "" where the package does not tell."""
    if kind == "core-sounds":
        return _core_sounds(folders["asterisk-core-sounds-en"])
    if kind == "stamp":  # tuxpaint: the first line of the stamp's own text file
        return lambda stem, path: _stamp_text(path)
    if kind == "stem":
        return lambda stem, path: _spaced(stem.rsplit("/", 1)[-1]) if "/voices/" in stem else ""
    if isinstance(kind, Mapping):
        table = dict(kind)
        if table.get("en") == "stem":
            return lambda stem, path: _spaced(stem.rsplit("/", 1)[-1].rsplit("_", 1)[-1]) if stem.startswith("en/") else ""
        return lambda stem, path: table.get(stem, "")
    return lambda stem, path: ""


def _core_sounds(folder: Path) -> Any:
    import gzip

    table: dict[str, str] = {}
    text = gzip.decompress(next(folder.rglob("core-sounds-en.txt.gz")).read_bytes()).decode("utf-8", "replace")
    for line in text.splitlines():
        key, colon, said = line.partition(":")
        if colon and not line.startswith(";"):
            table[key.strip()] = said.strip()
    return lambda stem, path: table.get(stem, "")


def _stamp_text(path: Path) -> str:
    text = path.with_name(path.stem.removesuffix("_desc") + ".txt")
    if not text.is_file():
        return ""
    return text.read_text("utf-8", "replace").splitlines()[0].strip()


# File names of one language's voice packs that run words together.
_RUN_TOGETHER = {
    "byebye": "bye bye", "comeonthen": "come on then", "enemydown": "enemy down", "firstblood": "first blood", "flyaway": "fly away",
    "gonnagetyou": "gonna get you", "illgetyou": "I'll get you", "justyouwait": "just you wait", "leavemealone": "leave me alone",
    "ohdear": "oh dear", "runaway": "run away", "solong": "so long", "takecover": "take cover", "thisoneismine": "this one is mine",
    "watchit": "watch it", "watchthis": "watch this", "yessir": "yes sir", "youllregretthat": "you'll regret that",
}  # fmt: skip


def _spaced(name: str) -> str:
    return _RUN_TOGETHER.get(name.lower(), name.replace("_", " ").lower())
