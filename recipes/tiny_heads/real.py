"""Real clips that nothing was trained on: ESC-10 (all takes) and the Free Spoken Digit Dataset (takes 0–4, its test side).

    python recipes/tiny_heads/real.py runs/heads/tiny-heads@1 --esc10 ESC10 --fsdd fsdd.tar [--out FILE]

ESC-10: is its class heard, is another class heard (yes or no by likelihood, both asked of each clip); does the caption name the class, and
how many of its claims do, evidence on and off. Digits: which of ten is spoken, for speakers of the training and for one that was held out.
Each beside the same with the sound of another clip. 95 % intervals over source clips (ESC-10) and recordings (digits). Measuring only: no
choice is made by it, and it is run once per released weights. The first ten captions are printed as they come.
"""

from __future__ import annotations

import argparse
import csv
import io
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
from digits import DIGITS, HELD_OUT
from evaluate import write

from auricle import audio
from auricle.evaluation.statistics import bootstrap
from auricle.models import load
from auricle.tasks.caption import caption
from auricle.tasks.claims import claims

QUESTION = "Which digit is spoken?"
CLASSES = {  # a way to ask for it, and words by which a claim names it
    "dog bark": ("a dog barking", ("dog", "bark")),
    "rain": ("rain", ("rain",)),
    "sea waves": ("waves at the shore", ("wave", "sea", "surf", "shore")),
    "baby cry": ("a baby crying", ("baby", "cry")),
    "clock tick": ("a clock ticking", ("clock", "tick")),
    "person sneeze": ("someone sneezing", ("sneez",)),
    "helicopter": ("a helicopter", ("helicopter",)),
    "chainsaw": ("a chainsaw", ("chainsaw", "saw")),
    "rooster": ("a rooster crowing", ("rooster", "crow")),
    "fire crackling": ("a crackling fire", ("fire", "flame", "crackl")),
}


class Table:
    def __init__(self) -> None:
        self.results: list[dict[str, Any]] = []
        self.examples: list[str] = []

    def add(self, name: str, values: list[float], clusters: list[str]) -> None:
        found = bootstrap(np.array(values, float), clusters=clusters)
        self.results.append({"metric": name, "value": found.value, "low": found.low, "high": found.high, "n": len(values)})
        print(f"{name}: {found.value:.3f} [{found.low:.3f}–{found.high:.3f}], n={len(values)}")


def of_esc10(model: Any, folder: Path, table: Table) -> None:
    rows = list(csv.DictReader((folder / "labels.csv").open(encoding="utf-8")))
    names = list(CLASSES)
    heard: dict[str, list[float]] = {}
    sources: dict[str, list[str]] = {}

    def note(name: str, value: float, source: str) -> None:
        heard.setdefault(name, []).append(value)
        sources.setdefault(name, []).append(source)

    for place, row in enumerate(rows):
        label, source = row["label"], "-".join(row["file"].split("-")[1:2])
        other = names[(names.index(label) + 1 + place % (len(names) - 1)) % len(names)]
        for condition, name in (("", row["file"]), (", shuffled", rows[(place + len(rows) // 2 + 7) % len(rows)]["file"])):
            sound = audio.open(folder / name)
            for asked, right in ((label, "yes"), (other, "no")):
                said = ("yes", "no")[int(model.score([sound], f"Is there {CLASSES[asked][0]}?", ["yes", "no"]).argmax())]
                note(f"ESC-10 presence{condition}", float(said == right), source)
            one = caption(sound, model, keep_unsupported=True)[0]
            if not condition and place < 10:
                table.examples.append(f"ESC-10, {row['file']} ({label}): {one.caption}")
                print(table.examples[-1])
            every = claims(one.caption)
            right = [any(word in claim.text.lower() for word in CLASSES[label][1]) for claim in every]
            kept = [r for claim, r in zip(every, right, strict=True) if claim.text not in one.unsupported]
            for which, values in (("evidence off", right), ("evidence on", kept)):
                note(f"ESC-10 caption names the class{condition}, {which}", float(any(values)), source)
                for value in values:
                    note(f"ESC-10 claims that name the class{condition}, {which}", float(value), source)
    for name, values in heard.items():
        table.add(name, values, sources[name])


def of_digits(model: Any, path: Path, table: Table) -> None:
    with tarfile.open(path) as tar:
        members = [m for m in tar.getmembers() if Path(m.name).stem.count("_") == 2 and int(Path(m.name).stem.split("_")[2]) < 5]
        members.sort(key=lambda m: m.name)
        sounds = [(Path(m.name).stem, audio.open(io.BytesIO(tar.extractfile(m).read()))) for m in members]  # type: ignore[union-attr]
    for who, own in (
        ("speakers of the training", [s for s in sounds if f"_{HELD_OUT}_" not in s[0]]),
        (f"a speaker held out ({HELD_OUT})", [s for s in sounds if f"_{HELD_OUT}_" in s[0]]),
    ):
        right = [float(DIGITS[int(name[0])] == DIGITS[int(model.score([sound], QUESTION, DIGITS).argmax())]) for name, sound in own]
        table.add(f"FSDD digits, {who}", right, [name for name, _ in own])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle")
    parser.add_argument("--esc10", type=Path)
    parser.add_argument("--fsdd", type=Path)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    model, table = load(args.bundle, threads=1), Table()
    if args.esc10:
        of_esc10(model, args.esc10, table)
    if args.fsdd:
        of_digits(model, args.fsdd, table)
    if args.out:
        write(args.out, table.results, "real clips, nothing of them trained on or chosen by", table.examples)


if __name__ == "__main__":
    main()
