"""The report of the search benchmark: a JSON-ready document whose numbers carry their protocol, and a table of it."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from typing import Any, TextIO

from auricle.evaluation.ranking import MEASURES, QueryScore
from auricle.evaluation.statistics import Interval, bootstrap


def as_document(protocol: Mapping[str, Any], scores: Mapping[str, Sequence[QueryScore]], *, tests: Sequence[Any] = ()) -> dict[str, Any]:
    """``{protocol, variants: {name: {overall, by_subject, kinds, queries}}, tests}``; every measure as ``{value, low, high, n}``."""
    return {
        "protocol": dict(protocol),
        "variants": {name: _variant(found) for name, found in scores.items()},
        "tests": list(tests),
    }


def _variant(scores: Sequence[QueryScore]) -> dict[str, Any]:
    kinds = list(dict.fromkeys(s.query.kind for s in scores))
    return {
        "overall": _measures(scores, strata=True),
        "by_subject": _measures(scores, clusters=True),
        "kinds": {kind: _measures([s for s in scores if s.query.kind == kind]) for kind in kinds},
        "queries": [_query(s) for s in scores],
    }


def _query(score: QueryScore) -> dict[str, Any]:
    values = {measure: _plain(value) for measure, value in score.values.items()}
    return {"text": score.query.text, "kind": score.query.kind, "subject": score.query.subject, "relevant": score.relevant, **values}


def _measures(scores: Sequence[QueryScore], *, strata: bool = False, clusters: bool = False) -> dict[str, dict[str, float]]:
    found = {}
    for measure in MEASURES:
        values = [s.values[measure] for s in scores]
        if all(math.isnan(v) for v in values):
            continue
        found[measure] = _interval(
            bootstrap(
                values,
                strata=[s.query.kind for s in scores] if strata else None,
                clusters=[s.query.subject for s in scores] if clusters else None,
            )
        )
    return found


def _interval(interval: Interval) -> dict[str, float]:
    return {"value": round(interval.value, 4), "low": round(interval.low, 4), "high": round(interval.high, 4), "n": interval.n}


def _plain(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 4)


def rows(document: Mapping[str, Any], measures: Sequence[str]) -> list[list[str]]:
    """variant, kind, n, then each measure as ``.62 (.56–.67)``; a dash where it does not apply."""
    lines = []
    for variant, found in document["variants"].items():
        for kind, values in {"all": found["overall"], **found["kinds"]}.items():
            n = str(values["ndcg@10"]["n"])
            lines.append([variant, kind, n, *(_cell(values.get(measure)) for measure in measures)])
    return lines


def _cell(interval: Mapping[str, float] | None) -> str:
    if interval is None:
        return "–"
    value, low, high = (f"{interval[key]:.2f}".removeprefix("0") for key in ("value", "low", "high"))
    return f"{value} ({low}–{high})"


def table(document: Mapping[str, Any], measures: Sequence[str], stream: TextIO | None = None) -> None:
    """Prints the table: ruled on a terminal, aligned columns elsewhere."""
    out = stream or sys.stdout
    protocol = document["protocol"]
    head = ["variant", "queries", "n", *measures]
    body = rows(document, measures)
    facts = f"{protocol['recordings']} recordings, {protocol['hours']} hours, {protocol['asked']} queries; truth {protocol['truth']}"
    print(f"{protocol['model']} on the {protocol['half']} half: {facts}", file=out)
    if out.isatty():
        _ruled(head, body)
    else:
        widths = [max(len(row[i]) for row in [head, *body]) for i in range(len(head))]
        for row in [head, *body]:
            print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip(), file=out)
    for test in document["tests"]:
        change = f"{test['difference']:+.3f} ({test['low']:+.3f} to {test['high']:+.3f})"
        print(f"{test['a']} over {test['b']}: nDCG@10 {change}, p = {test['p']:.4f}", file=out)


def _ruled(head: Sequence[str], body: Sequence[Sequence[str]]) -> None:
    from rich.console import Console
    from rich.table import Table

    ruled = Table(*head)
    for before, row in zip([None, *body], body, strict=False):
        if before is not None and before[0] != row[0]:
            ruled.add_section()
        ruled.add_row(*row)
    Console().print(ruled)
