"""``auricle reproduce``"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from auricle.cli.options import JsonFlag, argument, examples, filled

if TYPE_CHECKING:
    from auricle.evaluation.register import Row


def register(app: typer.Typer) -> None:
    app.command(
        short_help="Published figures beside what was measured.",
        epilog=examples("auricle reproduce results.json", "auricle reproduce esc50.json audiocaps.json --json"),
    )(reproduce)


def reproduce(
    results: Annotated[list[str], argument("RESULTS", "What `auricle evaluate … --write` wrote.", callback=filled)], json: JsonFlag = False
) -> None:
    """Published figures beside what was measured: claimed, by whom, measured, the gap, and whether the claim lies in the interval.

    Figures are those that the landscape and the models' own cards hold. What is of another metric, part of a set, kind of protocol or
    checkpoint is not compared, and a line says why.
    """
    from auricle.cli import output
    from auricle.evaluation import documents
    from auricle.evaluation import register as figures

    read = [documents.read(name) for name in results]
    rows = [row for document in read for row in figures.reproduce(document)]
    if json:
        for row in rows:
            output.emit_document(row.document())
        return
    compared = [row for row in rows if not row.refused]
    if compared:
        head = ["model", "benchmark", "metric", "claimed", "by", "measured", "gap", "inside"]
        output.say(output.table([head, *map(_cells, compared)], right=(3, 6)))
        output.say("")
    for row in compared:
        output.say(output.plain(f"{row.claim.value:.3f}: {row.claim.source} ({row.claim.mark}); protocol {row.known}"))
    for row in rows:
        if row.refused:
            what = f"{row.model}, {row.benchmark}: {row.claim.value:.3f} {row.metric} by {figures.BY[row.claim.by]}, {row.claim.source}"
            output.say(output.plain(f"not compared: {what}: {row.refused}."))
    told = {(row.model, row.benchmark) for row in rows}
    for model, benchmark in dict.fromkeys((run["model"], run["benchmark"]) for document in read for run in document["runs"]):
        if (model, benchmark) not in told:
            output.say(output.plain(f"no figure is known of {model} on {benchmark}."))


def _cells(row: Row) -> list[str]:
    from auricle.evaluation.register import BY

    interval = f" ({row.low:.3f}–{row.high:.3f})" if row.low is not None and row.high is not None else ""
    year = f", {row.claim.year}" if row.claim.year else ""
    inside = {True: "yes", False: "no", None: "-"}[row.inside]
    return [
        row.model, row.benchmark, row.metric, f"{row.claim.value:.3f}", BY[row.claim.by] + year, f"{row.measured:.3f}{interval}",
        f"{row.gap:+.3f}", inside,
    ]  # fmt: skip
