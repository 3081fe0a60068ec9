"""``auricle search``, ``similar`` and ``duplicates``"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from auricle.cli.options import (
    JsonFlag,
    LibraryModelOption,
    LibraryOption,
    LikeOption,
    LimitOption,
    NotOption,
    TaughtOption,
    WhereOption,
    argument,
    examples,
    filled,
    option,
)

if TYPE_CHECKING:
    from auricle.models.taught import Taught
    from auricle.results import Hit
    from auricle.tasks.retrieve import Query


def register(app: typer.Typer) -> None:
    app.command(
        short_help="Find moments by describing them.",
        epilog=examples(
            'auricle search "rain on a tin roof, no voices"',
            'auricle search "door" --where "duration < 3 and format = wav" --limit 20',
            "auricle search --like clip.wav@12-17 --not music --explain",
            'auricle search "dog barking" --json | auricle export --format wav --out clips/',
            'auricle search "bark, no music" --taught my-dogs',
        ),
    )(search)
    app.command(
        short_help="Find what sounds like a recording of the library.",
        epilog=examples('auricle similar "Sounds/slow piano.ogg"', "auricle similar ride.wav@12-17 --limit 3"),
    )(similar)
    app.command(
        short_help="Find recordings that hold the same sound.",
        epilog=examples("auricle duplicates", "auricle duplicates --exact --json"),
    )(duplicates)


def search(
    query: Annotated[str, argument("QUERY", "What you hear in your head; may be left out with --like.")] = "",
    library: LibraryOption = None,
    like: LikeOption = None,
    unwanted: NotOption = None,
    where: WhereOption = None,
    limit: LimitOption = 10,
    sources: Annotated[
        str, option("--sources", metavar="KINDS", help="Evidence that counts: sound, words (names and tags), texts (transcripts).")
    ] = "sound,words,texts",
    explain: Annotated[bool, typer.Option("--explain", help="Show what each kind of evidence gave, and how the query was read.")] = False,
    taught: TaughtOption = None,
    model: LibraryModelOption = None,
    json: JsonFlag = False,
) -> None:
    """Find moments by describing them, best first.

    "no X", "without X" and "not X" in the query push X away, as --not does. A clip can be the question, or part of it (--like). Each line
    is a moment: its score, where it starts and ends, and the file. With --taught, the names that were taught mean what was shown.
    """
    from auricle.cli import output
    from auricle.errors import UsageError
    from auricle.library.library import Library
    from auricle.tasks.retrieve import understand

    if like:
        from auricle.audio import prestart

        prestart()
    chosen = tuple(s.strip() for s in sources.split(",") if s.strip())
    if not chosen:
        raise UsageError("--sources names no evidence.", hint="Give one or more of sound, words, texts.")
    asked = understand(query, unwanted or ())
    head = _head(taught, asked)
    with Library(library, model=model) as collection:
        hits = collection.search(query, like=like, unwanted=unwanted or (), where=where, limit=limit, sources=chosen, taught=head)
    if explain and not json:
        output.note(output.plain(f"wanted: {asked.wanted or '-'}   not: {', '.join(asked.unwanted) or '-'}"))
    show_hits(hits, json, explain)
    if not hits and not json:
        output.note("Nothing fits." + (" Try without --where." if where else ""))


def _head(name: str | None, asked: Query) -> Taught | None:
    """What was taught, loaded; a note where the query names nothing of it."""
    if name is None:
        return None
    from auricle.cli import output
    from auricle.models.taught import load
    from auricle.tasks.retrieve import parts

    head = load(name)
    if all(head.place(word) is None for word in (asked.wanted, *asked.unwanted, *parts(asked.wanted))):
        output.note(output.one_line(f"note: the query names nothing that {head.name} was taught: {', '.join(head.labels)}."))
    return head


def similar(
    recording: Annotated[
        str, argument("RECORDING", "A recording of the library: its path, or FILE@12-17 for its seconds 12 to 17.", callback=filled)
    ],
    library: LibraryOption = None,
    limit: LimitOption = 10,
    json: JsonFlag = False,
) -> None:
    """Find moments of other recordings that sound like one of the library. For a file outside the library: auricle search --like FILE."""
    from auricle.library.library import Library, parse_like

    wanted = parse_like(recording)
    with Library(library) as collection:
        show_hits(collection.similar(str(wanted.source), start=wanted.start, end=wanted.end, limit=limit), json, False)


def duplicates(
    library: LibraryOption = None,
    threshold: Annotated[
        float, option("--threshold", metavar="NUMBER", min=0.5, max=1.0, help="Mean similarity from which sounds count as the same.")
    ] = 0.995,
    exact: Annotated[bool, typer.Option("--exact", help="Only identical files.")] = False,
    json: JsonFlag = False,
) -> None:
    """Find recordings that hold the same sound: identical files (exact), and other encodings or levels of one recording (near)."""
    from auricle.cli import output
    from auricle.library.library import Library

    with Library(library) as collection:
        groups = collection.duplicates(threshold=threshold, exact_only=exact)
    for group in groups:
        if json:
            output.emit(group)
            continue
        output.say(f"{group.kind}  {group.similarity:.4f}")
        for path, duration in zip(group.paths, group.durations, strict=True):
            output.say(f"  {output.clock(duration):>10}  {output.short_path(path)}")
    if not groups and not json:
        output.note("No duplicates.")


def show_hits(hits: list[Hit], as_json: bool, explain: bool) -> None:
    """Moments as JSON lines, or as a table: score, moment, file (and with ``explain`` the parts and the reasons)."""
    from auricle.cli import output

    if as_json:
        for hit in hits:
            output.emit(hit)
        return
    if not hits:
        return
    dash = "–" if output.shows("–") else "-"
    rows = []
    for hit in hits:
        row = [f"{hit.score:.2f}", output.clock(hit.start), dash, output.clock(hit.end), output.short_path(hit.path)]
        if explain:
            row[1:1] = [f"{name} {value:.2f}" for name, value in hit.parts.items()]
        rows.append(row)
    extra = len(hits[0].parts) if explain else 0
    lines = output.table(rows, right=[*range(2 + extra), 3 + extra]).splitlines()
    for hit, line in zip(hits, lines, strict=True):
        output.say(line)
        for name, reason in hit.why.items() if explain else ():
            output.say(f"      {name}: {output.one_line(reason)}")
