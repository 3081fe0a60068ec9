#!/usr/bin/env python3
"""Build the corpus to learn from: download, verify, extract, render, cut, compare with what is for testing, split, write.

    python recipes/corpus/build.py --out DIR [--cache DIR] [--slice small]

Writes DIR/train.jsonl and DIR/dev.jsonl (auricle.data items), DIR/audio, DIR/counts.json and DIR/labels.json. AURICLE_DATA names the
folder of further training sets, where there is one. Run it again after an interruption: what is done is kept.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from auricle.evaluation.corpus import Concepts

HERE = Path(__file__).resolve().parent
BENCHMARK = HERE.parent / "search_benchmark"
sys.path[:0] = [str(HERE), str(BENCHMARK)]

import fetch as fetching  # noqa: E402
from assemble import Assembly, assemble  # noqa: E402
from fetch import BuildError, check_tools, fetch  # noqa: E402
from gather import Benchmark, Source, gather  # noqa: E402
from record import Recorded, record, record_tunes  # noqa: E402
from shared_sets import shared_sources  # noqa: E402
from tally import tally  # noqa: E402
from tunes import Band  # noqa: E402
from vocabulary import Vocabulary  # noqa: E402
from voices import render_speeches  # noqa: E402

from auricle.data import write  # noqa: E402

NOT_FREE = ("-NC", "non-commercial", "noncommercial", "NonCommercial")


def read_yaml(path: Path) -> Any:
    return yaml.safe_load(path.read_text("utf-8"))


class Recipe:
    """All tables. ``small``: only the packages of small.yaml, a tenth of the rendered sound."""

    def __init__(self, small: bool = False) -> None:
        theirs = read_yaml(BENCHMARK / "sources.yaml")["packages"]
        own = read_yaml(HERE / "sources.yaml")["packages"]
        self.benchmark_rules = read_yaml(BENCHMARK / "clips.yaml")
        self.benchmark_music = read_yaml(BENCHMARK / "music.yaml")
        self.rules = read_yaml(HERE / "rules.yaml")
        self.music = read_yaml(HERE / "music.yaml")
        self.speech = read_yaml(HERE / "speech.yaml")
        self.shared = read_yaml(HERE / "shared.yaml")
        self.kept_out = json.loads((HERE / "kept_out.json").read_text("utf-8"))
        self.small = small
        self.sources: dict[str, Any] = {**theirs, **own}
        if small:
            cut = read_yaml(HERE / "small.yaml")
            self.sources = {k: v for k, v in self.sources.items() if k in cut["packages"]}
            self.rules["packages"] = {k: v for k, v in self.rules["packages"].items() if k in self.sources}
            self.music["fonts"] = {k: v for k, v in self.music["fonts"].items() if v["package"] in self.sources}
            self.music |= cut["music"]
            self.speech["each"] = cut["speech"]
        forbidden = [k for k, v in self.sources.items() if any(word in v["licence"] for word in NOT_FREE)]
        if forbidden:
            raise BuildError(f"The licence of {', '.join(forbidden)} does not allow every use; a corpus to ship models from leaves it out.")
        self.tree = Concepts(read_yaml(BENCHMARK / "concepts.yaml"))
        self.vocabulary = Vocabulary(read_yaml(HERE / "labels.yaml"), self.tree)


def build(out: Path, cache: Path, small: bool = False, data: Path | None = None) -> dict[str, Any]:
    """The corpus into ``out``; gives its counts. Raises BuildError."""
    start = time.monotonic()
    recipe = Recipe(small)
    fetching.TOOLS["openmpt123"] = ("plays tracker music", "openmpt123")
    check_tools()
    out.mkdir(parents=True, exist_ok=True)
    _say("packages")
    folders = fetch(recipe.sources, cache)
    bench = Benchmark(frozenset(), frozenset(), ()) if small else Benchmark.of(recipe.benchmark_rules, folders)
    recorded: list[Recorded] = []
    sources = list(gather(recipe.rules, folders, recipe.benchmark_rules, bench))
    if data is not None and not small:
        sources += shared_sources(recipe.shared, data, out / ".work", recipe.rules, recipe.benchmark_rules)
    _say(f"{len(sources)} sounds of packages")
    recorded += record(_by_package(sources), out, recipe.sources)
    _say("speech")
    spoken = list(render_speeches(recipe.speech, out / ".work"))
    recorded += record({"rendered-speech": [source for _, source in spoken]}, out, recipe.sources)
    sides = {source.family: side for side, source in spoken}
    _say("music")
    fonts = {name: folders[spec["package"]] / spec["path"] for name, spec in recipe.music["fonts"].items()}
    band = Band(recipe.music, recipe.benchmark_music, fonts, recipe.kept_out["instruments"])
    played, music_sides = record_tunes(band, out, recipe.music["fonts"], recipe.sources)
    recorded += played
    sides |= music_sides | {source.family: "dev" for source in sources if source.extra.get("held_out")}
    _say("comparing")
    whole = Assembly(recipe.vocabulary, recipe.sources, bench, sides, frozenset(recipe.kept_out["sounds"]), data)
    items, left_out = assemble(whole, recorded, out)
    for split in ("train", "dev"):
        write(out / f"{split}.jsonl", [item for item in items if item.split == split])
    _write_json(
        out / "labels.json", {label.name: {"also": label.also, "audioset": label.audioset} for label in recipe.vocabulary.labels.values()}
    )
    _write_json(out / "left_out.json", left_out | {"instruments": [] if small else sorted(band.left_out)})
    counts = tally(items, recipe.sources, left_out, time.monotonic() - start, out)
    _write_json(out / "counts.json", counts)
    return counts


def _by_package(sources: Sequence[Source]) -> dict[str, list[Source]]:
    found: dict[str, list[Source]] = {}
    for source in sources:
        found.setdefault(source.package, []).append(source)
    return found


def _write_json(path: Path, document: Any) -> None:
    partial = path.with_suffix(".part")
    partial.write_text(json.dumps(document, ensure_ascii=False, indent=1, sort_keys=True) + "\n", "utf-8")
    partial.replace(path)


def _say(what: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {what}", file=sys.stderr, flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, required=True, help="folder of the corpus")
    parser.add_argument("--cache", type=Path, help="folder of downloads; the search benchmark's may be shared (default: OUT/.cache)")
    parser.add_argument("--slice", choices=("small",), help="small: a few packages, minutes instead of half an hour")
    options = parser.parse_args(arguments)
    data = os.environ.get("AURICLE_DATA")
    try:
        counts = build(options.out, options.cache or options.out / ".cache", options.slice == "small", Path(data) if data else None)
    except BuildError as error:
        print(error, file=sys.stderr)
        return 3
    print(f"{counts['items']} items, {counts['hours']:.1f} hours, {counts['labels_with_5']} labels: {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
