"""Measure a model of sound and text beside others, and write the figures, with the command that printed them, on its card.

    python recipes/tiny_towers/measure.py --bundle B --against tiny-towers@1 --against PLAIN --corpus BENCHMARK --train-corpus CORPUS
    … --half dev                             # while choosing: the training corpus's development side; writes no card
    … --esc10 "$AURICLE_DATA/esc10"          # once per released weights: refused where esc10.log has them already

With ``--half test`` (the default) everything is measured on the search benchmark's test half, which chose nothing. The card's figures are
no part of the pipeline_id. docs/tiny-towers.md says how each row is measured.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from auricle.errors import AuricleError, UsageError
from auricle.evaluation import suite, zero_shot
from auricle.evaluation.calibrated import calibration_scores
from auricle.evaluation.corpus import Corpus
from auricle.evaluation.heldout import Ears, HeldOut, of_benchmark, of_manifest
from auricle.evaluation.leakage import leakage
from auricle.evaluation.rows import digits, rows
from auricle.evaluation.scenes import GROUPS, SCENES, held_out_scenes
from auricle.evaluation.score import Score
from auricle.models.bundle import Bundle
from auricle.models.card import Result
from auricle.models.hub import load, resolve

PARTS = ("search", "rows", "scenes", "calibration")
LOG = Path(__file__).with_name("esc10.log")


def measure(options: argparse.Namespace) -> tuple[list[list[Score]], list[Any]]:
    """The scores of each model, the bundle's first, and the models."""
    models = [load(options.bundle), *(load(name) for name in options.against)]
    corpus = Corpus.load(options.corpus)
    held = of_benchmark(corpus, "test") if options.half == "test" else of_manifest(options.train_corpus / "dev.jsonl")
    held = unseen(held, options.train_corpus / "train.jsonl")
    every = [Ears(model) for model in models]
    found: list[list[Score]] = [[] for _ in models]
    for part in options.only:
        if part == "scenes":
            worlds = held_out_scenes(held, groups=options.groups, per_group=options.scenes)
            made = suite.on_scenes(models, worlds, told=_told)
        else:
            made = [list(_part(part, ears, held, corpus, options)) for ears in every]
        for scores, new in zip(found, made, strict=True):
            scores += new
        show(made)
    return found, models


def unseen(held: HeldOut, train: Path) -> HeldOut:
    """Without what the training side holds as well: a part or a take of the same source, the same sound by fingerprint."""
    sources = suite.check_unseen(held, train)
    found = leakage(held.items, held.folder, train)
    seen = found.at("id") | found.at("clip") | found.at("bytes") | found.at("sound")
    told = f"{len(held.items)} clips of {sources} sources, none of them named in train.jsonl; {len(seen)} heard in it are left out"
    print(f"{held.name}: {told}", file=sys.stderr)
    return held.only(f"{held.name}, without {len(seen)} that were heard in training", (i for i in held.items if i.id not in seen))


def _part(part: str, ears: Ears, held: HeldOut, corpus: Corpus, options: argparse.Namespace) -> Iterator[Score]:
    if part == "search":
        yield from suite.search(options.corpus, ears.model, options.half)
    elif part == "calibration":
        yield from calibration_scores(ears, held)
    else:
        yield from rows(ears, held, corpus.concepts)
        if options.fsdd is not None:
            with tempfile.TemporaryDirectory(prefix="auricle-fsdd-") as folder:
                yield from digits(ears, options.fsdd, Path(folder), options.half)


def esc10(folder: Path, model: Any, command: str) -> dict[str, Any]:
    """Measured once per released weights: LOG remembers. Raises UsageError where it was."""
    lines = LOG.read_text("utf-8").splitlines() if LOG.is_file() else []
    before = next((line for line in lines if line.split()[1:2] == [model.pipeline_id]), None)
    if before is not None:
        raise UsageError(f"ESC-10 was run on these weights: {before}.", hint="It is run once per released weights; quote that figure.")
    document = zero_shot.evaluate(zero_shot.esc10(folder), model, name="ESC-10", command=command)
    a = document["accuracy"]
    with LOG.open("a", encoding="utf-8") as file:
        file.write(f"{date.today().isoformat()} {model.pipeline_id} {a['value']:.4f} {a['low']:.4f} {a['high']:.4f} n={a['n']}\n")
    return document


