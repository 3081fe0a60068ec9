"""One schema for all that is learned from and measured on: labelled sound, sound with text, questions, timed events.

An :class:`Item` is one line of a manifest, as JSON without the fields that are empty. The JSON reads back as the same value; an unknown
key, a wrong type or a path that leaves the manifest's folder is an error that names file and line.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from auricle.errors import DataError

MAX_TEXT = 20_000  # characters of one label, caption, question or answer
MAX_LIST = 10_000  # labels, captions, questions or events of one item

_WORD = re.compile(r"\w", re.UNICODE)
_DRIVE = re.compile(r"[A-Za-z]:")
_SHARD = re.compile(r"(?P<shard>.+?\.tar)#(?P<member>.+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Question:
    """``options``: the choices, if it has some. ``kind``: what is asked for, e.g. ``yes/no``, ``count``, ``order``."""

    question: str
    answer: str
    options: tuple[str, ...] = ()
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """Something heard from ``start`` to ``end``, seconds from the start of the item."""

    start: float
    end: float
    label: str


@dataclass(frozen=True, slots=True)
class Item:
    """One sound, or one text without sound, with what is known of it."""

    id: str  # unique in its manifest
    audio: str | None = None  # path relative to the manifest's folder, or "shard.tar#member"; None: text only
    start: float = 0.0  # seconds of the file where the item begins
    end: float | None = None  # and where it ends; None: at the end of the file
    duration: float | None = None  # seconds of the item, where known
    labels: tuple[str, ...] = ()
    captions: tuple[str, ...] = ()
    questions: tuple[Question, ...] = ()
    events: tuple[Event, ...] = ()
    split: str = ""  # train, dev, test, fold1 …
    set: str = ""  # name of the set it is from
    clip: str = ""  # what must stay on one side of a split: source clip or family, e.g. "freesound:100032", "youtube:r1nicOVtvkQ"
    source: str = ""  # package==version/path, URL or id
    licence: str = ""  # as its source states it; "" where it states none
    hash: str = ""  # auricle.audio.content_hash of the audio's bytes
    extra: Mapping[str, Any] = field(default_factory=dict)  # instrument, pitch, tempo, speaker …: JSON values

    @property
    def cluster(self) -> str:
        """What varies together: all of one source clip; itself where that is not known."""
        return self.clip or self.id


_TEXTS = ("split", "set", "clip", "source", "licence", "hash")
_NAMES = tuple(f.name for f in fields(Item))


def as_document(item: Item) -> dict[str, Any]:
    """JSON-ready, in the order of the fields, without those that are empty."""
    document: dict[str, Any] = {"id": item.id}
    for name in _NAMES[1:]:
        value = getattr(item, name)
        if value is None or value == () or value == "" or value == {} or (name == "start" and value == 0.0):
            continue
        document[name] = value
    if item.labels:
        document["labels"] = list(item.labels)
    if item.captions:
        document["captions"] = list(item.captions)
    if item.questions:
        document["questions"] = [_question_document(q) for q in item.questions]
    if item.events:
        document["events"] = [{"start": e.start, "end": e.end, "label": e.label} for e in item.events]
    if item.extra:
        document["extra"] = dict(item.extra)
    return document


def as_line(item: Item) -> str:
    """One line of JSON. What is no UTF-8 in a path is escaped, so that it reads back."""
    document = as_document(item)
    text = json.dumps(document, ensure_ascii=False, allow_nan=False)
    return text if _encodes(text) else json.dumps(document, allow_nan=False)


def from_line(text: str, path: str = "", line: int = 0) -> Item:
    """Raises DataError (Invalid) that names ``path`` and ``line``."""
    try:
        document = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse)
    except RecursionError:
        raise invalid("is nested too deep", path, line) from None
    except ValueError as error:
        raise invalid(f"is no JSON ({error})", path, line, "Each line is one JSON object.") from None
    return from_document(document, path, line)


def from_document(document: object, path: str = "", line: int = 0) -> Item:
    """The inverse of :func:`as_document`. Raises DataError (Invalid)."""
    try:
        return _item(document)
    except ValueError as error:
        raise invalid(str(error), path, line) from None


def invalid(what: str, path: str, line: int, hint: str = "Correct it there, or make the manifest anew.") -> DataError:
    where = f"{path}:{line}: " if path and line else f"{path}: " if path else ""
    return DataError("Invalid", f"{where}{what}.", path=path, line=line, hint=hint)


def parts_of(audio: str) -> tuple[str, str | None]:
    """``shard.tar#member`` → both; a plain path → itself and None."""
    match = _SHARD.fullmatch(audio)
    return (match["shard"], match["member"]) if match else (audio, None)


