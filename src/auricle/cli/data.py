"""``auricle data``"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from auricle.cli import world
from auricle.cli.options import JsonFlag, OverwriteFlag, argument, as_path, examples, filled, option

if TYPE_CHECKING:
    from collections.abc import Iterator

    from auricle.data.check import Source
    from auricle.data.saving import Found

group = typer.Typer(help="Make, convert and check the data that models learn from.", no_args_is_help=True, rich_markup_mode=None)
KINDS = ("folder", "csv", "hf", "webdataset", "slam", "ltu", "messages")
ABSENT = ("fail", "drop", "text")
QuietFlag = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, only the result.")]
RootOption = Annotated[
    Path | None,
    option(
        "--root", metavar="FOLDER", help="The folder that paths of sounds are relative to.", parser=as_path, show_default="the manifest's"
    ),
]


def register(app: typer.Typer) -> None:
    world.register(group)
    app.add_typer(group, name="data")


@group.command(
    short_help="Check manifests: sounds, licences, duplicates, leaks.",
    epilog=examples(
        "auricle data check corpus/manifest.jsonl",
        "auricle data check train.jsonl --against test.jsonl --against esc10=data/esc10",
        "auricle data check train.jsonl --no-hear --json",
    ),
)
def check(
    manifests: Annotated[list[str], argument("MANIFEST", "Manifests: .jsonl, .jsonl.gz, .parquet, .tar.", callback=filled)],
    against: Annotated[
        list[str] | None,
        option(
            "--against",
            metavar="OTHER",
            help="What it must share nothing with: a manifest, SET=FOLDER, or SET by name alone.",
            show_default=False,
        ),
    ] = None,
    root: RootOption = None,
    hear: Annotated[bool, typer.Option("--hear/--no-hear", help="Decode every sound: finds broken ones and fingerprints.")] = True,
    captions: Annotated[bool, typer.Option("--captions/--no-captions", help="Compare captions, too.")] = True,
    quiet: QuietFlag = False,
    json: JsonFlag = False,
) -> None:
    """Check manifests: missing and broken sounds, lengths that lie, licences, what stands twice, and what training shares with evaluation.

    Exit code 1 if a sound is missing or broken, an item lies, or a sound stands in two splits or on both sides. Captions that repeat and
    licences are told and fail nothing.
    """
    from auricle.cli import data_report
    from auricle.data.check import check as run
    from auricle.data.sets import descriptors

    named = [name for name in against or () if name in descriptors() and not os.path.exists(name)]
    others: list[Source | str] = [source_of(name) for name in against or () if name not in named]
    with data_report.progress(quiet, "heard" if hear else "seen") as told:
        report = run(manifests, against=others, sets=named, root=root, hear=hear, captions=captions, told=told)
    if json:
        data_report.emit(report)
    else:
        data_report.show(report)
    if not report.ok:
        raise typer.Exit(1)


def source_of(name: str) -> Source | str:
    """``SET=FOLDER`` as its items, all else as a manifest."""
    from auricle.data.sets import descriptors, load

    set_id, equals, folder = name.partition("=")
    if equals and set_id in descriptors():
        top = os.path.abspath(os.path.expanduser(folder))
        return name, (placed(found, top) for found in load(set_id, top, absent="text")), top
    return os.path.expanduser(name)


def placed(found: Found, top: str) -> Any:
    from dataclasses import replace

    sound = found.sound
    return replace(found.item, audio=os.path.relpath(sound, top).replace(os.sep, "/") if isinstance(sound, str) else None)


@group.command(
    "import",
    short_help="Make a manifest of what you have.",
    epilog=examples(
        "auricle data import folder Sounds/ -o Sounds/manifest.jsonl --captions",
        'auricle data import csv clips.csv --columns audio=file,captions=text,labels=tags --separator ";" -o manifest.jsonl',
        "auricle data import esc50 ESC-50-master/ -o ESC-50-master/manifest.jsonl",
        "auricle data import hf saved_dataset/ -o shards-%06d.tar",
        "auricle data import messages train.jsonl -o manifest.jsonl",
    ),
)
def import_(
    kind: Annotated[
        str, argument("KIND", "folder, csv, hf, webdataset, slam, ltu, messages, or a set that `auricle data sets` lists.", callback=filled)
    ],
    source: Annotated[str, argument("SOURCE", "The folder, table, saved data set or shards.", callback=filled)],
    out: Annotated[
        Path,
        option("--out", "-o", metavar="FILE", help="The manifest, or shards where it ends with .tar (%06d counts them).", parser=as_path),
    ],
    columns: Annotated[
        str | None, option("--columns", metavar="FIELD=COLUMN", help="csv, hf: what the columns hold, e.g. audio=file,captions=c1+c2.")
    ] = None,
    separator: Annotated[str, option("--separator", metavar="TEXT", help="csv: what stands between labels in one cell.")] = "",
    audio: Annotated[
        str, option("--audio", metavar="FOLDER", help="csv, slam, ltu, messages: the folder of the sounds.", show_default="the table's")
    ] = "",
    captions: Annotated[bool, typer.Option("--captions", help="folder: the words of a file's name become its caption.")] = False,
    name: Annotated[str, option("--set", metavar="NAME", help="The set's name, where the items do not say it.")] = "",
    licence: Annotated[str, option("--licence", metavar="NAME", help="The licence, where the items do not say it.")] = "",
    absent: Annotated[
        str, option("--absent", metavar="WHAT", help="Sets: an item without its sound may fail, drop or stay as text.")
    ] = "fail",
    exclude: Annotated[str, option("--exclude", metavar="LIST", help="wavcaps: its own list of ids to leave out, e.g. all_ac.")] = "",
    root: RootOption = None,
    hear: Annotated[bool, typer.Option("--hear/--no-hear", help="Open every sound to add its length and hash.")] = True,
    overwrite: OverwriteFlag = False,
    quiet: QuietFlag = False,
    json: JsonFlag = False,
) -> None:
    """Make a manifest, or shards, of a folder (sub-folders are labels), a table, a saved `datasets` data set, instructions, shards, a set.

    Sounds that cannot be opened are named and left out. Paths in a manifest are relative to its folder, and never leave it.
    """
    from auricle.cli import data_report, output
    from auricle.data.saving import save

    refuse_to_overwrite(out, overwrite)
    lost: list[str] = []
    found = found_of(kind, source, columns, separator, audio, captions, name, licence, absent, exclude, lost)
    failures: list[Any] = []
    with data_report.progress(quiet, "items") as told:
        count = save(found, out, root=root, hear=hear, failed=failures.append, told=(lambda n: told(n, 0)) if told else None)
    for failure in failures:
        output.fail(failure, json)
    if json:
        output.emit_document({"manifest": str(out), "items": count, "failed": len(failures), "absent": len(lost)})
    else:
        gone = f" {output.count(len(lost), 'sound')} not there ({absent})." if lost else ""
        output.say(f"{output.count(count, 'item')} in {output.plain(str(out))}.{gone}")
    if failures:
        raise typer.Exit(1)


def found_of(
    kind: str, source: str, columns: str | None, separator: str, audio: str, captions: bool, name: str, licence: str,
    absent: str, exclude: str, lost: list[str],
) -> Iterator[Found]:  # fmt: skip
    """What the kind of importer gives."""
    from auricle.data import importers
    from auricle.data.instructions import LAYOUTS, instructions
    from auricle.data.sets import descriptors, load
    from auricle.errors import UsageError

    if absent not in ABSENT:
        raise UsageError(f"--absent: there is no {absent!r}.", hint=f"Choose one of {', '.join(ABSENT)}.")
    mapped = importers.Columns.parse(columns) if columns else None
    if kind == "folder":
        return importers.folder(source, captions=captions, set=name, licence=licence)
    if kind == "csv":
        return importers.table(source, mapped or importers.Columns(), audio=audio, separator=separator, set=name, licence=licence)
    if kind == "hf":
        return importers.hugging_face(source, mapped, set=name, licence=licence)
    if kind == "webdataset":
        return importers.shards(source, set=name, licence=licence)
    if kind in LAYOUTS:
        return instructions(kind, source, audio=audio, set=name, licence=licence)
    if kind in descriptors():
        return load(kind, source, absent=absent, exclude=exclude, lost=lost.append)  # type: ignore[arg-type]
    raise UsageError(f"there is nothing to import a {kind!r} with.", hint=f"Choose {', '.join(KINDS)}, or a set of `auricle data sets`.")


def refuse_to_overwrite(target: Path, overwrite: bool) -> None:
    from auricle.errors import UsageError

    if target.exists() and not overwrite:
        raise UsageError(f"{target} exists already.", hint="Choose another name, or give --overwrite.")


@group.command(
    short_help="Turn a manifest into another kind, or into shards.",
    epilog=examples("auricle data convert manifest.jsonl manifest.parquet", "auricle data convert manifest.jsonl shards-%06d.tar"),
)
def convert(
    source: Annotated[str, argument("FROM", "A manifest: .jsonl, .jsonl.gz, .parquet, .tar.", callback=filled)],
    target: Annotated[Path, argument("TO", "The one to make; %06d in the name of a .tar counts shards.", parser=as_path)],
    root: RootOption = None,
    shard: Annotated[int, option("--shard-mb", metavar="N", min=1, help="With %06d: how large a shard may grow.")] = 1024,
    overwrite: OverwriteFlag = False,
    quiet: QuietFlag = False,
    json: JsonFlag = False,
) -> None:
    """Turn a manifest into another kind (JSON Lines, Parquet), or pack it with its sounds into WebDataset shards.

    A .tar as the source stays where its sounds are: the manifest that is made names its members.
    """
    from auricle.cli import data_report, output
    from auricle.data.manifest import folder_of, read
    from auricle.data.saving import Found, save

    refuse_to_overwrite(target, overwrite)
    folder = os.path.abspath(root or folder_of(source))
    found = (Found(item, None if item.audio is None else os.path.join(folder, item.audio)) for item in read(source))
    with data_report.progress(quiet, "items") as told:
        count = save(found, target, root=root, hear=False, told=(lambda n: told(n, 0)) if told else None, max_bytes=shard << 20)
    if json:
        output.emit_document({"manifest": str(target), "items": count})
    else:
        output.say(f"{output.count(count, 'item')} in {output.plain(str(target))}.")


@group.command(
    short_help="List the sets that are known, or describe one.",
    epilog=examples("auricle data sets", "auricle data sets clotho", "auricle data sets --json"),
)
def sets(name: Annotated[str, argument("SET", "The one to describe.")] = "", json: JsonFlag = False) -> None:
    """List the sets that are known, or describe one: size, licence, where it is, overlaps with others, protocol, layout.

    Marks say where a fact is from: V read in the repository or file, A from a page or card, I from an issue, U unverified.
    """
    from auricle.cli import data_report, output
    from auricle.data.sets import descriptors, get

    chosen = [get(name)] if name else list(descriptors().values())
    if json:
        for one in chosen:
            output.emit_document(output.as_document(one))
    elif name:
        output.say(data_report.described(chosen[0]))
    else:
        output.say(output.table([[d.id, d.title, d.domain, d.gives, d.layout.kind, d.licence] for d in chosen]))
