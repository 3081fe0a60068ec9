"""``auricle info``"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from auricle.cli.options import JsonFlag, LibraryOption, argument, examples, filled


def register(app: typer.Typer) -> None:
    app.command(
        short_help="Say what a library holds, or what a sound file is.",
        epilog=examples("auricle info", "auricle info clip.wav --json"),
    )(info)


def info(
    files: Annotated[list[str] | None, argument("FILE", "Sound files; without any, the library.", callback=filled)] = None,
    library: LibraryOption = None,
    json: JsonFlag = False,
) -> None:
    """Say what a library holds and what it could not hear, or what a sound file is.

    Of a file: format, rate, channels, length, when and where it was recorded, tags, markers.
    """
    if files:
        _files(files, json)
    else:
        _library(library, json)


def _library(folder: Path | None, json: bool) -> None:
    from dataclasses import asdict

    from auricle.cli import output
    from auricle.library.library import Library

    with Library(folder) as collection:
        store, stats = collection.store, collection.store.stats()
        failures = store.failures()
        document = {
            "library": str(collection.path),
            "model": store.model,
            "pipeline_id": store.pipeline_id,
            "dim": store.dim,
            **asdict(stats),
        }
    if json:
        output.emit_document({**document, "failed_files": [output.as_json_failure(f) for f in failures]})
        return
    rows = [
        ["library", str(document["library"])],
        ["model", f"{document['model']}  ({document['pipeline_id']}, {document['dim']} dimensions)"],
        ["recordings", f"{stats.recordings}, {output.count(stats.contents, 'different sound')}, {stats.hours:.2f} h"],
        ["windows", f"{stats.windows}, {stats.vector_bytes / 1e6:.1f} MB"],
    ]
    if stats.vanished:
        rows.append(["not found", f"{stats.vanished} (auricle index --prune forgets them)"])
    if stats.to_hear:
        rows.append(["to hear again", f"{stats.to_hear} (auricle index)"])
    output.say(output.table(rows))
    if failures:
        output.say(f"{output.count(len(failures), 'file')} could not be heard:")
        for f in failures:
            output.say("  " + output.error_line(output.failure_row(f)) + (" [quarantined]" if f.quarantined else ""))


def _files(files: list[str], json: bool) -> None:
    from dataclasses import asdict

    from auricle import audio
    from auricle.cli import output
    from auricle.errors import AudioError

    failed = False
    for path in files:
        try:
            header, metadata = audio.probe(path), audio.metadata(path)
        except AudioError as error:
            failed = True
            output.fail(output.failure_of(error), json)
            continue
        if json:
            output.emit_document({**output.as_document(header), **asdict(metadata), "tags": dict(metadata.tags)})
            continue
        length = output.clock(header.duration) if header.duration is not None else "unknown length"
        output.say(output.short_path(path))
        rows = [["  sound", f"{header.format} ({header.codec}), {header.rate} Hz, {header.channels} ch, {length}, {header.bytes} bytes"]]
        if metadata.recorded_at:
            rows.append(["  recorded", metadata.recorded_at])
        if metadata.latitude is not None and metadata.longitude is not None:
            rows.append(["  place", f"{metadata.latitude:.5f}, {metadata.longitude:.5f}"])
        rows += [[f"  {key}", " ".join(value.split())[:100]] for key, value in sorted(metadata.tags.items())]
        rows += [[f"  marker {output.clock(m.start)}", m.label] for m in metadata.markers]
        output.say(output.table(rows))
    if failed:
        raise typer.Exit(1)
