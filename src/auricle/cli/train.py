"""``auricle train``"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from auricle.cli.options import JsonFlag, argument, as_path, examples, option


def register(app: typer.Typer) -> None:
    app.command(
        short_help="Train two towers by a recipe.",
        epilog=examples(
            "auricle train recipes/towers_from_scratch/tiny.yaml --out my-run",
            "auricle train tiny.yaml --out my-run --set budget.steps=50 --dry-run",
            "auricle train tiny.yaml --out my-run --resume",
            "auricle search rain --model my-run/bundle",
        ),
    )(train)


def train(
    recipe: Annotated[Path, argument("RECIPE", "A recipe: data, model, objectives, budget in one YAML file.", parser=as_path)],
    out: Annotated[
        Path | None,
        option(
            "--out", "-o", metavar="FOLDER", help="Where the run goes.", parser=as_path, show_default="the recipe's out, else runs/NAME"
        ),
    ] = None,
    set_: Annotated[
        list[str] | None,
        option("--set", metavar="KEY=VALUE", help="Override a key, e.g. budget.steps=100; repeatable.", show_default=False),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check recipe and data, build the model, train nothing.")] = False,
    allow_overlap: Annotated[
        bool, typer.Option("--allow-overlap", help="Train even where the data overlaps the recipe's evaluation sets.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
    json: JsonFlag = False,
) -> None:
    """Train two towers by a recipe and make a model of them that every command takes (--model FOLDER/bundle).

    The run's folder holds checkpoints, log.jsonl, loss.png and bundle/. Ctrl-C saves first. Needs: pip install "auricle[train]".
    """
    from auricle.cli import output
    from auricle.training.recipe import load

    checked = load(recipe, set_ or ())
    folder = out or Path(checked.out or f"runs/{checked.name}")
    _need_torch()
    from auricle.training.session import train as run

    with _progress(quiet or json) as watch:
        report = run(checked, folder, resume=resume, dry_run=dry_run, allow_overlap=allow_overlap, watch=watch)
    if report.main:  # of several processes one speaks
        for failure in report.unreadable:
            output.fail(failure, json)
        if json:
            output.emit_document(report.as_document())
        else:
            output.say(report.render())
    if report.unreadable:
        raise typer.Exit(1)


def _need_torch() -> None:
    from importlib.util import find_spec

    from auricle.training.errors import TrainingError

    missing = [name for name in ("torch", "accelerate", "safetensors", "onnx") if _absent(find_spec, name)]
    if missing:
        message = f"to train needs {', '.join(missing)}, which {'is' if len(missing) == 1 else 'are'} not installed."
        raise TrainingError("NoTorch", message, hint='Install it with: pip install "auricle[train]"')


def _absent(find_spec: Any, name: str) -> bool:
    try:
        return find_spec(name) is None
    except ValueError:  # blocked
        return True


@contextmanager
def _progress(quiet: bool) -> Iterator[Any]:
    """A callback that draws a bar with the loss on a terminal."""
    from auricle.cli import output

    if quiet or not output.is_terminal():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bars:
        bar = bars.add_task("training", total=None)

        def show(update: Any) -> None:
            bars.update(bar, completed=update.step, total=update.steps, description=f"loss {update.loss:.3f}")
            if update.measured:
                found = ", ".join(f"{name} {value:.3g}" for name, value in update.measured.items())
                bars.console.print(f"step {update.step}: {found}", markup=False, highlight=False)

        yield show
