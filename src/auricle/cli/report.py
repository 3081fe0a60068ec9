"""``auricle report``"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from auricle.cli.options import OverwriteFlag, argument, as_path, examples, filled, option

RESULTS = "What `auricle evaluate` or `auricle audit` wrote with --write."


def register(app: typer.Typer) -> None:
    app.command(
        short_help="Write a page of what was measured.",
        epilog=examples(
            "auricle report results.json -o report.html",
            "auricle report esc10.json fsdd.json audit.json -o report.html --markdown report.md",
            "auricle report results.json     # then `auricle ui` shows it, under Report",
        ),
    )(report)


def report(
    results: Annotated[list[str], argument("RESULTS", RESULTS, callback=filled)],
    out: Annotated[
        Path | None,
        option("--out", "-o", metavar="FILE", help="The page to write.", parser=as_path, show_default="one that `auricle ui` shows"),
    ] = None,
    markdown: Annotated[
        Path | None, option("--markdown", metavar="FILE", help="Also write it as Markdown.", parser=as_path, show_default=False)
    ] = None,
    overwrite: OverwriteFlag = False,
) -> None:
    """Write what was measured as one HTML file that needs no network: scores with intervals, listening controls, what was not answered,
    figures, paired differences, cost, audits, leakage, and the worst ten items of each run with their sound.

    Results of several files are joined; where two measured the same, the newer one counts. Sound is embedded where its file is found.
    """
    import shlex
    import sys

    from auricle.audio import prestart
    from auricle.cli import output
    from auricle.errors import UsageError
    from auricle.evaluation import report as reports

    for path in filter(None, (out, markdown)):
        if path.exists() and not overwrite:
            raise UsageError(f"{path} exists already.", hint="Choose another name, or give --overwrite.")
        if not path.parent.is_dir():
            raise UsageError(f"{path.parent} is no folder.", hint="Make it first.")
    read = reports.read([as_path(name) for name in results])
    prestart()
    found = reports.compose(read, shlex.join(["auricle", *sys.argv[1:]]))
    page = reports.page(found)
    if out is not None:
        out.write_text(page, "utf-8")
        output.say(output.plain(str(out)))
    else:
        output.say(output.plain(str(reports.kept.keep(page, results))))
        output.note("`auricle ui` shows it, under Report.")
    if markdown is not None:
        markdown.write_text(reports.markdown(found), "utf-8")
        output.say(output.plain(str(markdown)))
