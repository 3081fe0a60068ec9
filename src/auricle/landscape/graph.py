"""Walks over the relations: where a work comes from, what grew from it, how two records hang together."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from auricle.landscape.loading import load
from auricle.landscape.names import resolve
from auricle.landscape.schema import MARKS, Edge, Landscape, Mark, Record, RelationType

LINEAGE: tuple[RelationType, ...] = ("builds-on", "derived-from", "trained-on")


@dataclass(frozen=True, slots=True)
class Step:
    """One relation on a walk; ``depth`` 1 touches the record that was asked about."""

    edge: Edge
    depth: int
    forward: bool  # from subject to object


@dataclass(frozen=True, slots=True)
class Lineage:
    record: Record
    up: list[Step]  # what it was made of, nearest first
    down: list[Step]  # what was made of it


def trace(name: str, *, depth: int = 6, field: Landscape | None = None) -> Lineage:
    """What a record was built on, derived from and trained on, and what grew from it."""
    field = field or load()
    record = resolve(field, name)
    up = list(walk(field, record.id, LINEAGE, depth=depth))
    down = list(walk(field, record.id, LINEAGE, depth=depth, forward=False))
    return Lineage(record, up, down)


def walk(field: Landscape, start: str, types: Sequence[RelationType], *, depth: int = 99, forward: bool = True) -> Iterator[Step]:
    """Every relation met in order of distance; a record is left once."""
    seen, line = {start}, deque([(start, 1)])
    while line:
        id, level = line.popleft()
        if level > depth:
            continue
        for edge in field.out(id, *types) if forward else field.into(id, *types):
            yield Step(edge, level, forward)
            onward = edge.object if forward else edge.subject
            if onward not in seen:
                seen.add(onward)
                line.append((onward, level + 1))


def path(first: str, second: str, *, field: Landscape | None = None) -> list[Step]:
    """The shortest chain of relations, whichever way they point; empty where there is none.

    Relations of matter (data, parts, derivation) count less than those that nearly everything shares, such as a task or an objective.
    """
    field = field or load()
    start, goal = resolve(field, first).id, resolve(field, second).id
    cost = {start: 0.0}
    came: dict[str, tuple[str, Edge, bool]] = {}
    open_ = {start}
    while open_:
        here = min(open_, key=lambda id: (cost[id], id))
        open_.remove(here)
        if here == goal:
            break
        near = [(edge, edge.object, True) for edge in field.out(here)] + [(edge, edge.subject, False) for edge in field.into(here)]
        for edge, there, forward in near:
            if edge.count == 0:  # what was counted as nothing ties nothing
                continue
            price = cost[here] + (3.0 if edge.type in ("solves-task", "uses-objective") else 1.0)
            price += 0.0 if edge.share == 1.0 else 0.01  # of two relations between the same, that of the whole
            if price < cost.get(there, float("inf")):
                cost[there], came[there] = price, (here, edge, forward)
                open_.add(there)
    steps: list[Step] = []
    while goal != start:
        if goal not in came:
            return []
        goal, edge, forward = came[goal]
        steps.append(Step(edge, 0, forward))
    steps.reverse()
    return [Step(step.edge, i, step.forward) for i, step in enumerate(steps, 1)]


def weakest(marks: Sequence[Mark]) -> Mark:
    """A chain holds as well as its weakest link."""
    return max(marks, key=MARKS.index, default="checked")
