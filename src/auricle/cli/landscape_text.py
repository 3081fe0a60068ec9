"""How the answers of ``auricle landscape`` read, as text and as JSON."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from auricle.cli.output import plain, table

if TYPE_CHECKING:
    from auricle.landscape import Comparison, Edge, Fact, Figure, Gap, Lineage, Record, Report, Shown, Step, Terms
    from auricle.landscape.licences import Link

WIDTH = 120
VERBS = {
    "trained-on": ("trained on", "taught"), "evaluated-on": ("evaluated on", "measured"), "derived-from": ("derived from", "gave rise to"),
    "overlaps-with": ("overlaps with", "overlaps with"), "builds-on": ("builds on", "is part of"),
    "uses-objective": ("learns by", "is used by"), "solves-task": ("is for", "is served by"), "promotes": ("promotes", "is promoted by"),
    "constrains": ("constrains", "is constrained by"), "critiques": ("finds a fault of", "is found at fault by"),
}  # fmt: skip


def document(answer: Any) -> dict[str, Any]:
    made: dict[str, Any] = asdict(answer)
    return made


def shown_document(shown: Shown) -> dict[str, Any]:
    made = document(shown)
    made["licences"] = made.pop("terms") and licences_document(shown.terms)
    return made


def licences_document(terms: Terms | None) -> dict[str, Any]:
    assert terms is not None

    def listed(links: Sequence[Link]) -> list[dict[str, Any]]:
        return [
            {"record": link.record, "licence": link.fact.value, "use": link.use, "source": link.fact.source, "mark": link.fact.mark}
            for link in links
        ]

    return {
        "stated": terms.stated_use,
        "strictest": terms.use,
        "conflict": terms.conflict,
        "inherited": listed(terms.inherited),
        "not_recorded": terms.silent,
        "unread": listed(terms.unread),
        "left_out": len(terms.left_out),
    }


def brief(record: Record) -> dict[str, Any]:
    return {key: getattr(record, key) for key in ("id", "kind", "name", "year", "family", "domains", "about")}


def compared(comparison: Comparison) -> dict[str, Any]:
    made = document(comparison)
    made["records"] = [brief(record) for record in comparison.records]
    made["figures"] = [
        {"benchmark": benchmark, "metric": metric, "split": split, "figures": [[asdict(figure) for figure in column] for column in columns]}
        for (benchmark, metric, split), columns in comparison.figures.items()
    ]
    return made


def reported(report: Report) -> dict[str, Any]:
    made = document(report)
    made |= {"model": report.model.id, "benchmark": report.benchmark.id}
    made["findings"] = [{**asdict(finding), "mark": finding.mark} for finding in report.findings]
    return made


def listed(records: Sequence[Record]) -> str:
    rows = [[record.id, record.kind, str(record.year or ""), record.family, cut(record.about)] for record in records]
    return table(rows, right=[2])


def cut(text: str, width: int = 80) -> str:
    return textwrap.shorten(text, width, placeholder=" …") if text else ""


def shown(shown: Shown) -> str:
    record = shown.record
    year = f", {record.year}" if record.year else ""
    lines = [
        f"{record.name}  ({record.id}: {record.family} {record.kind}{year}; {', '.join(record.domains) or 'all domains'})",
        *wrapped(record.about),
    ]
    lines += [f"also called: {', '.join(record.aliases)}"] if record.aliases else []
    lines += [f"  {link}" for link in record.links]
    for key in dict.fromkeys(fact.key for fact in record.facts):
        lines += [line for fact in record.said(key) for line in wrapped(f"{key}: {said(fact)}")]
    if shown.terms and shown.terms.inherited and shown.terms.conflict:
        below = [
            f"{link.record} ({link.fact.value}){'' if link.fact.mark == 'checked' else f' [{link.fact.mark}]'}"
            for link in shown.terms.inherited
        ]
        unread = any(link.record == record.id for link in shown.terms.unread)
        stated = shown.terms.stated_use if shown.terms.stated else "not read in its source" if unread else "not recorded"
        lines += wrapped(f"licence stated: {stated}; made of what is stricter: {', '.join(below)}")
    lines += licences_left_out(record, shown.terms) if shown.terms else []
    for heading, forward, edges in (("", True, shown.out), ("", False, shown.into)):
        lines += [line for line in related(edges, forward) if line != heading]
    if shown.figures:
        lines += ["figures:", *indented(figure_table(shown.figures, of_model=record.kind == "model"))]
    for conflict in shown.conflicts:
        values = ", ".join(f"{figure.value:g}" for figure in conflict.figures)
        lines += wrapped(f"sources disagree: {conflict.model} on {conflict.benchmark}, {conflict.metric}: {values}")
    lines.append(f"record: {record.file}, line {record.line}")
    return plain_lines(lines)


def licences_left_out(record: Record, terms: Terms) -> list[str]:
    """What nobody read in its source, and what is therefore not counted in the licences that are inherited."""
    below = list(dict.fromkeys(link.record for link in terms.unread if link.record != record.id))
    lines = wrapped(f"licences not read in their source, and not counted: of {', '.join(below)}") if below else []
    if terms.left_out:
        lines += wrapped(f"licences inherited: {left_out(len(terms.left_out))}")
    return lines


def left_out(count: int, what: str = "relation") -> str:
    return (
        f"1 {what} that nobody has read in its source is left out; --unverified counts it, too."
        if count == 1
        else f"{count} {what}s that nobody has read in their source are left out; --unverified counts them, too."
    )


def said(fact: Fact) -> str:
    value = (
        ", ".join(map(str, fact.value))
        if isinstance(fact.value, list)
        else f"{fact.value:,}"
        if isinstance(fact.value, int)
        else str(fact.value)
    )
    if fact.key.startswith("licence-"):
        from auricle.landscape.licences import worded

        value = worded(fact)
    return f"{value}{f' ({fact.note})' if fact.note else ''}  [{fact.mark}: {fact.source}]"


def related(edges: Sequence[Edge], forward: bool) -> Iterator[str]:
    for type in dict.fromkeys(edge.type for edge in edges):
        names = list(dict.fromkeys(end(edge, forward) for edge in edges if edge.type == type))
        yield from wrapped(f"{VERBS[type][not forward]}: {', '.join(names)}")


def end(edge: Edge, forward: bool) -> str:
    mark = "" if edge.mark == "checked" else "?" if edge.mark == "unverified" else "~"
    counted = f" {count_of(edge)}" if edge.type == "overlaps-with" and count_of(edge) else ""
    part = f" ({edge.part})" if edge.part and edge.type != "overlaps-with" else ""
    return f"{edge.object if forward else edge.subject}{part}{counted}{mark}"


def count_of(edge: Edge) -> str:
    if edge.count is not None:
        return f"{edge.count:,}" + (f" of {edge.out_of:,}" if edge.out_of else "")
    return f"{edge.share:.1%}" if edge.share is not None else ""


def figure_table(figures: Sequence[Figure], *, of_model: bool) -> str:
    rows = []
    for figure in sorted(figures, key=lambda one: (one.benchmark if of_model else one.metric, one.metric, one.split, -one.value)):
        told = ", ".join(filter(None, [figure.variant, figure.split, figure.version, figure.protocol]))
        by = "" if figure.by == "authors" else f" by a {figure.by}"
        rows.append(
            [
                figure.benchmark if of_model else figure.model,
                figure.metric,
                f"{figure.value:g}",
                cut(told, 50),
                f"[{figure.mark}: {figure.source}{by}]",
            ]
        )
    return table(rows, right=[2])


def lineage(lineage: Lineage) -> str:
    lines = [f"{lineage.record.name} comes from"]
    lines += [tree(step) for step in lineage.up] or ["  nothing recorded"]
    lines += ["", f"{lineage.record.name} gave rise to"]
    lines += [tree(step) for step in lineage.down] or ["  nothing recorded"]
    return plain_lines(lines)


def tree(one: Step) -> str:
    edge = one.edge
    part = f" ({edge.part})" if edge.part else ""
    return f"{'  ' * one.depth}{edge.subject} {VERBS[edge.type][0]} {edge.object}{part}  [{edge.mark}]"


def step(one: Step) -> str:
    edge = one.edge
    first, second = (edge.subject, edge.object) if one.forward else (edge.object, edge.subject)
    told = "; ".join(filter(None, [edge.part, edge.object_part, count_of(edge), edge.note]))
    return plain(f"{first} {VERBS[edge.type][not one.forward]} {second}{f' ({told})' if told else ''}  [{edge.mark}: {edge.source}]")


VERDICTS = {
    "seen": "the test sounds were in the training data", "partly": "some of the test was, or may have been, in the training data",
    "same-set": "trained on the training part of the tested set", "possible": "training and test share an origin; not counted",
    "pool": "training and test come from one site", "none known": "no way is known", "unknown": "the training data are not known",
}  # fmt: skip


def report(report: Report) -> str:
    lines = [f"{report.model.name} on {report.benchmark.name}: {VERDICTS[report.verdict]}."]
    for figure in report.figures:
        told = ", ".join(filter(None, [figure.variant, figure.split, figure.version, figure.protocol]))
        lines.append(f"  score: {figure.metric} {figure.value:g}{f' ({told})' if told else ''}  [{figure.mark}: {figure.source}]")
    lines += wrapped(f"A score here can claim {report.can}.")
    lines += wrapped(f"It cannot claim {report.cannot}.")
    for finding in report.findings:
        lines.append("")
        lines += wrapped(f"{finding.level}: {finding.words}  [{finding.mark}]")
        for edge in finding.edges:
            told = "; ".join(filter(None, [edge.part, edge.object_part and f"in {edge.object_part}", edge.note]))
            lines += wrapped(
                f"  {edge.subject} {VERBS[edge.type][0]} {edge.object}{f' ({told})' if told else ''}  [{edge.mark}: {edge.source}]"
            )
    if report.left_out:
        lines += ["", *wrapped(left_out(len(report.left_out)))]
        if report.otherwise != report.verdict:
            lines += wrapped(f"With them the answer would be: {VERDICTS[report.otherwise]}.")
    if report.unpublished:
        lines += ["", *wrapped(f"Training data not published, or not recorded: {', '.join(report.unpublished)}.")]
    return plain_lines(lines)


def gap(gap: Gap) -> str:
    from auricle.landscape.gaps import LACKS, NOT_KNOWN

    said = [LACKS[lack] for lack in gap.lacks]
    if gap.not_known:
        wanted = ", ".join(NOT_KNOWN[one] for one in gap.not_known)
        said.append(f"not known, until somebody reads it in its source: whether there is {wanted}")
    lacks = "; ".join(said) or "lacks nothing that is recorded"
    have = [
        f"{len(gap.sets)} sets ({len(gap.free_sets)} free, {gap.unknown_sets} of unknown terms)",
        f"{len(gap.models)} models with weights ({len(gap.free_models)} free, {gap.unknown_models} of unknown terms)",
        f"{len(gap.benchmarks)} benchmarks",
    ]
    unread = [f"  {left_out(gap.left_out, 'statement')}"] if gap.left_out else []
    return plain_lines([*wrapped(f"{gap.task.name}: {lacks}"), f"  {', '.join(have)}", *unread])


def year(number: int, records: Sequence[Record]) -> str:
    lines = [str(number)]
    for kind in dict.fromkeys(record.kind for record in records):
        names = [record.id for record in records if record.kind == kind]
        lines += wrapped(f"  {len(names)} {kind}{'' if len(names) == 1 else 's'}: {', '.join(names)}")
    return plain_lines(lines)


def comparison(compared: Comparison) -> str:
    rows = [["", *(record.name for record in compared.records)]]
    rows += [
        ["kind", *(f"{record.family} {record.kind}" for record in compared.records)],
        ["year", *(str(record.year or "") for record in compared.records)],
    ]
    for key, columns in compared.rows.items():
        if key != "trap":
            rows.append([key, *(cut("; ".join(said(fact).split("  [")[0] for fact in facts), 44) for facts in columns)])
    lines = [table(rows)]
    for relation, ids in compared.shared.items():
        lines += wrapped(f"all {VERBS[relation][0]}: {', '.join(ids) or 'nothing in common'}")
        for record, own in zip(compared.records, compared.own[relation], strict=True):
            lines += wrapped(f"  only {record.id}: {', '.join(own)}") if own else []
    for (benchmark, metric, split), measured in compared.figures.items():
        lines.append(f"{benchmark}, {metric}{f', {split}' if split else ''}:")
        for record, figures in zip(compared.records, measured, strict=True):
            for figure in figures:
                told = ", ".join(filter(None, [figure.variant, figure.version, figure.protocol]))
                lines.append(f"  {record.id} {figure.value:g}{f' ({told})' if told else ''}  [{figure.mark}: {figure.source}]")
    return plain_lines(lines)


def wrapped(text: str) -> list[str]:
    indent = " " * (len(text) - len(text.lstrip()))
    return textwrap.wrap(text, WIDTH, initial_indent="", subsequent_indent=indent + "  ", break_long_words=False, break_on_hyphens=False)


def indented(text: str) -> list[str]:
    return [f"  {line}" for line in text.splitlines()]


def plain_lines(lines: Sequence[str]) -> str:
    return "\n".join(plain(line) for text in lines for line in (text.split("\n") if text else [""]))
