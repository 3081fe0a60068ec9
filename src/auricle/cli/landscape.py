"""``auricle landscape``"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from auricle.cli import landscape_pictures
from auricle.cli.options import JsonFlag, OverwriteFlag, argument, as_path, examples, filled, option

if TYPE_CHECKING:
    from auricle.landscape.questions import Embed

group = typer.Typer(help="Ask what is known of models, data and benchmarks of the field.", no_args_is_help=True, rich_markup_mode=None)
NAME = "A name, an alias or an id, as `auricle landscape find` shows it."
Name = Annotated[str, argument("NAME", NAME, callback=filled)]
KindOption = Annotated[
    str | None,
    option("--kind", "-k", metavar="KIND", help="model, set, benchmark, objective, task, encoder or aspect.", show_default=False),
]
FamilyOption = Annotated[
    str | None, option("--family", "-f", metavar="FAMILY", help="E.g. two-towers, two-heads, captions, questions.", show_default=False)
]
SinceOption = Annotated[int | None, option("--since", metavar="YEAR", help="From this year on.", show_default=False)]
UntilOption = Annotated[int | None, option("--until", metavar="YEAR", help="Up to this year.", show_default=False)]
UnverifiedFlag = Annotated[bool, typer.Option("--unverified", help="Count also what nobody has read in its source.")]
RecordsOption = Annotated[
    Path | None, option("--records", metavar="FOLDER", help="The folder of records.", parser=as_path, show_default="auricle's own")
]


def register(app: typer.Typer) -> None:
    landscape_pictures.register(group)
    app.add_typer(group, name="landscape")


@group.command(
    short_help="Find models, sets, benchmarks and more.",
    epilog=examples(
        'auricle landscape find "find a sound by describing it"',
        "auricle landscape find --kind model --task separation --free",
        "auricle landscape find music --kind set --since 2023 --json",
    ),
)
def find(
    text: Annotated[str, argument("TEXT", "What it is about, in words.")] = "",
    kind: KindOption = None,
    family: FamilyOption = None,
    domain: Annotated[str | None, option("--domain", "-d", metavar="DOMAIN", help="speech, music or sound.", show_default=False)] = None,
    task: Annotated[str | None, option("--task", metavar="TASK", help="What it solves, feeds or measures.", show_default=False)] = None,
    since: SinceOption = None,
    until: UntilOption = None,
    free: Annotated[bool, typer.Option("--free", help="Only models whose weights a company may use, as read in its source.")] = False,
    limit: Annotated[int, option("--limit", "-n", metavar="N", min=1, max=1000, help="How many at most.")] = 20,
    words: Annotated[bool, typer.Option("--words", help="By words alone, without the text encoder.")] = False,
    json: JsonFlag = False,
) -> None:
    """Find records: by words, by meaning (with the text encoder that ships), by kind, family, task, year.

    Without a text, what fits the filters, the newest first.
    """
    from auricle import landscape
    from auricle.cli import landscape_text, output

    hits = landscape.find(
        text, kind=kind, family=family, domain=domain, task=task, since=since, until=until, free=free, limit=limit,
        embed=encoder() if text.strip() and not words else None,
    )  # fmt: skip
    if json:
        for hit in hits:
            output.emit_document({**landscape_text.brief(hit.record), "score": hit.score})
    elif hits:
        output.say(landscape_text.listed([hit.record for hit in hits]))
    else:
        output.note("Nothing fits.")


def encoder() -> Embed | None:
    """The text tower that ships; None where it cannot be loaded: words have to do."""
    from auricle.errors import ModelError
    from auricle.models import hub

    try:
        return hub.load().embed_text
    except ModelError:
        return None


@group.command(
    short_help="Show all that is known of one.",
    epilog=examples("auricle landscape show laion-clap", "auricle landscape show wavcaps --json"),
)
def show(name: Name, unverified: UnverifiedFlag = False, json: JsonFlag = False) -> None:
    """Show a record: facts with source and mark, relations both ways, licences, published figures and where these disagree.

    What licences are inherited rests on what was read in its source. What was not is told, and not counted without --unverified.
    """
    from auricle import landscape
    from auricle.cli import landscape_text, output

    shown = landscape.show(name, unverified=unverified)
    if json:
        output.emit_document(landscape_text.shown_document(shown))
    else:
        output.say(landscape_text.shown(shown))


@group.command(
    short_help="Show what one comes from and what came of it.",
    epilog=examples("auricle landscape trace r1-aqa", "auricle landscape trace audiocaps --depth 2"),
)
def trace(
    name: Name,
    depth: Annotated[int, option("--depth", metavar="N", min=1, max=20, help="How many steps away at most.")] = 4,
    json: JsonFlag = False,
) -> None:
    """Show the lineage: what a model was built on and trained on, what a set was derived from, and what grew from it."""
    from auricle import landscape
    from auricle.cli import landscape_text, output

    lineage = landscape.trace(name, depth=depth)
    if json:
        output.emit_document(landscape_text.document(lineage))
    else:
        output.say(landscape_text.lineage(lineage))


@group.command(
    short_help="Show how two hang together.",
    epilog=examples("auricle landscape path wavcaps clotho-aqa", "auricle landscape path mellow audioset --json"),
)
def path(
    first: Annotated[str, argument("FROM", NAME, callback=filled)],
    second: Annotated[str, argument("TO", NAME, callback=filled)],
    json: JsonFlag = False,
) -> None:
    """Show the shortest chain of relations between two records. To find none is done, too."""
    from auricle import landscape
    from auricle.cli import landscape_text, output

    steps = landscape.path(first, second)
    if json:
        output.emit_document({"steps": [landscape_text.document(step) for step in steps]})
    elif steps:
        output.say("\n".join(landscape_text.step(step) for step in steps))
    else:
        output.note("Nothing recorded ties them.")


@group.command(
    short_help="Put some side by side.",
    epilog=examples("auricle landscape compare laion-clap msclap-2023", "auricle landscape compare mmau mmar"),
)
def compare(names: Annotated[list[str], argument("NAME", NAME, callback=filled)], json: JsonFlag = False) -> None:
    """Put records side by side: facts, what they share, what each has alone, and figures on the same benchmark.

    Figures of different protocols stand side by side with their protocols; they are no ranking.
    """
    from auricle import landscape
    from auricle.cli import landscape_text, output

    comparison = landscape.compare(names)
    if json:
        output.emit_document(landscape_text.compared(comparison))
    else:
        output.say(landscape_text.comparison(comparison))


@group.command(
    short_help="Tell what a score can and cannot claim.",
    epilog=examples("auricle landscape contamination laion-clap esc50", "auricle landscape contamination midashenglm muchomusic --json"),
)
def contamination(
    model: Annotated[str, argument("MODEL", "A model, as `auricle landscape find` shows it.", callback=filled)],
    benchmark: Annotated[str, argument("BENCHMARK", "A benchmark, or a set with a test part.", callback=filled)],
    unverified: UnverifiedFlag = False,
    json: JsonFlag = False,
) -> None:
    """Tell every known way from a model's training data to a benchmark, and what its score there can and cannot claim.

    Only relations that somebody read in their source count; how many are left out is told, and what the answer would be with them. Exit
    code 0 whatever is found: the verdict is the answer.
    """
    from auricle import landscape
    from auricle.cli import landscape_text, output

    report = landscape.contamination(model, benchmark, unverified=unverified)
    if json:
        output.emit_document(landscape_text.reported(report))
    else:
        output.say(landscape_text.report(report))


@group.command(
    short_help="Name tasks without open data or weights.", epilog=examples("auricle landscape gaps", "auricle landscape gaps --all --json")
)
def gaps(
    all_: Annotated[bool, typer.Option("--all", help="Every task, also those that lack nothing.")] = False,
    unverified: UnverifiedFlag = False,
    json: JsonFlag = False,
) -> None:
    """Name the tasks that lack open data, open weights, either under terms that a company may use, or a benchmark.

    Only what somebody read in its source fills a gap. Where something else would fill it, it is called not known instead.
    """
    from auricle import landscape
    from auricle.cli import landscape_text, output

    for gap in landscape.gaps(all_tasks=all_, unverified=unverified):
        if json:
            output.emit_document({**landscape_text.document(gap), "task": gap.task.id})
        else:
            output.say(landscape_text.gap(gap))


@group.command(
    short_help="Print what came when.",
    epilog=examples("auricle landscape timeline --since 2022", "auricle landscape timeline -k model -f one-head"),
)
def timeline(
    kind: KindOption = None, family: FamilyOption = None, since: SinceOption = None, until: UntilOption = None, json: JsonFlag = False
) -> None:
    """Print the years with what was published in them: models, sets and benchmarks, or one kind."""
    from auricle import landscape
    from auricle.cli import landscape_text, output

    for year, records in landscape.timeline(kind=kind, family=family, since=since, until=until).items():
        if json:
            output.emit_document({"year": year, "records": [landscape_text.brief(record) for record in records]})
        else:
            output.say(landscape_text.year(year, records))


@group.command(short_help="Count what is recorded.", epilog=examples("auricle landscape stats --json"))
def stats(json: JsonFlag = False) -> None:
    """Count models, sets, benchmarks, relations, statements that carry a source, and those whose source was read."""
    from auricle import landscape
    from auricle.cli import output

    counts = landscape.stats()
    if json:
        output.emit_document(counts)
    else:
        output.say(output.table([[name, f"{count:,}"] for name, count in counts.items()], right=[1]))


@group.command(short_help="Print BibTeX.", epilog=examples("auricle landscape cite clotho wavcaps >> references.bib"))
def cite(names: Annotated[list[str], argument("NAME", NAME, callback=filled)], json: JsonFlag = False) -> None:
    """Print the papers as BibTeX. What nobody has checked against the paper says so in its note."""
    from auricle import landscape
    from auricle.cli import output

    for name in names:
        entry = landscape.cite(name)
        if json:
            output.emit_document({"name": name, "bibtex": entry})
        else:
            output.say(entry)


@group.command(
    short_help="Write the field as JSON, CSV or GraphML.",
    epilog=examples(
        "auricle landscape export --format csv -o landscape.csv", "auricle landscape export --format graphml > landscape.graphml"
    ),
)
def export(
    format: Annotated[str, option("--format", metavar="FORMAT", help="json, csv (a row a statement) or graphml.")] = "json",
    out: Annotated[
        Path | None, option("--out", "-o", metavar="FILE", help="The file to write.", parser=as_path, show_default="stdout")
    ] = None,
    overwrite: OverwriteFlag = False,
) -> None:
    """Write all records and relations for other programs."""
    from auricle import landscape

    landscape_pictures.give(landscape.export(format), out, overwrite)


@group.command(
    short_help="Validate records.", epilog=examples("auricle landscape check", "auricle landscape check --records my/records --json")
)
def check(records: RecordsOption = None, json: JsonFlag = False) -> None:
    """Validate all records: keys, types, sources, dates, names that lead somewhere, no circles. Exit code 1 if something is wrong."""
    from auricle.cli import output
    from auricle.landscape import compile

    folder = existing(records) or compile.RECORDS
    field, problems = compile.study(folder)
    for problem in problems:
        if json:
            output.emit_document(output.as_document(problem))
        else:
            output.note(output.plain(str(problem)))
    if json:
        output.emit_document({"kind": "summary", "ok": not problems, "records": len(field.records), "problems": len(problems)})
    elif not problems:
        counts = (f"{len(field.records)} records", f"{len(field.edges)} relations", f"{len(field.figures)} figures")
        output.say(f"All is well: {', '.join(counts)}.")
    if problems:
        raise typer.Exit(1)


@group.command(
    short_help="Begin a new record.",
    epilog=examples(
        'auricle landscape add model "Some CLAP" --family two-towers --year 2026 --source "arXiv 2601.00000, abstract"',
        'auricle landscape add set "Some Captions" --records my/records',
        "auricle landscape add --from-card my-bundle/ --records my/records",
    ),
)
def add(
    kind: Annotated[str, argument("KIND", "model, set, benchmark, objective, task, encoder or aspect.")] = "",
    name: Annotated[str, argument("NAME", "The name, as its makers write it.")] = "",
    family: FamilyOption = None,
    year: Annotated[int | None, option("--year", metavar="YEAR", help="The year of its publication.", show_default="this year")] = None,
    source: Annotated[str | None, option("--source", metavar="TEXT", help="The paper or page that you read.", show_default=False)] = None,
    card: Annotated[
        str | None,
        option("--from-card", metavar="MODEL", help="A model of this machine: its card is the record.", show_default=False),
    ] = None,
    records: RecordsOption = None,
    json: JsonFlag = False,
) -> None:
    """Begin a new record: write its skeleton into a file of its own, and check it with all others.

    Then fill it in, and run `auricle landscape check`. With --from-card nothing is left to fill in: a model that was trained here becomes a
    record, with its licence chain, its results and the sets that it learnt from.
    """
    from auricle.cli import output
    from auricle.errors import UsageError
    from auricle.landscape import adding, compile

    folder = existing(records) or compile.RECORDS
    if card:
        from auricle.models import hub
        from auricle.models.bundle import Bundle

        if kind or name or family or year or source:
            raise UsageError("--from-card takes all from the card.", hint="Leave KIND, NAME, --family, --year and --source out.")
        path, problems = adding.from_card(Bundle.open(hub.resolve(card)).card.as_dict(), folder)
    elif not (kind and name):
        raise UsageError("a record needs its kind and its name.", hint='e.g. auricle landscape add set "Some Captions"')
    else:
        path, problems = adding.add(kind, name, family=family, year=year, source=source, records=folder)
    if json:
        output.emit_document({"path": str(path), "problems": [output.as_document(problem) for problem in problems]})
    else:
        output.say(output.plain(str(path)))
        for problem in problems:
            output.note(output.plain(str(problem)))
        if not card:
            output.note("Fill it in, then run `auricle landscape check`.")
    if problems:
        raise typer.Exit(1)


def existing(folder: Path | None) -> Any:
    from auricle.errors import UsageError

    if folder is not None and not folder.is_dir():
        raise UsageError(f"{folder} is no folder.")
    return folder
