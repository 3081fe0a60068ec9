"""Pictures of the field as SVG, for talks and for the page.

landscape.pictures.draw(landscape.load(), "lineage", "clotho").svg()
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Final

from auricle.errors import UsageError
from auricle.landscape.pictures.canvas import Canvas
from auricle.landscape.pictures.lineage import RELATIONS, Link, Node, lineage
from auricle.landscape.pictures.matrix import Shared, matrix
from auricle.landscape.pictures.terrain import Placed, terrain
from auricle.landscape.pictures.timeline import Dated, timeline
from auricle.landscape.schema import Edge, Landscape, Record

KINDS: Final = {
    "timeline": "Timeline by kind",
    "map": "Family × objective × domain",
    "overlap": "Overlap of test and training data",
    "lineage": "Lineage of one work",
}
FAMILIES: Final = (("two-towers", "two towers"), ("two-heads", "two heads"), ("one-head", "one head"), ("cooperated", "cooperated"))
_LANES: Final = (
    ("sets", "c1"), ("two towers", "c3"), ("two heads", "c5"), ("one head", "c4"), ("cooperated", "c2"), ("other models", "c7"),
    ("benchmarks", "c6"),
)  # fmt: skip
_COLUMNS: Final = (
    ("contrastive", "contrastive"), ("generative", "generative"), ("discriminative", "discriminative"), ("none", "assembled, not trained"),
)  # fmt: skip
_DEPTH = 2  # steps that a lineage goes to each side


def draw(field: Landscape, kind: str, subject: str = "") -> Canvas:
    """``subject``: the id of the work whose lineage it is. Raises UsageError."""
    if kind not in KINDS:
        raise UsageError(f"there is no picture {kind!r}.", hint=f"Choose {', '.join(KINDS)}.")
    if kind == "lineage" and not subject:
        raise UsageError("a lineage is of one work.", hint="e.g. auricle landscape draw lineage clotho")
    if subject and kind != "lineage":
        raise UsageError(f"a {kind} is of the whole field.", hint=f"auricle landscape draw {kind}")
    source = source_line(field, f"{kind} {subject}".strip())
    if kind == "lineage":
        return _lineage(field, field.records[subject], source)
    return {"timeline": _timeline, "map": _map, "overlap": _overlap}[kind](field, source)


def source_line(field: Landscape, command: str) -> str:
    kinds = Counter(record.kind for record in field.records.values())
    dates = [fact.date for record in field.records.values() for fact in record.facts] + [edge.date for edge in field.edges]
    latest = f" of {max(dates)}" if dates else ""
    counts = f"{kinds['model']} models, {kinds['set']} sets, {kinds['benchmark']} benchmarks"
    return f"auricle landscape draw {command} · {counts} · records{latest}"


def degrees(field: Landscape) -> Counter[str]:
    """How many relations and figures each record has."""
    found = Counter(edge.subject for edge in field.edges) + Counter(edge.object for edge in field.edges)
    return found + Counter(figure.model for figure in field.figures) + Counter(figure.benchmark for figure in field.figures)


def _timeline(field: Landscape, source: str) -> Canvas:
    weight = degrees(field)
    works = [Dated(r.id, r.name, r.year or None, lane, weight[r.id]) for r in field.records.values() if (lane := _lane(r))]
    return timeline(works, _LANES, source)


def _lane(record: Record) -> str:
    if record.kind == "model":
        return dict(FAMILIES).get(record.family, "other models")
    return {"set": "sets", "benchmark": "benchmarks"}.get(record.kind, "")


def _map(field: Landscape, source: str) -> Canvas:
    weight = degrees(field)
    models = []
    for record in field.of("model"):
        used = [field.records[edge.object].family for edge in field.out(record.id, "uses-objective") if edge.object in field.records]
        models.append(Placed(record.id, record.name, record.family, tuple(used), tuple(record.domains), weight[record.id]))
    others = sorted({m.family for m in models} - set(dict(FAMILIES)) - {"undisclosed"})
    return terrain(models, [*FAMILIES, *((name, name.replace("-", " ")) for name in others)], _COLUMNS, source)


def _overlap(field: Landscape, source: str) -> Canvas:
    """Rows: parts of test data; columns: what was counted in them. Splits of a column add up."""
    found: dict[tuple[tuple[str, str], str], list[Edge]] = defaultdict(list)
    for edge in field.edges:
        counted = edge.type in ("overlaps-with", "derived-from") and (edge.count is not None or edge.share is not None)
        if counted and edge.subject != edge.object:
            found[(edge.subject, edge.part), edge.object].append(edge)
    wide = Counter(column for _, column in found)
    rows = sorted({row for row, _ in found}, key=lambda row: (field.records[row[0]].name.lower(), row[1]))
    columns = sorted(wide, key=lambda id: (-wide[id], field.records[id].name.lower()))
    cells = {("/".join(row), column): _shared(edges) for (row, column), edges in found.items()}
    return matrix(
        [("/".join(row), field.records[row[0]].name + (f" ({row[1]})" if row[1] not in ("", "all") else "")) for row in rows],
        [(column, field.records[column].name) for column in columns], cells, source,
    )  # fmt: skip


def _shared(edges: list[Edge]) -> Shared:
    whole = [edge for edge in edges if edge.object_part in ("", "all")]
    edges = whole[:1] or edges
    counts = [edge.count for edge in edges if edge.count is not None]
    out_of = max((edge.out_of or 0 for edge in edges), default=0)
    shares = [edge.share for edge in edges if edge.share is not None]
    share = min(1.0, sum(counts) / out_of) if counts and out_of else max(shares, default=None)
    told = "; ".join(map(_counted, edges))
    return Shared(share, f"{sum(counts):,}" if counts else "", told)


def _counted(edge: Edge) -> str:
    number = f"{edge.count:,}" if edge.count is not None else f"{edge.share:.1%}"
    where = f" in {edge.object_part}" if edge.object_part else ""
    return f"{number}{where}, {edge.basis or 'basis not told'}, {edge.source} ({edge.mark})"


def _lineage(field: Landscape, record: Record, source: str) -> Canvas:
    weight = degrees(field)
    levels = {record.id: 0}
    links: dict[tuple[str, str], Link] = {}
    for sign in (-1, 1):
        front = [record.id]
        for step in range(1, _DEPTH + 1):
            reached = []
            for id in front:
                for edge, other in _next(field, id, sign):
                    if levels.setdefault(other, sign * step) == sign * step:
                        reached.append(other)
                        links.setdefault((edge.object, edge.subject), Link(edge.object, edge.subject, edge.type, edge.mark))
            front = list(dict.fromkeys(reached))
    nodes = [Node(r.id, r.name, _told(r), level, weight[id]) for id, level in levels.items() if (r := field.records.get(id))]
    return lineage(record.name, nodes, list(links.values()), source)


def _next(field: Landscape, id: str, sign: int) -> Iterator[tuple[Edge, str]]:
    types = [edge for edge in (field.out(id) if sign < 0 else field.into(id)) if edge.type in RELATIONS]
    yield from ((edge, edge.object if sign < 0 else edge.subject) for edge in types)


def _told(record: Record) -> str:
    return ", ".join(filter(None, [record.family.replace("-", " ") if record.kind == "model" else record.kind, str(record.year or "")]))
