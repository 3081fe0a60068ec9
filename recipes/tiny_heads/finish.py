"""The exported bundle, with what was measured of it on its card, to the folder from which it ships.

    python recipes/tiny_heads/finish.py runs/heads/tiny-heads@1 --results runs/heads/questions.json --results runs/heads/captions.json \\
        --results runs/heads/real.json --out "src/auricle/models/bundles/tiny-heads@1"

Each file of results holds ``results``, the ``command`` that printed them, their ``protocol``, and ``examples`` where there are some. The
weights stay the same, and so does the pipeline.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

from auricle.models.bundle import Bundle
from auricle.models.card import Result

BUDGET = 18e6  # bytes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--results", type=Path, action="append", required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    made = Bundle.open(args.bundle)
    results: list[Result] = []
    examples: list[str] = []
    for path in args.results:
        told = json.loads(path.read_text("utf-8"))
        results += [Result(**row, protocol=told["protocol"], command=told["command"]) for row in told["results"]]
        examples += told.get("examples", [])
    card = replace(made.card, results=tuple(results), examples=tuple(examples), measured=("speech", "music", "sound"), files={})
    files: dict[str, Path | bytes] = {name: made.file(name) for name in made.card.files if name != "config.json"}
    bundle = Bundle.write(args.out, made.config, card, files, overwrite=True)
    assert bundle.pipeline_id == made.pipeline_id
    size = sum(path.stat().st_size for path in bundle.path.rglob("*") if path.is_file())
    print(f"{bundle.pipeline_id}: {size / 1e6:.2f} MB")
    if size > BUDGET:
        raise SystemExit(f"{size} bytes are more than the budget of {BUDGET:.0f}")


if __name__ == "__main__":
    main()
