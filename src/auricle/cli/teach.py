"""``auricle teach``"""

from __future__ import annotations

import os
import time
from typing import Annotated

import typer

from auricle.cli.options import JsonFlag, ModelOption, OverwriteFlag, argument, as_path, examples, filled, option

Background = Annotated[
    str | None,
    option("--background", metavar="FOLDER", help="Sounds that are none of these; without it, ordinary sounds that the model brings."),
]


def register(app: typer.Typer) -> None:
    app.command(
        short_help="Teach kinds of sound by examples.",
        epilog=examples(
            "auricle teach bark=clips/bark/ whine=clips/whine/ -o my-dogs",
            "auricle teach hum=hum.wav --background quiet/ -o fridge",
            "auricle classify *.wav --taught my-dogs",
        ),
    )(teach)


def teach(
    classes: Annotated[list[str], argument("NAME=CLIPS", "A name, and a folder of clips of it (or one sound file).", callback=filled)],
    out: Annotated[
        str, option("--out", "-o", metavar="NAME", callback=filled, help="What to call it, for --taught; or the path of a file (.npz).")
    ],
    background: Background = None,
    model: ModelOption = "tiny-towers",
    overwrite: OverwriteFlag = False,
    json: JsonFlag = False,
) -> None:
    """Teach kinds of sound by examples, in seconds; then classify, detect and search know them with --taught.

    One clip of a kind works, a dozen are good. From three distinct clips on, a score tells how often a clip that was held back stands
    above a sound that is none of its kind (chance is 0.5), with its 95 % interval; beside it, how many were found and how many others
    were taken for it. Copies of a sound count once, and a long clip counts as much as a short one.
    """
    from auricle.audio import prestart

    prestart()
    from auricle.cli import output
    from auricle.models import hub, taught
    from auricle.tasks.teach import teach as run

    began = time.perf_counter()
    wanted = pairs(classes)
    path = taught.path_of(out)
    _free(path, overwrite)
    if background is not None:
        background = str(as_path(background))
    head, failures = run(wanted, hub.load(model), name=path.stem, background=background)
    taught.save(head, path)
    for failure in failures:
        output.fail(failure, json)
    seconds = time.perf_counter() - began
    if json:
        output.emit(head.summary(path, seconds))
    else:
        _show(head, output.short_path(str(path)), seconds)
    if failures:
        raise typer.Exit(1)


def pairs(classes: list[str]) -> dict[str, str]:
    """``["bark=clips/"]`` → ``{"bark": "clips/"}``. Raises UsageError for what is no pair, and for a name given twice."""
    from auricle.errors import UsageError

    found: dict[str, str] = {}
    for text in classes:
        name, equals, source = text.partition("=")
        name = " ".join(name.split())
        if not equals:
            raise UsageError(f"{text!r} has no name.", hint="Write NAME=CLIPS, like bark=clips/")
        if not name:
            raise UsageError("there is an empty name.", hint="Write NAME=CLIPS, like bark=clips/")
        if any(name.casefold() == known.casefold() for known in found):
            raise UsageError(f"{name} is named twice.", hint="Put all its clips into one folder.")
        found[name] = source
    return found


def _free(path: os.PathLike[str], overwrite: bool) -> None:
    from auricle.errors import UsageError

    if os.path.isdir(path):
        raise UsageError(f"{path} is a folder.", hint="Name a file that ends in .npz, or give just a name.")
    if os.path.lexists(path) and not overwrite:
        raise UsageError(f"{path} exists already.", hint="Choose another name, or replace it with --overwrite.")


def _show(head: object, path: str, seconds: float) -> None:
    from auricle.cli import output
    from auricle.models.taught import Taught

    assert isinstance(head, Taught)
    output.say(f"{head.name}: taught on {head.model} in {seconds:.1f} s")
    rows = []
    for s in head.scores:
        row = [s.label, output.count(s.distinct, "example"), "no score", "", "", ""]
        if s.score is not None and s.found is not None and s.false_alarms is not None:
            row[2:] = [
                f"score {s.score:.2f}",
                f"({s.low:.2f} to {s.high:.2f})",
                f"found {s.found:.0%}",
                f"false alarms {s.false_alarms:.0%}",
            ]
        rows.append(row)
    output.say(output.indented(output.table(rows)))
    if head.standing.score is not None:
        output.say(f"score {head.standing.score:.2f} ({head.standing.low:.2f} to {head.standing.high:.2f}; chance is 0.50)")
    for warning in head.warnings:
        output.note(output.one_line(f"note: {warning}"))
    output.note(f"kept in {path}, with the vectors of the clips; judged against {output.one_line(head.background_of)}")
