"""``auricle adapt``"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from auricle.cli.options import JsonFlag, OverwriteFlag, argument, as_path, examples, filled, option

if TYPE_CHECKING:
    from auricle.training.transfer.table import Row, Table

_METHODS = "zero-shot, prompts, probe, adapter, residual; of a run also context, lora, full"


def register(app: typer.Typer) -> None:
    app.command(
        short_help="Adapt a model to labels by a few shots; compare the ways.",
        epilog=examples(
            "auricle adapt tiny-towers clips.jsonl --plot table.png",
            "auricle adapt tiny-towers dogs/ --folds 5 --methods probe,adapter --shots 1,4,all",
            "auricle adapt tiny-towers train.jsonl --test dev.jsonl --methods probe --out my-dogs",
            "auricle classify *.wav --taught my-dogs",
            "auricle adapt my-run clips.jsonl --save lora --out my-run-dogs",
        ),
    )(adapt)


def adapt(
    model: Annotated[
        str, argument("MODEL", "What --model of other commands takes, or the folder of a run of `auricle train`.", callback=filled)
    ],
    data: Annotated[str, argument("DATA", "Labelled sounds: a manifest, a folder of folders, or a CSV or TSV table.", callback=filled)],
    test: Annotated[
        str | None,
        option("--test", metavar="DATA", help="Sounds to test on.", show_default="the test split of DATA, else its dev split or folds"),
    ] = None,
    folds: Annotated[
        int,
        option("--folds", metavar="N", help="Hold out N groups of source clips in turn, where no split is declared.", show_default=False),
    ] = 0,
    labels: Annotated[
        str | None, option("--labels", metavar="A,B", help="The labels to tell apart.", show_default="all that stand on both sides")
    ] = None,
    methods: Annotated[
        str | None, option("--methods", metavar="A,B", help=f"Of {_METHODS}.", show_default="all that the model has")
    ] = None,
    shots: Annotated[str, option("--shots", metavar="1,2,all", help="Sounds a label to learn from, each of another source clip.")] = (
        "1,2,4,8,16,all"
    ),
    seeds: Annotated[int, option("--seeds", metavar="N", min=1, max=1000, help="Draws of the shots that are averaged.")] = 5,
    columns: Annotated[
        str | None,
        option(
            "--columns",
            metavar="FIELD=COLUMN",
            help="What a table's columns hold: audio=file,labels=category.",
            show_default="guessed by their names",
        ),
    ] = None,
    set_: Annotated[
        list[str] | None,
        option("--set", metavar="KEY=VALUE", help="An option of a method, e.g. lora.rank=4; repeatable.", show_default=False),
    ] = None,
    save: Annotated[
        str | None, option("--save", metavar="METHOD", help="The method to keep.", show_default="that of --methods, where it is one")
    ] = None,
    out: Annotated[
        str | None,
        option(
            "--out",
            "-o",
            metavar="NAME",
            show_default=False,
            help="Keep it: a name or file (.npz) for --taught; of lora and full the folder of a bundle, for --model.",
        ),
    ] = None,
    plot: Annotated[
        Path | None, option("--plot", metavar="FILE", help="Draw the table: .png, .svg or .pdf.", parser=as_path, show_default=False)
    ] = None,
    overwrite: OverwriteFlag = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
    json: JsonFlag = False,
) -> None:
    """Adapt a model to labels by 1, 2, 4 … shots each, and measure what each way of doing it comes to on sounds that were held out.

    zero-shot and prompts learn nothing. probe, adapter and residual learn on frozen embeddings, in seconds, with any model. context, lora
    and full train the towers of a run. Intervals (95 %) are bootstrapped over source clips of the test sounds; what a method chooses, it
    chooses within its shots. What is kept with --out has learned from all shots. Beyond probe and adapter it needs: pip
    install "auricle[train]".
    """
    from auricle.audio import prestart

    prestart()
    from auricle.cli import output
    from auricle.training.transfer.session import adapt as run
    from auricle.training.transfer.task import read

    task = read(data, test=test, labels=_parts(labels), folds=folds, columns=columns or "")
    rows: list[Row] = []

    def told(row: Row) -> None:
        rows.append(row)
        if json:
            output.emit(row)

    try:
        with _progress(quiet or json) as watch:
            table = run(
                model, task, methods=None if methods is None else _parts(methods), shots=_parts(shots), seeds=seeds, settings=set_ or (),
                save=save, out=out, overwrite=overwrite, plot=plot, watch=watch, told=told,
            )  # fmt: skip
    except KeyboardInterrupt:
        if rows and not json:
            output.say(_rows(rows))
        raise
    for failure in table.failures:
        output.fail(failure, json)
    if json:
        output.emit_document(table.as_document())
    else:
        _show(table, plot)
    if table.failures:
        raise typer.Exit(1)


def _parts(text: str | None) -> list[str]:
    return [part.strip() for part in (text or "").split(",") if part.strip()]


def _show(table: Table, plot: Path | None) -> None:
    from auricle.cli import output

    output.say(f"{table.model}: {output.count(len(table.labels), 'label')}, tested on {table.tested}")
    output.say(output.indented(_rows(table.rows)))
    output.note("95 % intervals over source clips; ± over draws of the shots")
    for note in table.notes:
        output.note(output.one_line(f"note: {note}"))
    if plot is not None:
        output.note(f"drawn in {output.short_path(str(plot))}")
    if table.saved:
        output.note(f"kept in {output.short_path(table.saved)}")


def _rows(rows: Any) -> str:
    from auricle.cli import output

    several = any(row.map is not None for row in rows)
    head = ["method", "shots", "learned", "accuracy", "", "±", *(["mAP", ""] if several else []), "n", "clips"]
    lines = [head]
    for row in rows:
        shots = str(row.shots or "–")
        if row.accuracy is None:
            lines.append([row.method, shots, row.missing, *[""] * (len(head) - 3)])
            continue
        spread = "" if row.spread is None else f"{row.spread:.3f}"
        ranked = [f"{row.map:.3f}", f"{row.map_low:.3f}–{row.map_high:.3f}"] if row.map is not None else ["", ""]
        line = [row.method, shots, f"{row.learned:.0f}", f"{row.accuracy:.3f}", f"{row.low:.3f}–{row.high:.3f}", spread]
        lines.append([*line, *(ranked if several else []), str(row.n), str(row.clips)])
    missing = [line for line in lines if len(line[2]) > 12]
    shown = output.table([line for line in lines if line not in missing], right=(1, 2, len(head) - 2, len(head) - 1))
    return "\n".join([shown, *(f"{line[0]}, {line[1]} shots: {line[2]}" for line in missing)])


@contextmanager
def _progress(quiet: bool) -> Iterator[Any]:
    """A callback that draws a bar on a terminal."""
    from auricle.cli import output

    if quiet or not output.is_terminal():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bars:
        tasks: dict[bool, Any] = {}

        def show(what: str, done: int, of: int) -> None:
            hearing = what == "hearing"
            if hearing not in tasks:
                tasks[hearing] = bars.add_task(what, total=of)
            bars.update(tasks[hearing], completed=done, total=of, description=what)

        yield show
