"""A connector and LoRA by a recipe; the same call continues what was interrupted. What is learned is written as a bundle at the end.

python recipes/connect/train.py recipes/connect/gemma.yaml --out runs/connect/run [--minutes 30]
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from auricle.training.connecting import recipe
from auricle.training.connecting.saving import write
from auricle.training.connecting.stage import run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, help="save and stop after so long")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="another value for a key of the recipe")
    args = parser.parse_args()
    stage = recipe.load(args.recipe, args.set)
    until = None if args.minutes is None else 60 * args.minutes
    trained = run(stage, args.out, args.recipe.parent, until=until, told=lambda record: print(json.dumps(record), flush=True))
    print(write(trained, args.out / "bundle", args.recipe.parent).path)


if __name__ == "__main__":
    main()
