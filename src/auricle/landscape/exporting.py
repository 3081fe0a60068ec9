"""The field as one file that other programs read: JSON, CSV, GraphML."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import asdict
from xml.etree import ElementTree as xml

from auricle.errors import UsageError
from auricle.landscape.loading import load
from auricle.landscape.schema import Landscape

FORMATS = ("json", "csv", "graphml")


def export(format: str, *, field: Landscape | None = None) -> str:
    """json: all of it. csv: a row a statement (facts, relations, figures). graphml: records and relations, for graph tools."""
    field = field or load()
    if format not in FORMATS:
        raise UsageError(f"there is no format {format!r}.", hint=f"Choose from {', '.join(FORMATS)}.")
    return {"json": _json, "csv": _csv, "graphml": _graphml}[format](field)


def _json(field: Landscape) -> str:
    document = {
        "records": [asdict(record) for record in field.records.values()],
        "edges": [asdict(edge) for edge in field.edges],
        "figures": [asdict(figure) for figure in field.figures],
    }
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def _csv(field: Landscape) -> str:
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(["statement", "subject", "key", "value", "detail", "source", "mark", "date"])
    for record in field.records.values():
        for fact in record.facts:
            value = "; ".join(fact.value) if isinstance(fact.value, list) else fact.value
            rows.writerow(["fact", record.id, fact.key, value, fact.note, fact.source, fact.mark, fact.date])
    for edge in field.edges:
        counted = (
            f"{edge.count} of {edge.out_of}" if edge.count is not None and edge.out_of else "" if edge.count is None else str(edge.count)
        )
        detail = "; ".join(filter(None, [edge.part, edge.object_part, counted, edge.basis, edge.note]))
        rows.writerow(["relation", edge.subject, edge.type, edge.object, detail, edge.source, edge.mark, edge.date])
    for figure in field.figures:
        detail = "; ".join(filter(None, [figure.variant, figure.split, figure.version, figure.protocol, figure.by, figure.note]))
        rows.writerow(
            ["figure", figure.model, f"{figure.benchmark} {figure.metric}", figure.value, detail, figure.source, figure.mark, figure.date]
        )
    return out.getvalue()


def _graphml(field: Landscape) -> str:
    root = xml.Element("graphml", xmlns="http://graphml.graphdrawing.org/xmlns")
    for owner, names in (("node", ("name", "kind", "family", "year", "domains")), ("edge", ("type", "mark", "source", "count", "note"))):
        for name in names:
            kind = "int" if name in ("year", "count") else "string"
            xml.SubElement(root, "key", {"id": f"{owner}-{name}", "for": owner, "attr.name": name, "attr.type": kind})
    graph = xml.SubElement(root, "graph", edgedefault="directed")
    for record in field.records.values():
        node = xml.SubElement(graph, "node", id=record.id)
        _data(node, "node", name=record.name, kind=record.kind, family=record.family, year=record.year, domains=" ".join(record.domains))
    for edge in field.edges:
        line = xml.SubElement(graph, "edge", source=edge.subject, target=edge.object)
        _data(line, "edge", type=edge.type, mark=edge.mark, source=edge.source, count=edge.count, note=edge.note)
    xml.indent(root)
    return "<?xml version='1.0' encoding='utf-8'?>\n" + xml.tostring(root, encoding="unicode") + "\n"


def _data(parent: xml.Element, owner: str, **values: object) -> None:
    for name, value in values.items():
        if value not in (None, "", 0) or (name == "count" and value == 0):
            xml.SubElement(parent, "data", key=f"{owner}-{name}").text = str(value)
