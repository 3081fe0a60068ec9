"""``auricle evaluate``"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from auricle.cli.options import JsonFlag, argument, as_path, examples, filled, option

if TYPE_CHECKING:
    from auricle.evaluation.benchmark import Task
    from auricle.evaluation.harness import Run
    from auricle.evaluation.leakage import Leakage

MODELS = "As --model elsewhere; `random` and `random-clap` know nothing; answers.json: answers to questions, written down elsewhere."


def register(app: typer.Typer) -> None:
    app.command(
        short_help="Measure models on benchmarks.",
        epilog=examples(
            "auricle evaluate tiny-towers@1 tiny-towers@2 --on esc10=~/data/esc10 --write results.json",
            "auricle evaluate tiny-towers random --on fsdd --on fsdd-speakers",
            "auricle evaluate my-model --on esc10 --trained-on train.jsonl",
            "auricle evaluate hf:laion/clap-htsat-unfused --on esc50=ESC-50-master --json",
        ),
    )(evaluate)


def evaluate(
    models: Annotated[list[str] | None, argument("MODEL", MODELS)] = None,
    on: Annotated[
        list[str] | None,
        option(
            "--on", metavar="NAME[=FOLDER]", help="A benchmark, and where its set lies; may be given several times.", show_default=False
        ),
    ] = None,
    write: Annotated[
        Path | None, option("--write", metavar="FILE", parser=as_path, help="Also write everything to FILE, as JSON.", show_default=False)
    ] = None,
    no_controls: Annotated[bool, typer.Option("--no-controls", help="Do not ask again with silence, noise and other sounds.")] = False,
    cache: Annotated[
        Path | None, option("--cache", metavar="FOLDER", parser=as_path, help="Where answers are kept.", show_default="auricle's own")
    ] = None,
    trained_on: Annotated[
        str | None,
        option(
            "--trained-on",
            metavar="MANIFEST",
            help="What the models learned from: tells which items are in it, and scores the rest alone.",
            show_default=False,
            callback=filled,
        ),
    ] = None,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Measure incomplete data and compare different protocols; what is wrong is named.")
    ] = False,
    json: JsonFlag = False,
) -> None:
    """Measure models on benchmarks: scores with intervals, what hearing is worth, what it cost.

    A set is looked for below $AURICLE_DATA where no FOLDER is given. Every answer is kept: what was done is not computed again.
    Without MODEL and --on: the benchmarks there are.
    """
    import shlex
    import sys

    from auricle.audio import prestart
    from auricle.cli import output
    from auricle.errors import UsageError

    if not on and not models:
        _list(json)
        return
    if not on or not models:
        lacking, way_out = (
            ("no model", "Name one, e.g. tiny-towers.") if on else ("nothing to measure on", "Name it with --on NAME[=FOLDER].")
        )
        raise UsageError(f"there is {lacking}.", hint=f"{way_out} `auricle evaluate` alone lists the benchmarks.")
    if write is not None and not write.parent.is_dir():
        raise UsageError(f"there is no folder {write.parent}.", hint="Name a file in one that exists.")
    prestart()
    from auricle import settings
    from auricle.evaluation import documents, floors, harness, leakage, loading, predictions
    from auricle.evaluation.benchmark import get

    folder = cache or settings.home() / "evaluate"
    asked = [_named(text) for text in filled(on)]
    tasks = [loading.load(get(name), where) for name, where in asked]
    loaded = [predictions.read(name) if name.endswith(".json") else floors.load(name, folder=folder) for name in filled(models)]
    for task in tasks:
        harness.fits([model for model in loaded if not isinstance(model, predictions.Predictions)], task, anyway=anyway)
    runs: list[Run] = []
    for task in tasks:
        leaked = _leaked(task, trained_on)
        for model in loaded:
            with _progress(f"{task.benchmark.name} {model.name}") as told:
                if isinstance(model, predictions.Predictions):
                    run = predictions.measure(model, task, anyway=anyway)
                else:
                    run = harness.measure(model, task, cache=folder, controls=not no_controls, anyway=anyway, told=told)
            run = leakage.of_run(run, leaked) if leaked is not None else run
            runs.append(run)
            if json:
                output.emit_document(run.document())
            else:
                output.note(_counted(run))
    differences = harness.compared(runs, anyway=anyway, told=output.note)
    if json:
        for row in differences:
            output.emit_document({"kind": "difference", **row})
    else:
        for task in tasks:
            _show([run for run in runs if run.benchmark is task.benchmark], differences)
    if write is not None:
        command = shlex.join(["auricle", *sys.argv[1:]])
        documents.write(write, documents.document(runs=[run.document() for run in runs], differences=differences, command=command))
        output.note(f"wrote {output.short_path(str(write))}")


def _leaked(task: Task, manifest: str | None) -> Leakage | None:
    """What the task shares with the manifest; in words on stderr."""
    from auricle.cli import output
    from auricle.evaluation import leakage

    if manifest is None:
        return None
    with _progress(f"{task.benchmark.name} in {output.short_path(manifest)}") as told:
        found = leakage.of_task(task, manifest, told=(lambda done, of: told(None, done, of)) if told else None)
    for line in found.lines():
        output.note(output.plain(f"{task.benchmark.name}: {line}"))
    return found


def _list(json: bool) -> None:
    from auricle.cli import output
    from auricle.evaluation.benchmark import benchmarks

    known = benchmarks().values()
    if json:
        for one in known:
            output.emit_document(one.model_dump(mode="json"))
    else:
        output.say(output.table([[b.name, b.kind.replace("_", "-"), b.metric, b.set, b.title] for b in known]))


def _named(text: str) -> tuple[str, str | None]:
    name, _, folder = text.partition("=")
    return filled(name), filled(folder) if "=" in text else None


@contextmanager
def _progress(what: str) -> Iterator[Callable[[str | None, int, int], None] | None]:
    """Bars on a terminal; elsewhere nothing."""
    from auricle.cli import output

    if not output.is_terminal():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        tasks: dict[str, Any] = {}

        def show(condition: str | None, done: int, of: int) -> None:
            name = condition or "sound"
            if name not in tasks:
                tasks[name] = bars.add_task(f"{what}, {name}", total=of)
            bars.update(tasks[name], completed=done)

        yield show


def _counted(run: Run) -> str:
    cost = run.cost
    return f"{run.benchmark.name} {run.model}: {cost.computed_items} answers computed, {cost.cached_items} from the cache"


def _show(runs: list[Run], differences: list[dict[str, Any]]) -> None:
    """A table a benchmark; below it what must be known, and who is better."""
    from auricle.cli import output
    from auricle.evaluation.outcomes import STATUSES, columns

    first = runs[0]
    score = first.scores[0]
    bases = ", ".join(f"{name} {value:.3f}" for name, value in score.baselines.items())
    output.say(f"\n{first.benchmark.title}: {first.benchmark.kind.replace('_', '-')}, n = {score.n}, {score.clusters} sources; {bases}")
    lost = [s for s in STATUSES if s != "ok" and any(columns(run.outcomes)[s] for run in runs)]
    rows = [["", "", "", "gain", *lost, "s/h", "memory", "size"]]
    for run in runs:
        gain = f"{run.gain.value:+.3f}" if run.gain else "-"
        counts = [str(columns(run.outcomes)[status]) for status in lost]
        cost = run.cost
        rate = "-" if cost.seconds_per_audio_hour is None else f"{cost.seconds_per_audio_hour:.1f}"
        first_row = [run.model, run.scores[0].metric.removeprefix(f"{run.benchmark.name} "), _value(run.scores[0])]
        rows.append([*first_row, gain, *counts, rate, _megabytes(cost.peak_memory_bytes), _megabytes(cost.model_bytes)])
        rows += [["", more.metric, _value(more), *[""] * (len(rows[0]) - 3)] for more in run.scores[1:]]
        rows += [["", f"with {name}", _value(control), *[""] * (len(rows[0]) - 3)] for name, control in run.controls.items()]
    output.say(output.table(rows, right=range(3, len(rows[0]))))
    for run in runs:
        for note in dict.fromkeys(note for one in run.scores for note in one.notes):
            output.say(f"{run.model}: {output.plain(note)}")
        for alarm in run.alarms:
            output.say(f"{run.model}: ALARM {output.plain(alarm)}")
        if run.leakage is not None:
            from auricle.evaluation.leakage import told_of_run

            output.say(output.plain(f"{run.model}: {told_of_run(run.leakage)}"))
    for finding in first.lint:
        output.say(f"{finding.level}: {output.plain(finding.rule)}: {output.plain(finding.message)}")
    for d in differences:
        if d["benchmark"] == first.benchmark.name:
            p = "" if d["p"] is None else f", p = {d['p']:.4f}"
            differ = f"; DIFFERENT {', '.join(d['differ'])}" if d["differ"] else ""
            output.say(f"{d['a']} over {d['b']}: {d['metric']} {d['difference']:+.3f} ({d['low']:+.3f} to {d['high']:+.3f}{p}){differ}")


def _value(score: Any) -> str:
    return f"{score.value:.3f} ({score.low:.3f}–{score.high:.3f})"


def _megabytes(size: int | None) -> str:
    return "-" if size is None else f"{size / 1e6:.0f} MB"
