"""Which sounds the packages hold and what they show, by rule: the search benchmark's rules first, then this recipe's."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clips import deal_halves, seeded, select
from spoken import transcripts
from vocabulary import words_of

SOUNDS = {".wav", ".ogg", ".oga", ".mp3", ".flac", ".opus", ".au", ".aif", ".aiff", ".gsm"}
TRACKERS = {".mod", ".xm", ".s3m", ".it"}
_MAGIC = (b"OggS", b"RIFF", b"fLaC")
FAMILY = r"([-_ .]*[0-9]+[a-z]?)+$"  # what is cut from a path so that takes of one thing are one family


@dataclass(frozen=True)
class Source:
    """A sound before it is read. ``labels``, ``maybe``: ids; ``said``: what is spoken; ``pieces``: at most so many of a long one."""

    id: str
    package: str
    path: Path
    labels: tuple[str, ...] = ()
    maybe: tuple[str, ...] = ()
    family: str = ""
    kind: str = "sound"  # sound, music, speech, ambience
    caption: str = ""
    said: str = ""
    pieces: int = 3
    extra: Mapping[str, Any] = field(default_factory=dict)
    licence: str = ""


@dataclass(frozen=True)
class Benchmark:
    """What the search benchmark uses: the families of its test half (never learned from), and its test clips to compare with."""

    test: frozenset[str]
    dev: frozenset[str]
    clips: tuple[Any, ...]

    @classmethod
    def of(cls, rules: Mapping[str, Any], folders: Mapping[str, Path]) -> Benchmark:
        clips = deal_halves(select(rules, folders))
        families = {half: frozenset(c.family for c in clips if c.half == half) for half in ("test", "dev")}
        return cls(families["test"], families["dev"], tuple(c for c in clips if c.half == "test"))


def gather(rules: Mapping[str, Any], folders: Mapping[str, Path], benchmark_rules: Mapping[str, Any], bench: Benchmark) -> Iterator[Source]:
    """Every sound of every package of rules.yaml, in a fixed order, without the families of the benchmark's test half."""
    common = [(re.compile(rf"(?<![a-z])({pattern})(?![a-z])"), ids.split()) for pattern, ids in rules["words"]]
    for package, table in rules["packages"].items():
        table = table or {}
        theirs = benchmark_rules["packages"].get(package)
        for source in _package(package, table, folders, common, theirs):
            if source.family not in bench.test:
                yield source


def _package(
    package: str, table: Mapping[str, Any], folders: Mapping[str, Path], common: list[Any], theirs: Mapping[str, Any] | None
) -> Iterator[Source]:
    root = _root(folders[package], table.get("root", (theirs or {}).get("root", "")))
    first = _rules(theirs, package) if theirs else []
    own = _rules(table, package)
    cut = re.compile((theirs or {}).get("family") or table.get("family", FAMILY))
    skip = re.compile(table["skip"]) if table.get("skip") else None
    said = transcripts(package, table.get("transcripts", (theirs or {}).get("transcripts")), folders)
    for stem, path in _capped(_stems(root, skip), table.get("most", [])):
        ids, kind = _shown(stem, path, first, own, common if table.get("words") else [], table)
        if kind == "skip":
            continue
        labels, maybe = tuple(i for i in ids if i[0] != "?"), tuple(i[1:] for i in ids if i[0] == "?")
        said_here, extra = said(stem, path)
        name = stem.rsplit("/", 1)[-1]
        caption = words_of(name) if table.get("title") == "stem" and labels and kind in ("sound", "ambience") else ""
        yield Source(
            f"{package}:{stem}", package, path, labels, maybe, f"{package}:{cut.sub('', stem)}", kind, caption, said_here,
            table.get("pieces", 3), extra,
        )  # fmt: skip


def _stems(root: Path, skip: re.Pattern[str] | None) -> Iterator[tuple[str, Path]]:
    """(path below ``root`` without suffix, file) of every sound; the first of those that differ in the suffix only."""
    seen: set[str] = set()
    for path in files(root):
        below = path.relative_to(root)
        stem = (below.with_suffix("") if path.suffix.lower() in SOUNDS | TRACKERS else below).as_posix().replace("∕", "/")
        if stem not in seen and not (skip and skip.search(stem)):
            seen.add(stem)
            yield stem, path


def _capped(found: Iterable[tuple[str, Path]], most: Sequence[Sequence[Any]]) -> list[tuple[str, Path]]:
    """Without those that are too many of a kind, chosen by hash."""
    kept = list(found)
    for pattern, count in most:
        matching = sorted((stem for stem, _ in kept if re.fullmatch(pattern, stem)), key=seeded)
        dropped = set(matching[count:])
        kept = [pair for pair in kept if pair[0] not in dropped]
    return kept


def _shown(stem: str, path: Path, first: list[Any], own: list[Any], common: list[Any], table: Mapping[str, Any]) -> tuple[list[str], str]:
    """(ids, kind) by the first rule that matches the whole path, then by the words of the name."""
    for pattern, ids in (*own, *first):
        if pattern.fullmatch(stem):
            return _kinded(list(ids), path, table)
    words = words_of(stem.rsplit("/", 1)[-1])
    found: list[str] = next((ids for pattern, ids in common if pattern.search(words)), [])
    if not found and table.get("rest") == "skip":
        return [], "skip"
    return _kinded(list(found), path, table)


def _kinded(ids: list[str], path: Path, table: Mapping[str, Any]) -> tuple[list[str], str]:
    kind = next((i[1:] for i in ids if i.startswith("=")), "")
    ids = [i for i in ids if not i.startswith("=")]
    if path.suffix.lower() in TRACKERS:
        return ["music", *ids], "music"
    if not kind:
        kind = "speech" if {"speech", "language"} & _roots(ids) else str(table.get("kind", "sound")) if not ids else "sound"
    if kind == "music" and not ids:
        ids = ["music"]
    return ids, kind


_SPOKEN = {
    "english", "german", "french", "spanish", "italian", "russian", "ukrainian", "danish", "speech", "male-speech", "female-speech",
    "radio-voice",
}  # fmt: skip


def _roots(ids: list[str]) -> set[str]:
    return {"speech"} if any(i in _SPOKEN or i.endswith("-speech") for i in ids) else set()


def _rules(table: Mapping[str, Any] | None, package: str) -> list[tuple[re.Pattern[str], list[str]]]:
    return [(re.compile(rule[0]), rule[1].split()) for rule in (table or {}).get("rules", [])]


def _root(folder: Path, root: str) -> Path:
    unpacked = folder / "unpacked"
    return (unpacked if unpacked.is_dir() else folder) / root


def files(root: Path) -> Iterator[Path]:
    """Sounds and tracker music below ``root``; a file without a suffix counts if it begins like a sound."""
    for path in sorted(root.rglob("*")):
        if not path.is_file() or path.is_symlink():
            continue
        suffix = path.suffix.lower()
        if suffix in SOUNDS or suffix in TRACKERS or (not suffix.strip(".!") and _begins(path)):
            yield path


def _begins(path: Path) -> bool:
    with path.open("rb") as handle:
        return handle.read(4) in _MAGIC


Said = Callable[[str, Path], tuple[str, Mapping[str, Any]]]
