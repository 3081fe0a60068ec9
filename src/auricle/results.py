"""What tasks give back. ``--json`` prints these as JSON lines; keys are added, never renamed. Seconds are floats."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Classification:
    """``scores`` are probabilities when ``calibrated`` (each label on its own; over all labels if ``exclusive``), else similarities."""

    path: str
    scores: Mapping[str, float]
    none: float | None
    calibrated: bool
    exclusive: bool
    model: str
    pipeline_id: str


@dataclass(frozen=True, slots=True)
class Hit:
    """A moment in a recording. ``parts``: what each source of evidence gave, e.g. sound, words, texts."""

    path: str
    start: float
    end: float
    score: float
    parts: Mapping[str, float]
    recording_id: int
    duration: float
    rate: int
    channels: int
    tags: tuple[str, ...]
    copies: tuple[str, ...]  # other paths of the same content
    why: Mapping[str, str]  # for people: which words matched where
    model: str
    pipeline_id: str


@dataclass(frozen=True, slots=True)
class Detection:
    """An event: ``label`` is heard from ``start`` to ``end``. ``score``: its highest probability there."""

    path: str
    start: float
    end: float
    label: str
    score: float
    model: str
    pipeline_id: str


@dataclass(frozen=True, slots=True)
class Span:
    """``text``, a sound of a longer text, is best heard from ``start`` to ``end``, so many standard deviations above ordinary sounds."""

    text: str
    start: float
    end: float
    score: float


@dataclass(frozen=True, slots=True)
class Match:
    """How well a text fits: standard deviations above ordinary sounds, the mean over its sounds.

    spans: none for a text without order.
    """

    path: str
    text: str
    score: float
    spans: tuple[Span, ...]
    model: str
    pipeline_id: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """What supports a claim: it is heard from ``start`` to ``end``, with that probability at its highest. Not a proof."""

    claim: str
    start: float
    end: float
    score: float


@dataclass(frozen=True, slots=True)
class Caption:
    """What is said of ``start`` to ``end``. ``unsupported``: claims without evidence; ``caption`` lacks them unless they are kept."""

    path: str
    start: float
    end: float
    caption: str
    evidence: tuple[Evidence, ...]
    unsupported: tuple[str, ...]
    model: str
    pipeline_id: str


@dataclass(frozen=True, slots=True)
class Summary:
    """What a timeline of captions tells: every sound that evidence supports, in the order in which they are first heard."""

    path: str
    start: float
    end: float
    summary: str
    sounds: tuple[Evidence, ...]
    model: str
    pipeline_id: str


@dataclass(frozen=True, slots=True)
class Answer:
    """``start``, ``end``: what was listened to. ``scores``: log-likelihood by option, where there were some.

    cannot_tell: the sound does not answer the question. unsupported: what the answer claims without evidence.
    """

    path: str
    question: str
    answer: str
    evidence: tuple[Evidence, ...]
    unsupported: tuple[str, ...]
    cannot_tell: bool
    start: float
    end: float
    scores: Mapping[str, float]
    model: str
    pipeline_id: str


@dataclass(frozen=True, slots=True)
class TaughtSummary:
    """What was taught. ``labels``: a mapping each with label, examples, distinct, rejected, score, low, high, found, false_alarms.

    ``score``, the mean over labels: how often a held-back example stands above a sound that is not of its label (chance is 0.5), within
    ``low`` to ``high`` at 95 %; None where there are too few distinct examples to say.
    """

    name: str
    path: str
    labels: tuple[Mapping[str, Any], ...]
    score: float | None
    low: float | None
    high: float | None
    background: str
    warnings: tuple[str, ...]
    seconds: float
    model: str
    pipeline_id: str


@dataclass(frozen=True, slots=True)
class Embedding:
    path: str | None
    text: str | None
    start: float | None
    end: float | None
    vector: tuple[float, ...]
    model: str
    pipeline_id: str


@dataclass(frozen=True, slots=True)
class Failure:
    """An input that could not be used. ``kind`` is one of ``errors.AudioErrorKind``; ``hint`` is the way out."""

    path: str
    error: str
    kind: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class IndexSummary:
    """The last line of ``index --json``."""

    recordings: int  # in the library now
    windows: int  # in the library now
    hours: float  # in the library now
    added: int
    unchanged: int
    updated: int
    moved: int
    vanished: int  # not found any more; still in the library unless pruned
    pruned: int
    skipped: int  # files met that are not audio by name and content
    failed: int
    seconds: float
    model: str
    pipeline_id: str
    warnings: tuple[str, ...] = ()  # what a person should know: a drive that is not there, an unreadable transcript


@dataclass(frozen=True, slots=True)
class DuplicateGroup:
    """Recordings that hold the same sound. ``kind``: "exact" (same bytes) or "near" (similarity ≥ the threshold)."""

    kind: str
    similarity: float
    paths: tuple[str, ...]
    durations: tuple[float, ...]
    model: str
    pipeline_id: str


def as_json(result: object) -> dict[str, Any]:
    """A dataclass of this module as JSON-ready keys. A path that is not UTF-8 is made readable and adds ``path_bytes`` (base64)."""
    if not is_dataclass(result) or isinstance(result, type):
        raise TypeError(f"not a result: {type(result).__name__}")
    document: dict[str, Any] = {}
    for f in fields(result):
        value = getattr(result, f.name)
        document[f.name] = _plain(value)
        if f.name == "path" and isinstance(value, str) and readable(value) != value:
            document["path_bytes"] = base64.b64encode(os.fsencode(value)).decode("ascii")
    return document


def json_line(result: object) -> str:
    return json.dumps(as_json(result), ensure_ascii=False, allow_nan=False)


def hits_from_json(lines: Iterable[str]) -> list[Hit]:
    """Read back what ``search --json`` printed. Blank lines and lines that tell of a failure are passed over.

    Raises UsageError naming the line that is no moment.
    """
    from auricle.errors import UsageError

    hits = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            document = json.loads(line)
            if "error" in document:
                continue
            if "path_bytes" in document:
                document["path"] = os.fsdecode(base64.b64decode(document["path_bytes"]))
            known = {f.name: document.get(f.name, _MISSING[f.name]) for f in fields(Hit)}
            hits.append(Hit(**{**known, "path": document["path"], "start": float(document["start"]), "end": float(document["end"])}))
        except (ValueError, KeyError, TypeError, AttributeError):
            raise UsageError(
                f"line {number} is no moment: {line.strip()[:80]}", hint="Pipe in what `auricle search --json` prints."
            ) from None
    return hits


# What a moment lacks when it comes from elsewhere and names only path, start and end.
_MISSING: dict[str, Any] = {
    "path": "", "start": 0.0, "end": 0.0, "score": 0.0, "parts": {}, "recording_id": 0, "duration": 0.0, "rate": 0, "channels": 0,
    "tags": (), "copies": (), "why": {}, "model": "", "pipeline_id": "",
}  # fmt: skip


def readable(path: str) -> str:
    """A path that any terminal or JSON reader takes: undecodable bytes become U+FFFD."""
    return os.fsencode(path).decode("utf-8", "replace")


def _plain(value: object) -> Any:
    if isinstance(value, str):
        return readable(value)
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(v) for v in value]
    if is_dataclass(value) and not isinstance(value, type):
        return as_json(value)
    if isinstance(value, float):
        return round(value, 6)
    return value
