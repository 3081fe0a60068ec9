"""What is heard from when to when: PSDS over all thresholds, and event F1 of what ``auricle detect`` gives.

Items carry timed events; scenes of the world are composed as they are opened. All labels are asked at once. A model that is not calibrated
gives no events, and has PSDS alone. See :mod:`auricle.evaluation.events` for the measures.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from auricle.audio import Audio
from auricle.data.items import Item
from auricle.errors import DataError
from auricle.evaluation import events
from auricle.evaluation.benchmark import Finding, Task
from auricle.evaluation.cache import packed, unpacked
from auricle.evaluation.hearing import Control, Hearing
from auricle.evaluation.kinds.base import Answers, Measured, attempt, need, outcome_of, settings
from auricle.evaluation.scenes import Truth, union
from auricle.models.capabilities import EmbedsAudio, EmbedsText
from auricle.tasks.detect import Rules

KNOWN = {"groups": None, "per_group": None}  # of composed scenes
HEADLINE = "PSDS1"


class Detecting:
    name = "detecting"
    controls: tuple[Control, ...] = ("silence", "noise", "other")

    def check(self, model: Any) -> None:
        need(model, EmbedsAudio, EmbedsText, why="detection of events")

    def lint(self, task: Task) -> list[Finding]:
        settings(task, KNOWN)
        if not any(item.events for item in task.items):
            raise DataError(
                "Missing", f"{task.benchmark.name}: no item has events with times.", hint="Give the set's tables of strong labels."
            )
        late = [i.id for i in task.items if i.duration and any(e.end > i.duration + 0.5 for e in i.events)]
        return [Finding("warning", "times", f"{len(late)} items have events after their end ({late[0]} …)")] if late else []

    def answer(self, model: Any, task: Task, hearing: Hearing) -> Answers:
        labels = _labels(task)
        reader, calibrated = events.reader_for([task.benchmark.classes.get(label, label.lower()) for label in labels], model)
        rules = Rules.of(model) if calibrated else None
        asked = {"events": labels, "as": list(reader.labels), "rules": None if rules is None else repr(rules)}

        def listen(audio: Audio | None) -> dict[str, Any]:
            assert audio is not None
            found = events.listen(audio, reader, model, calibrated=calibrated, rules=rules)
            spans = None if found.events is None else [[a, b, labels[reader.labels.index(said)]] for a, b, said in found.events]
            return {"edges": packed(found.edges), "values": packed(found.values.astype(np.float32)), "events": spans}

        outcomes, heard = [], []
        for item in task.items:
            failed, value = attempt(hearing, item, partial(hearing.once, item, asked, listen))
            one = _heard(labels, value, calibrated)
            heard.append(one)
            if value is not None:
                hearing.heard(item, float(one.edges[-1] - one.edges[0]))
            truth = [[round(e.start, 3), round(e.end, 3), e.label] for e in item.events]
            said = [[round(a, 3), round(b, 3), label] for a, b, label in one.events or ()]
            outcomes.append(outcome_of(hearing, item, truth, failed, said, _ranked(one, item)))
        return Answers(tuple(outcomes), {"heard": heard, "calibrated": calibrated, "headline": hearing.condition is not None})

    def score(self, model: Any, task: Task, answers: Answers) -> Measured:
        heard, labels = answers.kept["heard"], _labels(task)
        truths = [_truth(task, item, outcome.given_seconds) for item, outcome in zip(task.items, answers.outcomes, strict=True)]
        data = task.held.name
        curves = events.psds_scores(data, truths, heard, labels, model)
        if answers.kept["headline"]:
            return Measured((next(curves),))
        scores = [*curves]
        if answers.kept["calibrated"]:
            scores += events.f1_scores(data, truths, heard, labels, model)
        return Measured(tuple(scores), {"classes": labels})


def _labels(task: Task) -> list[str]:
    """Those that have an event somewhere."""
    return sorted({event.label for item in task.items for event in item.events})


def _truth(task: Task, item: Item, seconds: float) -> Truth:
    """Events of one label that touch or overlap are one."""
    spans = [
        (start, end, label)
        for label in sorted({event.label for event in item.events})
        for start, end in union([(event.start, event.end) for event in item.events if event.label == label])
    ]
    length = item.duration or seconds or max((end for _, end, _ in spans), default=0.0)
    return Truth(item.id, task.source(item), length, tuple(sorted(spans)), frozenset(item.extra.get("perhaps", ())))


def _heard(labels: list[str], value: dict[str, Any] | None, calibrated: bool) -> events.Heard:
    """As it was kept; nothing at all for an item that was not heard."""
    if value is None:
        return events.Heard(tuple(labels), np.array([0.0, 0.01]), np.full((1, len(labels)), -1e9), () if calibrated else None)
    found = value["events"]
    spans = None if found is None else tuple((float(a), float(b), str(label)) for a, b, label in found)
    return events.Heard(tuple(labels), unpacked(value["edges"]), unpacked(value["values"]).astype(np.float64), spans)


def _ranked(heard: events.Heard, item: Item) -> float:
    """Average precision of the item's own labels, ranked by their peaks: what the item adds for the report's worst and best."""
    own = {event.label for event in item.events}
    if not own:
        return float(not heard.events)
    order = np.argsort(-heard.values.max(axis=0), kind="stable")
    hits, total = 0, 0.0
    for place, k in enumerate(order, 1):
        if heard.labels[k] in own:
            hits += 1
            total += hits / place
    return total / len(own)
