"""Printing: data on stdout, everything else on stderr; plain when not a terminal; never decides anything."""

from __future__ import annotations

import codecs
import errno
import io
import json
import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from auricle.errors import AudioError, AuricleError
from auricle.results import Failure, json_line, readable


def prepare_streams() -> None:
    """What the terminal's encoding lacks is printed as ``\\uXXXX`` (which JSON reads too), never a traceback; a closed stream is a sink."""
    codecs.register_error("auricle", _escaped)
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="surrogateescape")  # names of files need not be text
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - lives as long as the process
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="auricle")


def _escaped(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    units = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i : i + 2].hex()}" for i in range(0, len(units), 2)), error.end


def discard() -> None:
    """Send what is still buffered for stdout nowhere, so that the end of the process does not fail on it again."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):
        sys.stdout = io.StringIO()


def emit(result: object) -> None:
    """One result as a JSON line, flushed, so that a reader downstream sees it at once."""
    sys.stdout.write(json_line(result) + "\n")
    sys.stdout.flush()


def emit_document(document: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(document, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def say(text: str) -> None:
    """A line for people, on stdout."""
    sys.stdout.write(text + "\n")


def note(text: str) -> None:
    """A line for people, on stderr."""
    with suppress(OSError):  # where both are one terminal or file: in the order of events
        sys.stdout.flush()
    sys.stderr.write(text + "\n")


def failure_of(error: AudioError) -> Failure:
    return Failure(error.path, error.message, error.kind, error.hint)


# For paths that the walk could not enter: it says what, and these say what to do.
_WAYS_OUT = {
    "Missing": "Check the path and that the drive is mounted.",
    "Denied": "Check who may read it, e.g. with `ls -l`.",
    "Unreadable": "Check the drive and the connection, then try again.",
}


def fail(failure: Failure, as_json: bool) -> None:
    """Name an input that failed: a JSON line on stdout with ``--json``, else one line on stderr."""
    if as_json:
        emit(failure)
    else:
        note(f"auricle: {error_line(failure)}")


def error_line(failure: Failure) -> str:
    path = readable(failure.path)
    message = failure.error if path in failure.error else f"{path}: {failure.error}"
    return one_line(f"{message} {failure.hint}")


def report_error(error: AuricleError) -> None:
    note(f"auricle: {one_line(str(error))}")


def report_os_error(error: OSError) -> None:
    """What the operating system refused, where nothing closer to the cause has said it better."""
    what = f"{readable(os.fsdecode(error.filename))}: " if isinstance(error.filename, (str, bytes)) else ""
    way_out = {
        errno.ENOSPC: "Free some space, or write elsewhere.", errno.EDQUOT: "Free some space, or write elsewhere.",
        errno.EACCES: "Check its permissions.", errno.EPERM: "Check its permissions.", errno.EROFS: "Write elsewhere.",
        errno.EMFILE: "Close other programs, or raise `ulimit -n`.",
    }.get(error.errno or 0, "Check the path and the disk.")  # fmt: skip
    note(f"auricle: {one_line(what + (error.strerror or str(error)))}. {way_out}")


_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def plain(text: str) -> str:
    """Text of files and their names, safe on a terminal: control characters and turns of direction are spelled out."""
    return _CONTROLS.sub(lambda found: found.group().encode("unicode_escape").decode("ascii"), text)


def one_line(text: str) -> str:
    return plain(" ".join(text.split()))


def shows(text: str) -> bool:
    """Whether stdout's encoding has these characters."""
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def clock(seconds: float) -> str:
    """``7.5`` → ``0:07.5``; ``3725`` → ``1:02:05.0``."""
    tenths = round(seconds * 10)
    whole, tenth = divmod(tenths, 10)
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02d}:{second:02d}.{tenth}" if hours else f"{minute}:{second:02d}.{tenth}"


def span(seconds: float) -> str:
    """A length for people: ``43 s``, ``12 min``, ``3.5 h``."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def count(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")


def short_path(path: str) -> str:
    """Relative to here when it lies below, else with ``~`` for home."""
    shown = plain(readable(path))
    try:
        here = os.getcwd().rstrip(os.sep) + os.sep
    except FileNotFoundError:  # the folder we stand in was removed
        here = ""
    home = os.path.expanduser("~").rstrip(os.sep) + os.sep
    if len(here) > 1 and shown.startswith(here):
        return shown[len(here) :]
    return "~" + os.sep + shown[len(home) :] if len(home) > 1 and shown.startswith(home) else shown


def table(rows: Sequence[Sequence[str]], *, right: Iterable[int] = ()) -> str:
    """Aligned columns, each row one line; the columns in ``right`` are flush right."""
    if not rows:
        return ""
    flush = set(right)
    cells = [[plain(cell) for cell in row] for row in rows]
    widths = [max(columns(row[i]) for row in cells) for i in range(len(rows[0]))]
    lines = []
    for row in cells:
        gaps = [" " * (widths[i] - columns(cell)) for i, cell in enumerate(row)]
        lines.append(
            "  ".join(gap + cell if i in flush else cell + gap for i, (cell, gap) in enumerate(zip(row, gaps, strict=True))).rstrip()
        )
    return "\n".join(lines)


def indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())


def columns(text: str) -> int:
    """How wide a terminal draws it: Chinese takes two columns a sign, accents none."""
    if text.isascii():
        return len(text)
    import unicodedata

    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def bar(value: float, width: int = 8) -> str:
    """0…1 as a bar of eighths, or of ``#`` where the terminal has no blocks."""
    value = max(0.0, min(1.0, value))
    if not shows("█▏"):
        return ("#" * round(value * width)).ljust(width)
    full, part = divmod(round(value * width * 8), 8)
    return ("█" * full + (" ▏▎▍▌▋▊▉"[part] if part else "")).ljust(width)


def is_terminal() -> bool:
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


def as_document(value: Any) -> dict[str, Any]:
    """A dataclass or pydantic value as a JSON-ready dict."""
    from dataclasses import is_dataclass

    from auricle.results import as_json

    if is_dataclass(value) and not isinstance(value, type):
        return as_json(value)
    document: dict[str, Any] = value.model_dump(mode="json")
    return document


def failure_row(row: Any) -> Failure:
    """A failure as the library stores it."""
    return Failure(row.path, row.error, row.kind, row.hint or _WAYS_OUT.get(row.kind, ""))


def as_json_failure(row: Any) -> dict[str, Any]:
    return as_document(failure_row(row))


@contextmanager
def download_progress(quiet: bool) -> Iterator[Any]:
    """A callback ``(file, bytes done, bytes total)`` that draws bars on a terminal."""
    if quiet or not is_terminal():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=Console(stderr=True)) as bars:
        tasks: dict[str, Any] = {}

        def show(file: str, done: int, total: int | None) -> None:
            if file not in tasks:
                tasks[file] = bars.add_task(file, total=total)
            bars.update(tasks[file], completed=done, total=total)

        yield show
