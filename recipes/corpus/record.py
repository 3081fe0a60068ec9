"""Sources into files, package by package: what a package gave is kept beside the corpus, and kept by a later run of the same recipe."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import soundfile as sf
from effects import effects, kits
from gather import Source
from likeness import Floats
from store import RATE, VERSION, Stored, store, write_samples
from tunes import Band, Tune, play, tunes

from auricle.audio import content_hash


@dataclass(frozen=True)
class Recorded:
    """A file of the corpus and where it is from. ``hash``: of its bytes, as auricle.audio.content_hash."""

    source: Source
    file: Stored
    hash: str


def record(packages: Mapping[str, Sequence[Source]], out: Path, pinned: Mapping[str, Any]) -> list[Recorded]:
    found: list[Recorded] = []
    with ProcessPoolExecutor(2) as pool:
        for number, (package, sources) in enumerate(packages.items(), 1):
            mark = _mark(pinned.get(package, {}).get("sha256", ""), [[s.id, s.pieces] for s in sources])
            kept = _kept(out, package, mark)
            if kept is None:
                print(f"  {number}/{len(packages)} {package}: {len(sources)}", file=sys.stderr, flush=True)
                kept = [pair for some in pool.map(_try, [(s, out) for s in sources], chunksize=8) for pair in some]
                _keep(out, package, mark, kept)
            by_id = {s.id: s for s in sources}
            found += [Recorded(by_id[file.source], file, digest) for file, digest in kept if file.source in by_id]
    return found


def _try(task: tuple[Source, Path]) -> list[tuple[Stored, str]]:
    """What cannot be read (an empty or odd file of a package) is left out and said."""
    source, out = task
    try:
        return [(file, content_hash(out / file.path)) for file in store(source, out)]
    except (OSError, ValueError, sf.LibsndfileError, ArithmeticError, ImportError) as error:
        print(f"    {source.id}: {error}", file=sys.stderr)
        return []
    except Exception as error:  # openmpt123 and timeouts: one module less, and it is said
        print(f"    {source.id}: {type(error).__name__} {error}", file=sys.stderr)
        return []


def record_tunes(band: Band, out: Path, fonts: Mapping[str, Any], pinned: Mapping[str, Any]) -> tuple[list[Recorded], dict[str, str]]:
    """Rendered music, font by font, and the side of each of its families."""
    by_font: dict[str, list[Tune]] = {}
    for tune in chain(tunes(band), effects(band), kits(band)):
        by_font.setdefault(tune.font, []).append(tune)
    found: list[Recorded] = []
    sides: dict[str, str] = {}
    for font, some in by_font.items():
        package = fonts[font]["package"]
        sources = {
            f"music:{t.piece.name}": _source(t, f"{package}=={pinned[package]['version']}", str(pinned[package]["licence"])) for t in some
        }
        mark = _mark(pinned[package]["sha256"], [[t.piece.name, t.piece.bpm, [[*vars(n).values()] for n in t.piece.notes]] for t in some])
        kept = _kept(out, f"music-{font}", mark)
        if kept is None:
            print(f"  {font}: {len(some)} pieces", file=sys.stderr, flush=True)
            kept = list(_played(some, band.fonts[font], out))
            _keep(out, f"music-{font}", mark, kept)
        found += [Recorded(sources[file.source], file, digest) for file, digest in kept if file.source in sources]
        sides |= {t.family: t.side for t in some}
    return found, sides


def _played(some: Sequence[Tune], font: Path, out: Path) -> Iterator[tuple[Stored, str]]:
    for tune, samples in zip(some, play([t.piece for t in some], font), strict=True):
        file = write_samples(f"music:{tune.piece.name}", f"music-{tune.font}", samples, RATE, 0, out)
        if file is not None:
            yield file, content_hash(out / file.path)


def _source(tune: Tune, package: str, licence: str) -> Source:
    piece = tune.piece
    return Source(
        f"music:{piece.name}", package, Path(piece.name), piece.concepts, piece.maybe, tune.family, tune.kind, tune.caption, "", 1,
        dict(tune.extra), licence,
    )  # fmt: skip


def _mark(*parts: Any) -> str:
    return hashlib.sha256(json.dumps([VERSION, *parts]).encode()).hexdigest()


def _kept(out: Path, package: str, mark: str) -> list[tuple[Stored, str]] | None:
    listing, heard = out / ".work" / f"{package}.json", out / ".work" / f"{package}.npy"
    if not listing.exists() or not heard.exists():
        return None
    document = json.loads(listing.read_text("utf-8"))
    prints: Floats = np.load(heard)
    if document["mark"] != mark or len(prints) != len(document["files"]):
        return None
    files = [(Stored(**line["file"], print=heard_here), line["hash"]) for line, heard_here in zip(document["files"], prints, strict=True)]
    return files if all((out / file.path).exists() for file, _ in files) else None


def _keep(out: Path, package: str, mark: str, files: Sequence[tuple[Stored, str]]) -> None:
    folder = out / ".work"
    folder.mkdir(parents=True, exist_ok=True)
    empty = np.zeros((0, 2, 1280), np.float16)
    np.save(folder / f"{package}.npy", np.stack([file.print for file, _ in files]) if files else empty)
    lines = [{"file": {k: v for k, v in vars(file).items() if k != "print"}, "hash": digest} for file, digest in files]
    (folder / f"{package}.json").write_text(json.dumps({"mark": mark, "files": lines}), "utf-8")
