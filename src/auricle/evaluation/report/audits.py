"""The sections of the audits: a probe a section, all models in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from auricle.evaluation.report import charts
from auricle.evaluation.report.blocks import Block, Cell, Column, Figure, Figures, Section, Table, Words
from auricle.evaluation.report.details import scores_table
from auricle.evaluation.report.document import Audited, Curve
from auricle.evaluation.report.groups import Models, slug
from auricle.evaluation.report.numbers import between, plain, said


def sections(audits: Sequence[Audited], models: Models) -> Iterator[Section]:
    by_probe: dict[str, list[Audited]] = {}
    for audit in audits:
        by_probe.setdefault(audit.probe, []).append(audit)
    for probe, found in by_probe.items():
        rows = [(models.name(a.model, a.pipeline_id), score) for a in found for score in a.scores]
        blocks: list[Block] = [scores_table("Scores", rows, models)] if rows else []
        if figures := list(_curves(found, models)):
            blocks.append(Figures("Curves", figures))
        for words, who in _notes(found, models).items():
            blocks.append(Words(f"{', '.join(who)}: {words}" if len(found) > 1 and len(who) < len(found) else words))
        tags = ["synthetic" if all(a.synthetic for a in found) else "recorded"]
        yield Section(slug(f"audit {probe}"), found[0].title or probe, "", blocks, tags, "Audits")


def _notes(found: Sequence[Audited], models: Models) -> dict[str, list[str]]:
    said_: dict[str, list[str]] = {}
    for audit in found:
        for words in audit.notes:
            said_.setdefault(words, []).append(models.name(audit.model, audit.pipeline_id))
    return said_


def _curves(found: Sequence[Audited], models: Models) -> Iterator[Figure]:
    """Curves of one name share a figure."""
    named: dict[str, list[tuple[Audited, Curve]]] = {}
    for audit in found:
        for curve in audit.curves:
            if curve.x and curve.y:
                named.setdefault(curve.name, []).append((audit, curve))
    for name, pairs in named.items():
        first = pairs[0][1]
        lines = [
            charts.Line(models.name(a.model, a.pipeline_id), c.x, c.y, c.low, c.high, models.colour(a.model, a.pipeline_id))
            for a, c in pairs
        ]
        columns = [Column("model"), Column(first.x_label or "x", True), Column(first.y_label or "value", True)]
        table = Table(name, columns, [row for line in lines for row in _rows(line)], _hashes(pairs))
        yield Figure(name, charts.curves(lines, first.x_label, first.y_label, f"{name} against {first.x_label}"), "", table)


def _hashes(pairs: Sequence[tuple[Audited, Curve]]) -> list[str]:
    return ["protocol " + ", ".join(dict.fromkeys(audit.protocol_hash or "not told" for audit, _ in pairs))]


def _rows(line: charts.Line) -> Iterator[list[Cell]]:
    for i, (x, y) in enumerate(zip(line.x, line.y, strict=False)):
        low = line.low[i] if i < len(line.low) else None
        high = line.high[i] if i < len(line.high) else None
        yield [Cell(line.name), Cell(said(x)), Cell(plain(y), between(low, high))]
