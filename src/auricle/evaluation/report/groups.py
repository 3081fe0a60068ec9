"""Runs that may be compared: of one benchmark by one protocol. And what models are called where two bear one name."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from auricle.evaluation.report.charts import COLOURS
from auricle.evaluation.report.document import Results, Run, Scored
from auricle.evaluation.report.numbers import plain


@dataclass(frozen=True, slots=True)
class Models:
    """``name`` and ``colour`` of every model by its name and pipeline_id."""

    known: Mapping[tuple[str, str], tuple[str, str]]

    @classmethod
    def of(cls, results: Results) -> Models:
        met = [(run.model, run.pipeline_id) for run in results.runs] + [(audit.model, audit.pipeline_id) for audit in results.audits]
        pipelines: dict[str, set[str]] = defaultdict(set)
        for name, pipeline in met:
            pipelines[name].add(pipeline)
        named = {
            key: (f"{key[0]} {key[1][-6:]}" if len(pipelines[key[0]]) > 1 else key[0], COLOURS[i % len(COLOURS)])
            for i, key in enumerate(dict.fromkeys(met))
        }
        return cls(named)

    def name(self, model: str, pipeline: str = "") -> str:
        return self.known.get((model, pipeline), (model, ""))[0]

    def colour(self, model: str, pipeline: str = "") -> str:
        return self.known.get((model, pipeline), ("", "accent"))[1]


@dataclass(frozen=True, slots=True)
class Group:
    id: str  # of its section
    title: str
    runs: Sequence[Run]

    @property
    def metric(self) -> str:
        return next((run.scores[0].metric for run in self.runs if run.scores), "")

    @property
    def n(self) -> int:
        return max((run.n for run in self.runs), default=0)

    @property
    def headlines(self) -> list[Scored]:
        return [run.scores[0] for run in self.runs if run.scores]


def groups(results: Results) -> list[Group]:
    """In each, models stand in the order in which they are first met in any."""
    found: dict[tuple[str, str], list[Run]] = {}
    order = {key: place for place, key in enumerate(dict.fromkeys((run.model, run.pipeline_id) for run in results.runs))}
    for run in results.runs:
        found.setdefault((run.benchmark, run.protocol_hash), []).append(run)
    protocols: dict[str, int] = defaultdict(int)
    for benchmark, _ in found:
        protocols[benchmark] += 1
    made = []
    for (benchmark, protocol), runs in found.items():
        runs.sort(key=lambda run: order[run.model, run.pipeline_id])
        title = runs[0].title or benchmark
        if protocols[benchmark] > 1:
            title += f" (protocol {protocol[:6]})"
        made.append(Group(slug(f"on {benchmark} {protocol[:6] if protocols[benchmark] > 1 else ''}"), title, runs))
    return made


def slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def foot(scores: Iterable[Scored], models: Models | None = None) -> list[str]:
    """Below a table: by which protocol, on which data, with which weights."""
    all_ = list(scores)
    measured: dict[tuple[str, str, str], dict[str, str]] = {}
    for score in all_:
        how = score.protocol
        what = (str(how.get("task") or ""), str(how.get("data") or ""), str(how.get("data_hash") or ""))
        measured.setdefault(what, {}).setdefault(score.protocol_hash or "not told", str(how.get("metric") or score.metric))
    lines = []
    for (task, data, data_hash), hashes in measured.items():
        told = ", ".join(f"{hash_} ({metric})" for hash_, metric in hashes.items())
        about = "; ".join(filter(None, [task, data, f"data {data_hash}" if data_hash else ""]))
        lines.append(f"protocol{'s' if len(hashes) > 1 else ''} {told}" + (f": {about}" if about else ""))
    if models is not None:
        weights = dict.fromkeys((models.name(s.model, s.pipeline_id), s.pipeline_id) for s in all_ if s.model)
        if weights:
            lines.append(
                "weights: "
                + ", ".join(pipeline if pipeline.startswith(name) else f"{name} {pipeline or 'not told'}" for name, pipeline in weights)
            )
    return lines


def baselines(score: Scored) -> str:
    return ", ".join(f"{name} {plain(value)}" for name, value in score.baselines.items())


def chance(score: Scored | None) -> float | None:
    return None if score is None else score.baselines.get("chance")


def pretty(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1, sort_keys=False, default=str)
