"""``auricle detect``"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from auricle.cli.classify import LABELS, read_labels
from auricle.cli.options import Files, JsonFlag, OverwriteFlag, TaughtModelOption, TaughtOption, as_path, examples, option

if TYPE_CHECKING:
    from auricle.results import Detection


def register(app: typer.Typer) -> None:
    app.command(
        short_help="Say what is heard from when to when.",
        epilog=examples(
            'auricle detect night.flac --labels "owl hooting,dog barking,rain"',
            'auricle detect *.wav --labels "dog barking" --format audacity --out labels/',
            "auricle detect yard.wav --taught my-dogs --threshold 0.3 --json",
        ),
    )(detect)


def detect(
    files: Files,
    labels: Annotated[str, option("--labels", "-L", metavar="LABELS", help=LABELS, show_default=False)] = "",
    taught: TaughtOption = None,
    threshold: Annotated[
        float | None, option("--threshold", metavar="P", help="Probability from which an event counts.", show_default="the model's")
    ] = None,
    min_duration: Annotated[
        float | None, option("--min-duration", metavar="SECONDS", help="Events that are shorter are left out.", show_default="the model's")
    ] = None,
    merge: Annotated[
        float | None,
        option("--merge", metavar="SECONDS", help="Events of one label with no more between them are one.", show_default="the model's"),
    ] = None,
    format: Annotated[
        str | None,
        option("--format", "-f", metavar="FORMAT", help="Write a list: csv, jsonl, raven, audacity, kaleidoscope, reaper, srt, …"),
    ] = None,
    out: Annotated[
        Path | None,
        option("--out", "-o", metavar="PATH", parser=as_path, show_default="stdout", help="A file, or a folder, for --format."),
    ] = None,
    overwrite: OverwriteFlag = False,
    model: TaughtModelOption = None,
    json: JsonFlag = False,
) -> None:
    """Say what is heard from when to when, in files of any length. Events of several labels may overlap.

    Each label is judged on its own, half-second by half-second where the model hears that finely (tiny-towers), else window by window.
    Times are as fine as the model hears: with tiny-towers a beginning or an end is often a second off, and sounds shorter than a
    second are easily missed.
    """
    from auricle.audio import prestart

    prestart()
    from auricle import formats
    from auricle.cli import output
    from auricle.errors import AudioError, UsageError
    from auricle.models import heads
    from auricle.models.taught import load_both
    from auricle.tasks.detect import Rules
    from auricle.tasks.detect import detect as run

    if not labels and taught is None:
        raise UsageError("there is nothing to listen for.", hint='Name it like --labels "dog,rain", or give --taught NAME.')
    if format is not None:
        formats.check(format.lower())
    elif out is not None:
        raise UsageError("--out needs a format.", hint="Give --format csv, raven, audacity, …")
    words = heads.check_labels(read_labels(labels)) if labels else []
    loaded, head = load_both(model, taught)
    rules = Rules.of(loaded, threshold, min_duration, merge)
    failed = False
    rows: list[dict[str, Any]] = []
    for path in files:
        try:
            events = run(path, words, loaded, head=head, rules=rules)
        except AudioError as error:
            failed = True
            output.fail(output.failure_of(error), json)
            continue
        if format is not None:
            rows += _described(events, path)
        elif json:
            for event in events:
                output.emit(event)
        else:
            _show(path, events)
    if format is not None:
        for written in formats.write(format.lower(), rows, out if out is not None else sys.stdout, overwrite=overwrite):
            output.note(f"wrote {output.short_path(str(written))}")
    if failed:
        raise typer.Exit(1)


def _show(path: str, events: list[Detection]) -> None:
    from auricle.cli import output

    dash = "–" if output.shows("–") else "-"
    output.say(output.short_path(path))
    rows = [[output.clock(e.start), dash, output.clock(e.end), f"{e.score:.2f}", e.label] for e in events]
    output.say(output.indented(output.table(rows, right=[0, 2])) if rows else "  nothing of these")


def _described(events: list[Detection], path: str) -> list[dict[str, Any]]:
    """Events with what formats tell of their recording."""
    from auricle import audio
    from auricle.results import as_json

    if not events:
        return []
    info = audio.probe(path)
    more = {"path": path, "duration": info.duration or max(e.end for e in events), "rate": info.rate, "channels": info.channels}
    return [as_json(event) | more for event in events]
