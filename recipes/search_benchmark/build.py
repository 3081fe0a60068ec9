#!/usr/bin/env python3
"""Build the search benchmark: download, verify, extract, render, compose, write.

    python recipes/search_benchmark/build.py --out DIR

Writes DIR/dev, DIR/test (the recordings), DIR/manifest.jsonl (the truth), DIR/concepts.yaml, DIR/queries.yaml and
DIR/sources.yaml. Run it again after an interruption: what is done is kept. The same inputs give the same samples.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile as sf
import yaml

from auricle.evaluation.corpus import Concepts

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from clips import HALVES, Clip, select  # noqa: E402
from compose import Event, Recording, compose, single  # noqa: E402
from fetch import BuildError, check_tools, fetch  # noqa: E402
from ledger import Ledger, fingerprint  # noqa: E402
from naming import Namer, Placement  # noqa: E402
from render import render_music, render_speech  # noqa: E402
from sound import load  # noqa: E402

SHORTEST = 0.08  # seconds; a shorter clip is left out
COPIED = ("concepts.yaml", "queries.yaml", "sources.yaml")


def read_yaml(name: str) -> Any:
    return yaml.safe_load((HERE / name).read_text("utf-8"))


def gather(cache: Path) -> list[Clip]:
    """Every clip of every source, rendered ones included."""
    sources = read_yaml("sources.yaml")["packages"]
    print("sources", file=sys.stderr)
    folders = fetch(sources, cache)
    clips = select(read_yaml("clips.yaml"), folders)
    print("rendering speech and music", file=sys.stderr)
    clips += render_speech(read_yaml("speech.yaml"), cache)
    clips += render_music(read_yaml("music.yaml"), folders, cache)
    return [c for c in clips if load(c.source).seconds >= SHORTEST]


def write(recording: Recording, place: Placement, out: Path, ledger: Ledger, licences: dict[str, str]) -> dict[str, Any]:
    """The file and its sidecars, unless they are there; its line of the manifest."""
    path = out / recording.half / place.path
    mark = fingerprint(recording, place.tags)
    if not ledger.has(path.relative_to(out), mark):
        path.parent.mkdir(parents=True, exist_ok=True)
        samples = np.round(recording.render() * 32767).clip(-32768, 32767).astype(np.int16)
        partial = path.with_name("." + path.name)
        with sf.SoundFile(partial, "w", recording.rate, recording.channels, "PCM_16", format=path.suffix[1:].upper()) as handle:
            for key, value in place.tags.items():
                setattr(handle, key, value)
            handle.write(samples)
        partial.replace(path)
        ledger.add(path.relative_to(out), mark)
    for suffix, text in place.sidecars.items():
        path.with_suffix(suffix).write_text(text, "utf-8")
    info = sf.info(path)
    packages = sorted({e.clip.package for e in recording.events if e.clip is not None})
    return {
        "id": recording.id,
        "half": recording.half,
        "kind": recording.kind,
        "path": f"{recording.half}/{place.path}",
        "style": place.style,
        "duration": round(info.frames / info.samplerate, 3),
        "rate": info.samplerate,
        "channels": info.channels,
        "tags": place.tags,
        "sidecars": sorted(place.sidecars),
        "events": [_event(e, info.frames / info.samplerate) for e in recording.events],
        "packages": packages,
        "licences": sorted({licences[p] for p in packages if p in licences}),
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }


def _event(event: Event, duration: float) -> dict[str, Any]:
    clip = event.clip
    return {
        "start": round(event.start, 3),
        "end": round(min(event.end, duration), 3),
        "gain_db": round(event.gain_db, 1),
        "bed": event.bed,
        "clip": clip.id if clip else "generated:pink-noise",
        "family": clip.family if clip else "generated:pink-noise",
        "concepts": list(clip.concepts) if clip else ["pink-noise"],
        "maybe": list(clip.maybe) if clip else [],
        "transcript": clip.transcript if clip else "",
    }


def build(out: Path, cache: Path) -> list[dict[str, Any]]:
    check_tools()
    out.mkdir(parents=True, exist_ok=True)
    tree = Concepts(read_yaml("concepts.yaml"))
    clips = gather(cache)
    scenes, notes = compose(read_yaml("scenes.yaml"), clips, tree)
    for note in notes:
        print(f"  {note}", file=sys.stderr)
    recordings = [single(clip) for clip in clips] + scenes
    licences = {name: source["licence"] for name, source in read_yaml("sources.yaml")["packages"].items()}
    licences["rendered-speech"] = "made here (espeak-ng GPL-3+, flite BSD-style voices; texts Apache-2.0 or public domain)"
    namers = {half: Namer(tree, half) for half in HALVES}
    print(f"writing {len(recordings)} recordings", file=sys.stderr)
    ledger = Ledger(out)
    lines: list[dict[str, Any]] = []
    named: Counter[str] = Counter()
    for number, recording in enumerate(recordings, 1):
        line = write(recording, namers[recording.half].place(recording), out, ledger, licences)
        named[recording.id] += 1  # a package may hold mace.ogg and mace.wav
        lines.append(line | {"id": recording.id if named[recording.id] == 1 else f"{recording.id} #{named[recording.id]}"})
        if number % 250 == 0:
            print(f"  {number}/{len(recordings)}", file=sys.stderr)
    _remove_strangers(lines, out)
    manifest = out / "manifest.jsonl"
    partial = manifest.with_suffix(".part")
    partial.write_text("".join(json.dumps(line, ensure_ascii=False, sort_keys=True) + "\n" for line in lines), "utf-8")
    partial.replace(manifest)
    for name in COPIED:
        shutil.copyfile(HERE / name, out / name)
    return lines


def _remove_strangers(lines: Sequence[dict[str, Any]], out: Path) -> None:
    """Files of an earlier recipe: they would be indexed, and judged by nobody."""
    wanted = {out / line["path"] for line in lines}
    wanted |= {(out / line["path"]).with_suffix(suffix) for line in lines for suffix in line["sidecars"]}
    for half in HALVES:
        for path in (out / half).rglob("*"):
            if path.is_file() and path not in wanted:
                path.unlink()


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, required=True, help="folder of the corpus")
    parser.add_argument("--cache", type=Path, help="folder of downloads and rendered sound (default: OUT/.cache)")
    options = parser.parse_args(arguments)
    start = time.monotonic()
    try:
        lines = build(options.out, options.cache or options.out / ".cache")
    except BuildError as error:
        print(error, file=sys.stderr)
        return 3
    hours = sum(line["duration"] for line in lines) / 3600
    print(f"{len(lines)} recordings, {hours:.2f} hours, in {time.monotonic() - start:.0f} s: {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
