"""One stage of tiny-heads, as its recipe says; the same call continues what was interrupted.

python recipes/tiny_heads/train.py recipes/tiny_heads/language.yaml --out runs/heads/language [--minutes 30]
"""

from __future__ import annotations

import argparse
from pathlib import Path

from auricle.training.speaking import recipe
from auricle.training.speaking.stage import run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, help="save and stop after so long")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="another value for a key of the recipe")
    args = parser.parse_args()
    stage = recipe.load(args.recipe, args.set)
    run(stage, args.out, args.recipe.parent, until=None if args.minutes is None else 60 * args.minutes)


if __name__ == "__main__":
    main()
