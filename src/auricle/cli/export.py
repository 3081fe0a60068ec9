"""``auricle export``"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from auricle.cli.options import (
    LibraryOption,
    LikeOption,
    LimitOption,
    NotOption,
    OverwriteFlag,
    WhereOption,
    argument,
    as_path,
    examples,
    option,
)

if TYPE_CHECKING:
    from auricle.results import Hit


FORMATS = "A list: csv, jsonl, raven, audacity, kaleidoscope, reaper, m3u, srt, vtt, parquet; or the sound of each moment: wav, flac, ogg."


def register(app: typer.Typer) -> None:
    app.command(
        short_help="Take moments out, as lists or as sound.",
        epilog=examples(
            'auricle export "dog barking" --format raven --out dogs.txt',
            'auricle export "dog barking" --format wav --out clips/ --pad 0.5',
            'auricle search "rain" --json | auricle export --format m3u --out rain.m3u8',
        ),
    )(export)


def export(
    query: Annotated[
        str, argument("QUERY", "What to search for; without it and --like, moments are read from stdin, as `search --json` prints them.")
    ] = "",
    format: Annotated[
        str,
        option(
            "--format",
            "-f",
            metavar="FORMAT",
            help=FORMATS,
        ),
    ] = "csv",
    out: Annotated[
        Path | None,
        option(
            "--out",
            "-o",
            metavar="PATH",
            parser=as_path,
            show_default="stdout",
            help="A file, or a folder; for wav, flac and ogg the folder of the clips.",
        ),
    ] = None,
    library: LibraryOption = None,
    like: LikeOption = None,
    unwanted: NotOption = None,
    where: WhereOption = None,
    limit: LimitOption = 100,
    pad: Annotated[float, option("--pad", metavar="SECONDS", min=0.0, help="Sound kept around each moment (wav, flac, ogg).")] = 0.0,
    fade: Annotated[float, option("--fade", metavar="SECONDS", min=0.0, help="Fade in and out (wav, flac, ogg).")] = 0.0,
    overwrite: OverwriteFlag = False,
) -> None:
    """Take moments out: lists for Raven, Audacity, Kaleidoscope, Reaper, spreadsheets and players, or the sound itself.

    The moments are those that a search finds, or those that come on stdin. Formats that hold one recording a file (audacity, srt, vtt) make
    one file for each. The paths of sound files are printed on stdout.
    """
    from auricle import formats
    from auricle.cli import output
    from auricle.errors import UsageError
    from auricle.formats.moment import SOUNDS

    format = format.lower()
    if format not in SOUNDS:
        formats.check(format)
        if pad or fade:
            raise UsageError(f"--pad and --fade change sound, and {format} is a list.", hint="Choose wav, flac or ogg, or leave them out.")
    elif out is None:
        raise UsageError(f"{format} writes files.", hint="Name a folder for them with --out.")
    hits = _moments(query, library, like, unwanted, where, limit)
    if not hits:
        output.note("auricle: there are no moments to export.")
    if format in SOUNDS:
        assert out is not None
        _sounds(hits, out, format, pad, fade, overwrite)
        return
    written = formats.write(format, hits, out if out is not None else sys.stdout, overwrite=overwrite, label=query or None)
    for path in written:
        output.note(f"wrote {output.short_path(str(path))}")


def _sounds(hits: list[Hit], out: Path, format: str, pad: float, fade: float, overwrite: bool) -> None:
    """Each moment as a file of its own; a recording that cannot be heard is named once, and the rest is done."""
    from auricle.cli import output
    from auricle.errors import AudioError, UsageError
    from auricle.formats.moment import export_moment, targets
    from auricle.results import readable

    if not hits:
        return
    files = _files(hits, out, format) if out.suffix.lower() == f".{format}" and not out.is_dir() else targets(hits, out, format)
    standing = [] if overwrite else [path for path in files if os.path.lexists(path)]
    if standing:
        more = f", and {len(standing) - 1} more" if len(standing) > 1 else ""
        raise UsageError(f"{standing[0]} exists already{more}; nothing was written.", hint="Name another folder, or give --overwrite.")
    files[0].parent.mkdir(parents=True, exist_ok=True)
    failed = set()
    for hit, path in zip(hits, files, strict=True):
        try:
            output.say(readable(str(export_moment(hit, path, format=format, pad=pad, fade=fade, overwrite=overwrite))))
        except AudioError as error:
            failure = output.failure_of(error)
            if failure not in failed:
                output.fail(failure, False)
            failed.add(failure)
    if failed:
        raise typer.Exit(1)


def _files(hits: list[Hit], out: Path, format: str) -> list[Path]:
    from auricle.errors import UsageError

    if len(hits) > 1:
        raise UsageError(f"{out} is one file, and there are {len(hits)} moments.", hint="Name a folder with --out, or give --limit 1.")
    return [out]


def _moments(query: str, library: Path | None, like: str | None, unwanted: list[str] | None, where: str | None, limit: int) -> list[Hit]:
    from auricle.errors import UsageError

    if query or like or unwanted:
        from auricle.library.library import Library

        if like:
            from auricle.audio import prestart

            prestart()
        with Library(library) as collection:
            return collection.search(query, like=like, unwanted=unwanted or (), where=where, limit=limit)
    if where:
        raise UsageError("--where filters a search, and there is none.", hint="Give a query or --like, or filter when you search.")
    if sys.stdin is None or sys.stdin.isatty():
        raise UsageError("nothing to export.", hint="Give a query, or pipe in `auricle search … --json`.")
    from auricle.results import hits_from_json

    hits = hits_from_json(sys.stdin)
    for number, hit in enumerate(hits, 1):
        if not _usable(hit):
            raise UsageError(f"moment {number} is none that auricle printed: {hit}", hint="Pipe in what `auricle search --json` prints.")
    return hits


def _usable(hit: Hit) -> bool:
    numbers = (hit.score, hit.duration, hit.rate, hit.channels)
    lists, maps = (hit.tags, hit.copies), (hit.parts, hit.why)
    return (
        isinstance(hit.path, str)
        and all(isinstance(value, (int, float)) for value in numbers)
        and all(isinstance(each, (list, tuple)) and all(isinstance(item, str) for item in each) for each in lists)
        and all(isinstance(each, dict) for each in maps)
    )
