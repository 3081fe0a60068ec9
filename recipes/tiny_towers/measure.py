"""Measure a built tiny-towers and write the figures, with the commands that printed them, on its card.

    python recipes/tiny_towers/measure.py --bundle src/auricle/models/bundles/tiny-towers@1 --corpus CORPUS --esc10 FOLDER

Run it once per released weights: it looks at the test half of the search benchmark and at ESC-10, which chose nothing.
The card's figures are no part of the pipeline_id.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from development import report

from auricle.evaluation import search_benchmark, zero_shot
from auricle.models.bundle import Bundle
from auricle.models.card import Result
from auricle.models.two_towers import open_towers

SEARCH = "python -m auricle.evaluation.search_benchmark CORPUS --half test"
ESC10 = 'python -m auricle.evaluation.zero_shot --esc10 "$AURICLE_DATA/esc10"'
CALIBRATION = "python recipes/tiny_towers/development.py CORPUS --half test"


def result(metric: str, found: dict[str, Any], protocol: str, command: str) -> Result:
    return Result(metric, round(found["value"], 4), round(found["low"], 4), round(found["high"], 4), found["n"], protocol, command)


def measure(bundle: Path, corpus: Path, esc10: Path) -> tuple[list[Result], dict[str, Any]]:
    model = open_towers(bundle)
    search = search_benchmark.run(corpus, model, "test", command=SEARCH)
    zero = zero_shot.evaluate(zero_shot.esc10(esc10), model, name="ESC-10", command=ESC10)
    calibrated = report(corpus, model, "test")
    p = search["protocol"]
    protocol = f"search benchmark, test half, {p['recordings']} recordings, {p['asked']} queries, truth {p['truth']}"
    results = []
    for variant, found in search["variants"].items():
        for name in ("ndcg@10", "hit@1", "hit@5"):
            results.append(result(f"search {name}, {variant}", found["overall"][name], protocol, SEARCH))
    accuracy = zero["accuracy"]
    results.append(result("ESC-10 zero-shot accuracy of stored vectors", accuracy, "class names as they are, float16, FAISS", ESC10))
    labels = f"{calibrated['labels']} labels not fitted on, test half, base rate 1 in 5"
    for name, key in (("adaptive ECE", "adaptive_ece"), ("Brier score", "brier")):
        value, low, high = calibrated[key]
        results.append(Result(name, round(value, 4), round(low, 4), round(high, 4), calibrated["clips"], labels, CALIBRATION))
    return results, {"search": search, "esc10": zero, "calibration": calibrated}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--esc10", type=Path, required=True)
    parser.add_argument("--write", type=Path, help="all figures as JSON")
    arguments = parser.parse_args()
    results, documents = measure(arguments.bundle, arguments.corpus, arguments.esc10)
    card = replace(Bundle.open(arguments.bundle).card, results=tuple(results))
    (arguments.bundle / "card.json").write_text(card.to_json(), "utf-8")
    if arguments.write:
        arguments.write.write_text(json.dumps(documents, indent=1) + "\n", "utf-8")
    for r in results:
        print(f"{r.metric:45s} {r.value:.3f} ({r.low:.3f}–{r.high:.3f}), n = {r.n}")


if __name__ == "__main__":
    main()
