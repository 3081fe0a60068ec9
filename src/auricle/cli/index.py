"""``auricle index`` and ``auricle repair``"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from auricle.cli.options import JsonFlag, LibraryModelOption, LibraryOption, argument, examples, filled

if TYPE_CHECKING:
    from auricle.results import IndexSummary


def register(app: typer.Typer) -> None:
    app.command(
        short_help="Hear folders of sound, so that they can be searched.",
        epilog=examples("auricle index ~/Sounds", "auricle index ~/Sounds --prune", "auricle index field/ --library field-library --json"),
    )(index)
    app.command(
        short_help="Mend a damaged library.",
        epilog=examples("auricle repair", "auricle repair --library field-library"),
    )(repair)


def index(
    paths: Annotated[list[str], argument("PATH", "Folders and sound files.", callback=filled)],
    library: LibraryOption = None,
    model: LibraryModelOption = None,
    prune: Annotated[bool, typer.Option("--prune", help="Forget recordings whose files are gone.")] = False,
    force: Annotated[bool, typer.Option("--force", help="With --prune: even when most files of a folder are gone.")] = False,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Try again what failed before.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for another index run instead of declining.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, only the result.")] = False,
    json: JsonFlag = False,
) -> None:
    """Hear folders of sound, so that they can be searched.

    Run it again at any time: only what is new or changed is heard, and what moved is recognised. Stop it with Ctrl-C, or lose power: what
    was committed is there, and the next run goes on. Files that cannot be heard are named, with the reason.
    """
    from auricle.audio import prestart
    from auricle.cli import output
    from auricle.library.library import Library

    prestart()
    stop = threading.Event()
    with Library(library, model=model) as collection, stopping(stop), _progress(quiet or json) as show:
        summary = collection.index(
            [os.path.expanduser(p) for p in paths], prune=prune, force=force, retry_failed=retry_failed, wait=wait, progress=show, stop=stop
        )
        for line in getattr(summary, "warnings", ()):
            output.note(f"auricle: {line}")
        failed = collection.store.failures([os.path.expanduser(p) for p in paths]) if collection.exists else []
    for row in failed:
        output.fail(output.failure_row(row), json)
    if json:
        output.emit(summary)
    else:
        report(summary)
    if stop.is_set():
        output.note("auricle: interrupted; what was heard is kept. Run the same command again to go on.")
        raise typer.Exit(130)
    if failed:
        raise typer.Exit(1)


def report(summary: IndexSummary) -> None:
    """What a run did, and what the library holds now, for people."""
    from auricle.cli import output

    changes = [
        f"{count} {what}"
        for count, what in (
            (summary.added, "added"), (summary.updated, "updated"), (summary.moved, "moved"), (summary.unchanged, "unchanged"),
            (summary.pruned, "pruned"), (summary.skipped, "skipped"), (summary.failed, "failed"),
        )
        if count
    ]  # fmt: skip
    output.say(f"{', '.join(changes) or 'nothing found'} in {output.span(summary.seconds)}.")
    held = f"{output.count(summary.recordings, 'recording')}, {summary.hours:.2f} h, {output.count(summary.windows, 'window')}"
    output.say(f"The library holds {held} ({summary.model}).")
    if summary.vanished:
        output.say(f"{output.count(summary.vanished, 'recording')} not where they were; they stay searchable until --prune.")


@contextmanager
def stopping(stop: threading.Event) -> Iterator[None]:
    """The first Ctrl-C or SIGTERM asks to stop at the next file; the second stops at once."""

    def ask(number: int, frame: Any) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _progress(silent: bool) -> Iterator[Any]:
    """A callback that draws files, hours, × real time and time left: a bar on a terminal, else a line every ten seconds."""
    from auricle.cli import output

    if silent:
        yield None
        return
    if not output.is_terminal():
        import time

        last = time.monotonic()

        def lines(p: Any) -> None:
            nonlocal last
            if time.monotonic() - last >= 10:
                last = time.monotonic()
                output.note(_line(p))

        yield lines
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    columns = (BarColumn(bar_width=24), TextColumn("{task.description}", markup=False))
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("looking for sounds", total=None)

        def draw(p: Any) -> None:
            bar.update(task, total=p.files_total or None, completed=p.files_done, description=_line(p))

        yield draw


def _line(p: Any) -> str:
    from auricle.cli import output

    left = f", {output.span(p.seconds_left)} left" if p.seconds_left is not None else ""
    failed = f", {p.failed} failed" if p.failed else ""
    return f"{p.files_done}/{p.files_total} files{left}{failed}, {p.hours:.2f} h, {p.times_real_time:.0f}× real time"


def repair(library: LibraryOption = None, json: JsonFlag = False) -> None:
    """Mend a damaged library: rebuild what can be rebuilt, and say what could not and what the next index run will hear again."""
    from dataclasses import asdict

    from auricle import settings
    from auricle.cli import output
    from auricle.library.repair import repair as run

    report = run(library or settings.default_library())
    if json:
        output.emit_document(asdict(report))
        return
    for line in report.lines():
        output.say(line)
