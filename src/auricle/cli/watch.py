"""``auricle watch``"""

from __future__ import annotations

import os
import sys
import threading
import time
from typing import TYPE_CHECKING, Annotated

import typer

from auricle.cli.options import JsonFlag, LibraryModelOption, LibraryOption, argument, examples, filled, option

if TYPE_CHECKING:
    from auricle.library.library import Library
    from auricle.results import IndexSummary


def register(app: typer.Typer) -> None:
    app.command(
        short_help="Keep a library up to date.",
        epilog=examples("auricle watch ~/Sounds", "auricle watch ~/Recordings --every 60 --json"),
    )(watch)


def watch(
    paths: Annotated[list[str], argument("PATH", "Folders and sound files.", callback=filled)],
    every: Annotated[float, option("--every", metavar="SECONDS", min=0.1, help="Seconds from one look to the next.")] = 10.0,
    library: LibraryOption = None,
    model: LibraryModelOption = None,
    json: JsonFlag = False,
) -> None:
    """Keep a library up to date: hear what comes into folders, until Ctrl-C.

    The same as auricle index again and again, which costs a look at every name. A line is printed when something has changed.
    """
    from auricle.audio import prestart
    from auricle.cli import output
    from auricle.cli.index import report, stopping
    from auricle.library.library import Library

    prestart()
    stop = threading.Event()
    folders = [os.path.expanduser(path) for path in paths]
    show = output.emit if json else report
    told: set[tuple[str, str]] = set()
    vanished = None
    with Library(library, model=model) as collection, stopping(stop):
        while not stop.is_set():
            summary = _look(collection, folders, stop)
            if summary is not None:
                if vanished is None or _changed(summary) or summary.vanished != vanished:
                    show(summary)
                vanished = summary.vanished
                told = _tell_failures(collection, folders, told, json)
                sys.stdout.flush()
            _wait(every, stop)


def _look(collection: Library, folders: list[str], stop: threading.Event) -> IndexSummary | None:
    """What one index run found; None while another process writes to the library: the next look will see to it."""
    from auricle.errors import LibraryError

    try:
        return collection.index(folders, stop=stop)
    except LibraryError as error:
        if error.kind != "Busy":
            raise
        return None


def _changed(summary: IndexSummary) -> bool:
    return bool(summary.added or summary.updated or summary.moved or summary.pruned)


def _tell_failures(collection: Library, folders: list[str], told: set[tuple[str, str]], json: bool) -> set[tuple[str, str]]:
    """Each failure once; one that is mended and comes back is told again."""
    from auricle.cli import output

    rows = {(row.path, row.error): row for row in collection.store.failures(folders)}
    for key, row in rows.items():
        if key not in told:
            output.fail(output.failure_row(row), json)
    return set(rows)


def _wait(seconds: float, stop: threading.Event) -> None:
    """Sleep in slices. Not ``stop.wait``: a signal handler that sets an event whose lock its own thread holds would hang."""
    end = time.monotonic() + seconds
    while not stop.is_set() and (left := end - time.monotonic()) > 0:
        time.sleep(min(left, 0.2))