def check_relative(path: str) -> None:
    """Raises ValueError for a path that is absolute, leaves the folder, or is no path of a file."""
    if not path or "\0" in path:
        raise ValueError("is empty" if not path else "holds a zero byte")
    if path.startswith(("/", "\\", "~")) or _DRIVE.match(path) or "://" in path:
        raise ValueError(f"{path!r} is not relative to the manifest's folder")
    if ".." in re.split(r"[/\\]", path):
        raise ValueError(f"{path!r} leaves the manifest's folder")


def has_words(text: str) -> bool:
    return _WORD.search(text) is not None


# ---------------------------------------------------------------------------------------------------------------- validation


def _item(document: object) -> Item:
    if not isinstance(document, dict):
        raise ValueError("is no JSON object")
    unknown = [key for key in document if key not in _NAMES]
    if unknown:
        raise ValueError(f"unknown key {unknown[0]!r} (known: {', '.join(_NAMES)}; what else there is belongs into extra)")
    values: dict[str, Any] = {"id": _text(document.get("id"), "id", words=False)}
    if not values["id"]:
        raise ValueError("it has no id")
    audio = document.get("audio")
    if audio is not None:
        values["audio"] = _audio(audio)
    start = document.get("start")
    values["start"] = 0.0 if start is None else _seconds(start, "start")
    for name in ("end", "duration"):
        if document.get(name) is not None:
            values[name] = _seconds(document[name], name)
    if values.get("end") is not None and values["end"] <= values["start"]:
        raise ValueError(f"end ({values['end']}) is not after start ({values['start']})")
    for name in _TEXTS:
        if document.get(name) is not None:
            values[name] = _text(document[name], name, words=False)
    for name in ("labels", "captions"):
        values[name] = tuple(_text(t, f"{name}[{i}]") for i, t in enumerate(_list(document.get(name), name)))
    values["questions"] = tuple(_question(q, f"questions[{i}]") for i, q in enumerate(_list(document.get("questions"), "questions")))
    values["events"] = tuple(_event(e, f"events[{i}]") for i, e in enumerate(_list(document.get("events"), "events")))
    extra = document.get("extra")
    if extra is not None:
        if not isinstance(extra, dict):
            raise ValueError("extra is no JSON object")
        values["extra"] = extra
    return Item(**values)


def _audio(value: object) -> str:
    text = _text(value, "audio", words=False)
    for part in parts_of(text):
        if part is not None:
            try:
                check_relative(part)
            except ValueError as error:
                raise ValueError(f"audio: {error}") from None
    return text


def _text(value: object, name: str, *, words: bool = True) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{name} is no text" if value is not None else f"it has no {name}")
    if len(value) > MAX_TEXT:
        raise ValueError(f"{name} is longer than {MAX_TEXT} characters")
    if words and not has_words(value):
        raise ValueError(f"{name} has no words")
    return value


def _seconds(value: object, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        raise ValueError(f"{name} is no number of seconds from 0")
    return float(value)


def _list(value: object, name: str) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise ValueError(f"{name} is no list")
    if len(value) > MAX_LIST:
        raise ValueError(f"{name} holds more than {MAX_LIST}")
    return value


def _question(value: object, name: str) -> Question:
    document = _object(value, name, ("question", "answer", "options", "kind"))
    options = tuple(_text(o, f"{name}.options[{i}]", words=False) for i, o in enumerate(_list(document.get("options"), f"{name}.options")))
    answer = _text(document.get("answer"), f"{name}.answer", words=False)
    kind = _text(document.get("kind", ""), f"{name}.kind", words=False)
    return Question(_text(document.get("question"), f"{name}.question"), answer, options, kind)


def _event(value: object, name: str) -> Event:
    document = _object(value, name, ("start", "end", "label"))
    start, end = _seconds(document.get("start"), f"{name}.start"), _seconds(document.get("end"), f"{name}.end")
    if end <= start:
        raise ValueError(f"{name} ends at {end}, which is not after its start {start}")
    return Event(start, end, _text(document.get("label"), f"{name}.label"))


def _object(value: object, name: str, known: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{name} is no JSON object")
    unknown = [key for key in value if key not in known]
    if unknown:
        raise ValueError(f"unknown key {unknown[0]!r} in {name} (known: {', '.join(known)})")
    return value


def _question_document(question: Question) -> dict[str, Any]:
    document: dict[str, Any] = {"question": question.question, "answer": question.answer}
    if question.options:
        document["options"] = list(question.options)
    if question.kind:
        document["kind"] = question.kind
    return document


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"key {twice!r} stands twice")
    return document


def _refuse(name: str) -> float:
    raise ValueError(f"{name} is no number of JSON")


def _encodes(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
