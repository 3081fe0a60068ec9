"""Files into items: copies out, what is like the test half out, families that share a recording made one, sides dealt, captions written."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile as sf
from gather import Benchmark
from likeness import Floats, alike, families, prints
from record import Recorded
from splits import deal, refuse_overlap
from store import prepared, samples_hash
from vocabulary import Vocabulary, words_of

from auricle.data import Item

SET = "corpus"  # one name for all: families reach over kinds
LIKE_TEST = 0.97  # cosine to a sound that is for testing, from which on a family is left out: on the safe side of `likeness.SAME`
_RENDERED = ("music:", "speech:")  # families of what is made here
_TELLING = 2  # words of a name that make a caption
_EMPTY_WORDS = frozenset(
    [
        "sound",
        "sfx",
        "loop",
        "new",
        "old",
        "small",
        "big",
        "a",
        "b",
        "c",
        "d",
        "e",
        "f",
        "l",
        "r",
        "la",
        "lr",
        "cut",
        "short",
        "long",
        "the",
        "and",
        "of",
        "mono",
        "stereo",
        "loud",
        "test",
        "in",
        "out",
        "on",
        "off",
    ]
)


@dataclass(frozen=True)
class Assembly:
    """What is needed besides the files. ``sides``: families whose side is given; ``kept_out``: sounds that a full build left out."""

    vocabulary: Vocabulary
    pinned: Mapping[str, Any]
    bench: Benchmark
    sides: Mapping[str, str]
    kept_out: frozenset[str]
    data: Path | None


def assemble(whole: Assembly, recorded: Sequence[Recorded], out: Path) -> tuple[list[Item], dict[str, Any]]:
    """(items of both sides, what was left out and why). Raises BuildError where something for testing remains."""
    first = [r for r in _without_copies(recorded) if r.source.id not in whole.kept_out]
    heard = np.stack([r.file.print for r in first]).astype(np.float32)
    tested, names, digests = _tested(whole)
    packaged = [i for i, r in enumerate(first) if not r.source.family.startswith(_RENDERED)]
    near = {packaged[a]: (names[b], round(c, 3)) for a, b, c in alike(heard[packaged], tested, LIKE_TEST)} if len(tested) else {}
    spoiled = {first[i].source.family for i in near}
    kept = [i for i, r in enumerate(first) if r.source.family not in spoiled]
    grouped = _grouped([first[i] for i in kept], heard[kept])
    chosen = [first[i] for i in kept]
    labels: dict[str, list[str]] = {}
    for recording, family in zip(chosen, grouped, strict=True):
        labels.setdefault(family, [])
        labels[family] = list(dict.fromkeys([*labels[family], *recording.source.labels]))
    fixed = {family: side for family, side in whole.sides.items() if family in labels}
    side = deal(labels, fixed=fixed)
    items = [_item(r, family, side[family], whole) for r, family in zip(chosen, grouped, strict=True)]
    refuse_overlap({r.source.family for r in chosen}, {r.file.samples_hash for r in chosen}, whole.bench.test, digests)
    _remove_strangers(recorded, out)
    left_out = {
        "sounds": sorted({r.source.id for r in first if r.source.family in spoiled} | whole.kept_out),
        "because": {first[i].source.id: list(why) for i, why in sorted(near.items())},
        "copies": len(recorded) - len(first),
    }
    return items, left_out


def _without_copies(recorded: Sequence[Recorded]) -> list[Recorded]:
    """Of files with the same samples the first one that has labels, else the first."""
    groups: dict[str, list[Recorded]] = defaultdict(list)
    for r in recorded:
        groups[r.file.samples_hash].append(r)
    best = {id(max(group, key=lambda r: bool(r.source.labels))) for group in groups.values()}
    return [r for r in recorded if id(r) in best]


def _tested(whole: Assembly) -> tuple[Floats, list[str], set[str]]:
    """Prints, names and hashes of everything that is for testing: the benchmark's test clips, and ESC-10 where AURICLE_DATA has it."""
    paths = [(clip.id, clip.source) for clip in whole.bench.clips]
    if whole.data is not None:
        paths += [(f"esc10:{p.stem}", p) for p in sorted((whole.data / "esc10").rglob("*")) if p.suffix in {".wav", ".ogg", ".flac"}]
    found, names, digests = [], [], set()
    for name, path in paths:
        try:
            samples, rate = prepared(path, 3)
        except (OSError, sf.LibsndfileError) as error:
            print(f"    {path}: {error}", file=sys.stderr)
            continue
        found.append(prints(samples, rate))
        names.append(name)
        digests.add(samples_hash(samples))
    return (np.stack(found) if found else np.zeros((0, 2, 1280), np.float32)), names, digests


def _grouped(chosen: Sequence[Recorded], heard: Floats) -> list[str]:
    """The family of each; what holds the same recording is one. Rendered sound is as its maker says."""
    names = [r.source.family for r in chosen]
    packaged = [i for i, r in enumerate(chosen) if not r.source.family.startswith(_RENDERED)]
    inside = heard[packaged]
    pairs = [(packaged[a], packaged[b]) for a, b, _ in alike(inside, inside) if a < b and names[packaged[a]] != names[packaged[b]]]
    return families(names, pairs)


def _item(r: Recorded, family: str, split: str, whole: Assembly) -> Item:
    source, pinned = r.source, whole.pinned.get(r.source.package.partition("==")[0], {})
    labels = whole.vocabulary.names(source.labels)
    extra = {"kind": source.kind, **{k: v for k, v in source.extra.items() if v not in ("", None) and k != "held_out"}}
    perhaps = whole.vocabulary.open(source.labels, source.maybe) if source.labels or source.maybe else ()
    if perhaps:
        extra["perhaps"] = list(perhaps)
    if source.said:
        extra["said"] = source.said
    origin = source.package if "==" in source.package else f"{source.package}=={pinned['version']}" if pinned else source.package
    return Item(
        id=source.id + (f"#{r.file.part}" if r.file.part else ""), audio=r.file.path, duration=r.file.seconds, labels=labels,
        captions=tuple(captions(source.kind, source.caption, source.said, extra)), split=split, set=SET,
        clip=family, source=f"{origin}/{source.id.partition(':')[2]}", licence=source.licence or pinned.get("licence", ""), hash=r.hash,
        extra=extra,
    )  # fmt: skip


def captions(kind: str, caption: str, said: str, extra: Mapping[str, Any]) -> list[str]:
    """What a person might write of it: the telling words of a name, who says what, what is played."""
    if kind == "speech" and said:
        who = {"man": "a man", "woman": "a woman"}.get(str(extra.get("speaker") or extra.get("voice")), "someone")
        language = f" in {extra['language']}" if extra.get("language") else ""
        return [f"{who} says{language}: “{said}”"]
    if kind == "music" and extra.get("font"):
        return [caption]
    telling = [word for word in words_of(caption).split() if word not in _EMPTY_WORDS and len(word) > 2]
    return [" ".join(telling)] if len(telling) >= _TELLING else []


def _remove_strangers(recorded: Sequence[Recorded], out: Path) -> None:
    """Files that no recipe of now wrote. What was recorded and left out stays: a later run would only write it again."""
    wanted = {r.file.path for r in recorded}
    for path in (out / "audio").rglob("*"):
        if path.is_file() and path.relative_to(out).as_posix() not in wanted:
            path.unlink()
