"""How ``auricle data`` prints what it found."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from auricle.cli import output

if TYPE_CHECKING:
    from auricle.data.check import Report
    from auricle.data.overlap import Edge, Overlaps
    from auricle.data.sets import Descriptor

_SHOWN = 20  # of the inputs that failed


def emit(report: Report) -> None:
    """JSON lines: each has a ``kind``; the last one says whether all is well."""
    for failure in report.broken:
        output.fail(failure, True)
    for lie in report.lies:
        output.emit_document({"kind": "lie", **asdict(lie)})
    for part in report.parts:
        output.emit_document({"kind": "part", **asdict(part)})
    for row in report.licences:
        output.emit_document({"kind": "licence", **asdict(row)})
    for where, overlaps in (("within", report.twice), ("against", report.against)):
        for edge in overlaps.edges if overlaps else ():
            output.emit_document(
                {"kind": "overlap", "where": where, "leak": overlaps is not None and edge in overlaps.leaks, **_edge(edge)}
            )
    for known in report.known:
        output.emit_document({"kind": "known", **asdict(known)})
    for declared in report.declared:
        output.emit_document({"kind": "declared", **asdict(declared)})
    output.emit_document(
        {"kind": "summary", "ok": report.ok, "broken": len(report.broken), "lies": len(report.lies), "heard": report.heard}
    )


def _edge(edge: Edge) -> dict[str, Any]:
    document = asdict(edge)
    document["same"] = document.pop("kind")
    return document


def show(report: Report) -> None:
    for failure in report.broken[:_SHOWN]:
        output.fail(failure, False)
    if len(report.broken) > _SHOWN:
        output.note(f"auricle: … and {len(report.broken) - _SHOWN} more that are missing or broken; --json names all.")
    rows = [["set and split", "items", "sounds", "hours", "labels", "captions", "questions", "events"]]
    rows += [
        [p.group, str(p.items), str(p.sounds), f"{p.hours:.2f}", str(p.labels), str(p.captions), str(p.questions), str(p.events)]
        for p in report.parts
    ]
    output.say(output.table(rows, right=range(1, 8)))
    output.say("\nLicences")
    output.say(output.indented(output.table([[str(r.items), r.licence, r.notes] for r in report.licences], right=[0])))
    if report.lies:
        output.say("\nNot what they say")
        output.say(
            output.indented(output.table([[lie.id, lie.what, f"says {lie.stated}", f"is {lie.found}"] for lie in report.lies[:_SHOWN]]))
        )
    _overlaps("Twice, or in two splits", report.twice)
    if report.against is not None:
        _overlaps("On both sides", report.against)
    if report.known:
        output.say("\nKnown of these sets, by their names")
        rows = [[f"{k.left} and {k.right}", k.count, f"of {k.of}" if k.of else "", k.basis, k.mark] for k in report.known]
        output.say(output.indented(output.table(rows)))
    if report.declared:
        output.say("\nDeclared in the landscape, by the names of the sets")
        rows = [list(row) for row in dict.fromkeys((one.says, f"{one.source} ({one.mark})") for one in report.declared)]
        output.say(output.indented(output.table(rows[:_SHOWN])))
        if len(rows) > _SHOWN:
            output.say(f"  … and {len(rows) - _SHOWN} more; --json names all, --against OTHER asks for one.")
    broken = output.count(len(report.broken), "broken or missing input")
    verdict = "All is well" if report.ok else "Not well"
    leaks = len(report.twice.leaks) + (len(report.against.leaks) if report.against else 0)
    unheard = "" if report.heard else " Sounds were not heard (--no-hear)."
    output.say(f"\n{verdict}: {broken}, {output.count(len(report.lies), 'lie')}, {output.count(leaks, 'leak')}.{unheard}")


def _overlaps(title: str, overlaps: Overlaps) -> None:
    from auricle.data.overlap import MEANING

    output.say(f"\n{title}")
    if not overlaps.edges:
        output.say("  nothing")
        return
    rows = []
    for edge in overlaps.edges:
        pair = edge.examples[0]
        where = edge.left if edge.left == edge.right else f"{edge.left} ({edge.left_items}) and {edge.right} ({edge.right_items})"
        count = f"{edge.right_items} more" if edge.left == edge.right else ""
        leak = "LEAK" if edge in overlaps.leaks else ""
        likeness = f"{pair.similarity:.2f} " if edge.kind in ("sound", "near-caption") else ""
        rows.append([leak, MEANING[edge.kind], f"{where} {count}".strip(), f"e.g. {likeness}{_short(pair.left)} = {_short(pair.right)}"])
    output.say(output.indented(output.table(rows)))


def _short(id: str) -> str:
    return id if len(id) <= 40 else "…" + id[-39:]


def described(set: Descriptor) -> str:
    """A set for people."""
    rows = [
        ["gives", f"{set.gives} ({set.domain})"], ["size", set.size], ["audio from", set.audio_from], ["licence", set.licence],
        *[["", claim] for claim in set.claims], ["at", set.host], *([["use", set.use]] if set.use else []),
        ["marks", set.marks], ["layout", f"{set.layout.kind}; {set.layout_from}"], ["tests load", set.proven],
    ]  # fmt: skip
    lines = [f"{set.title} ({set.id})", output.indented(output.table(rows))]
    if set.overlaps:
        shared = [[o.other, o.count, f"of {o.of}" if o.of else "", o.basis, o.mark] for o in set.overlaps]
        lines += ["shares with", output.indented(output.table(shared))]
    if set.protocol:
        lines += ["protocol", output.indented(set.protocol)]
    return "\n".join(lines)


@contextmanager
def progress(quiet: bool, what: str) -> Iterator[Any]:
    """A callback (done, total; total 0: unknown): a bar on a terminal, else a line every ten seconds."""
    if quiet:
        yield None
        return
    if not output.is_terminal():
        import time

        last = time.monotonic()

        def lines(done: int, total: int) -> None:
            nonlocal last
            if time.monotonic() - last >= 10:
                last = time.monotonic()
                output.note(f"{done}/{total} {what}" if total else f"{done} {what}")

        yield lines
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    columns = (BarColumn(bar_width=24), TextColumn("{task.description}", markup=False))
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(
            task, total=total or None, completed=done, description=f"{done}/{total} {what}" if total else f"{done} {what}"
        )