def show(found: Sequence[Sequence[Score]]) -> None:
    """The bundle's scores, and below each what it is more than the others."""
    differences = [suite.compared(found[0], other) for other in found[1:]]
    for score in found[0]:
        bases = ", ".join(f"{name} {value:.3f}" for name, value in score.baselines.items())
        about = "; ".join(part for part in (f"n = {score.n}, {score.clusters} sources", bases, *score.notes) if part)
        print(f"{score.metric:58s} {score.value:.3f} ({score.low:.3f}–{score.high:.3f})  {about}", flush=True)
        for pair in (d for some in differences for d in some if d["metric"] == score.metric):
            p = "" if pair["p"] is None else f", p = {pair['p']:.4f}"
            sure = f"{pair['difference']:+.3f} ({pair['low']:+.3f} to {pair['high']:+.3f}{p})"
            print(f"    {'over ' + pair['b'] + ' ' + str(pair['b_value']):54s} {sure}", flush=True)


def write_card(bundle: Path, results: Sequence[Result]) -> None:
    """What was measured now takes the place of rows of the same name; other rows stay."""
    card = Bundle.open(bundle).card
    new = {r.metric for r in results}
    kept = [r for r in card.results if r.metric not in new]
    (bundle / "card.json").write_text(replace(card, results=(*kept, *results)).to_json(), "utf-8")


def as_results(scores: Sequence[Score], document: dict[str, Any] | None, command: str) -> list[Result]:
    """The rows of a card; what goes into more detail is in the JSON alone."""
    found = [score.result(command) for score in scores if "kind " not in score.metric and not score.metric.endswith("macro")]
    if document is not None:
        a = document["accuracy"]
        name, how = "ESC-10 zero-shot accuracy of stored vectors", "class names as they are, float16, FAISS; logged in esc10.log"
        found.append(Result(name, a["value"], a["low"], a["high"], a["n"], how, command))
    return found


def _told(done: int, of: int) -> None:
    if done % 50 == 0 or done == of:
        print(f"  {done} of {of} scenes", file=sys.stderr, flush=True)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    data = os.environ.get("AURICLE_DATA")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bundle", required=True, help="folder or name of the model that is measured")
    parser.add_argument("--against", action="append", default=[], metavar="MODEL", help="beside it, paired; repeat for more")
    parser.add_argument("--corpus", type=Path, required=True, help="the search benchmark")
    parser.add_argument("--train-corpus", type=Path, required=True, help="what was trained on: nothing of its train.jsonl is measured on")
    parser.add_argument("--half", choices=("dev", "test"), default="test", help="dev to choose by, test to report (default: test)")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, metavar="PART", help=f"of {', '.join(PARTS)}")
    parser.add_argument("--fsdd", type=Path, default=Path(data) / "fsdd.tar" if data else None, help="default: $AURICLE_DATA/fsdd.tar")
    parser.add_argument("--groups", type=int, default=GROUPS, help=f"of source clips (default: {GROUPS})")
    parser.add_argument("--scenes", type=int, default=SCENES, help=f"a group (default: {SCENES})")
    parser.add_argument("--esc10", type=Path, metavar="FOLDER", help="ESC-10 too: once per released weights")
    parser.add_argument("--write", type=Path, metavar="FILE", help="all figures, with their protocols, as JSON")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    command = _command(options)
    try:
        if options.esc10 is not None and options.half == "dev":
            raise UsageError("ESC-10 is no development set.", hint="Leave --esc10 out, or measure with --half test.")
        found, models = measure(options)
        document = esc10(options.esc10, models[0], command) if options.esc10 is not None else None
        results = as_results(found[0], document, command)
        if options.half == "test":
            write_card(resolve(options.bundle), results)
    except AuricleError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    if options.write is not None:
        everything = {
            "command": command, "half": options.half, "scores": [score.document() for scores in found for score in scores],
            "differences": [d for other in found[1:] for d in suite.compared(found[0], other)], "esc10": document,
        }  # fmt: skip
        options.write.write_text(json.dumps(everything, indent=1, ensure_ascii=False) + "\n", "utf-8")
    return 0


def _command(options: argparse.Namespace) -> str:
    """As anyone can repeat it: the folders of this machine have the names that the docs give them."""
    words = ["python", "recipes/tiny_towers/measure.py", "--bundle", Path(options.bundle).name]
    for name in options.against:
        words += ["--against", Path(name).name]
    words += ["--corpus", "BENCHMARK", "--train-corpus", "CORPUS", "--half", options.half]
    if tuple(options.only) != PARTS:
        words += ["--only", *options.only]
    if (options.groups, options.scenes) != (GROUPS, SCENES):
        words += ["--groups", str(options.groups), "--scenes", str(options.scenes)]
    return shlex.join(words) + (' --esc10 "$AURICLE_DATA/esc10"' if options.esc10 is not None else "")


if __name__ == "__main__":
    sys.exit(main())
