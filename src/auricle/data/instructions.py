"""What language models are tuned on elsewhere, as items: one sound, prompts and answers.

    slam      SLAM-LLM: JSON lines with ``source`` (the sound), ``target`` (the answer), and where there are such ``key`` and ``prompt``
    ltu       LTU: a JSON list with ``audio_id`` (the sound), ``instruction``, ``input``, ``output``, ``dataset``, ``task``
    messages  LLaMA-Factory, ms-swift: JSON lines or a JSON list with ``messages`` of ``role`` and ``content``, and ``audios``

A conversation is asked turn by turn: what was said before stands in the prompt. Sounds of one path become one item with all that is asked
about it. Raises DataError that names file and line (of a list: the entry).
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from typing import Any

from auricle.data.items import Item, from_document, has_words, invalid
from auricle.data.saving import Found, missing
from auricle.errors import DataError, UsageError

MARK = "<audio>"  # where a message has its sound
UNASKED = "Describe the recording."  # the prompt of SLAM-LLM lines that have none: there it stands in the training script
MAX_LINE = 1 << 20

Row = dict[str, Any]
Turns = tuple[str, list[tuple[str, str]], dict[str, Any]]  # the sound, prompts and answers, what else is said


def instructions(
    layout: str, path: str | os.PathLike[str], *, audio: str = "", prompt: str = "", set: str = "", licence: str = "", source: str = ""
) -> Iterator[Found]:
    """The items of a file in one of LAYOUTS.

    audio: the folder that sounds are relative to, by default the file's own. prompt: of SLAM-LLM lines without one.
    """
    if layout not in LAYOUTS:
        raise UsageError(f"there is no layout {layout!r}.", hint=f"Choose {', '.join(LAYOUTS)}.")
    name = os.fspath(path)
    if not os.path.isfile(name):
        raise missing(name)
    common = {"set": set or os.path.splitext(os.path.basename(name))[0], "licence": licence, "source": source}
    return _items(name, LAYOUTS[layout], os.path.abspath(audio or os.path.dirname(os.path.abspath(name))), prompt or UNASKED, common)


def _items(name: str, read: Callable[[Row, str], Turns], top: str, prompt: str, common: dict[str, str]) -> Iterator[Found]:
    questions: dict[str, list[dict[str, str]]] = {}
    extra: dict[str, dict[str, Any]] = {}
    lines: dict[str, int] = {}
    for line, row in _rows(name):
        try:
            sound, turns, more = read(row, prompt)
            questions.setdefault(sound, []).extend({"question": q, "answer": a} for q, a in turns)
        except ValueError as error:
            raise invalid(str(error), name, line, "Correct it there.") from None
        extra.setdefault(sound, more)
        lines.setdefault(sound, line)
    for sound, asked in questions.items():
        line = lines[sound]
        path = sound if os.path.isabs(sound) else os.path.join(top, sound)
        if not os.path.isfile(path):
            hint = "Name the folder of the sounds with --audio."
            raise DataError("Missing", f"{name}:{line}: there is no {path}.", path=name, line=line, hint=hint)
        unique = list({(q["question"], q["answer"]): q for q in asked}.values())
        item: Item = from_document({"id": sound, "questions": unique, "extra": extra[sound], **common}, name, line)
        yield Found(item, path)


def _rows(name: str) -> Iterator[tuple[int, Row]]:
    """(line or entry, object) of JSON lines or of a JSON list."""
    try:
        with open(name, encoding="utf-8-sig") as file:
            head = file.read(1024).lstrip()[:1]
            file.seek(0)
            if head == "[":
                yield from _listed(name, file.read())
                return
            for line, text in enumerate(iter(lambda: file.readline(MAX_LINE), ""), 1):
                if text.strip():
                    yield line, _object(name, line, text)
    except UnicodeDecodeError:
        raise invalid("is not UTF-8", name, 0, "Save it as UTF-8.") from None
    except OSError as error:
        raise DataError("Missing", f"{name}: {error.strerror}.", path=name, hint="Check the path.") from None


def _listed(name: str, text: str) -> Iterator[tuple[int, Row]]:
    try:
        entries = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise invalid(f"is no JSON ({error})", name, 0, "Copy it again.") from None
    for number, entry in enumerate(entries, 1):
        if not isinstance(entry, dict):
            raise invalid("is no JSON object", name, number)
        yield number, entry


def _object(name: str, line: int, text: str) -> Row:
    try:
        row = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise invalid(f"is no JSON ({error})", name, line, "Each line is one JSON object.") from None
    if not isinstance(row, dict):
        raise invalid("is no JSON object", name, line, "Each line is one JSON object.")
    return row


# ---------------------------------------------------------------------------------------------------------------- layouts


def _slam(row: Row, prompt: str) -> Turns:
    asked = _text(row, "prompt") if row.get("prompt") else prompt
    return _text(row, "source"), [(asked, _text(row, "target"))], _more(row, "key", "dataset", "task")


def _ltu(row: Row, prompt: str) -> Turns:
    asked = _text(row, "instruction")
    if row.get("input"):
        asked += "\n" + _text(row, "input")
    return _text(row, "audio_id"), [(asked, _text(row, "output"))], _more(row, "dataset", "task")


def _messages(row: Row, prompt: str) -> Turns:
    sounds, said = row.get("audios"), row.get("messages")
    if not isinstance(sounds, list) or len(sounds) != 1 or not isinstance(sounds[0], str):
        found = len(sounds) if isinstance(sounds, list) else "no list of"
        raise ValueError(f"audios: {found} sounds, and a model that is built here hears one at a time")
    if not isinstance(said, list) or not said:
        raise ValueError("messages is no list of messages")
    before: list[str] = []
    turns: list[tuple[str, str]] = []
    marks = 0
    for number, message in enumerate(said):
        where = f"messages[{number}]"
        if not isinstance(message, dict) or message.get("role") not in ("system", "user", "assistant"):
            raise ValueError(f"{where} has no role that is system, user or assistant")
        content = message.get("content")
        if not isinstance(content, str) or not content.strip():
            raise ValueError(f"{where} has no content")
        marks += content.count(MARK)
        text = content.replace(MARK, "").strip()
        if message["role"] == "assistant":
            asked = "\n".join(filter(None, before))
            if not has_words(asked):
                raise ValueError(f"{where} answers nothing: no user speaks before it")
            turns.append((asked, text))
        before.append(text)
    if marks > 1:
        raise ValueError(f"{MARK} stands {marks} times, and there is one sound")
    if not turns:
        raise ValueError("messages has no answer of an assistant")
    return sounds[0], turns, {}


LAYOUTS: dict[str, Callable[[Row, str], Turns]] = {"slam": _slam, "ltu": _ltu, "messages": _messages}


def _text(row: Row, key: str) -> str:
    value = row.get(key)
    if not isinstance(value, str) or not value.strip():
        known = ", ".join(map(str, row)) or "nothing"
        raise ValueError(f"{key} is no text" if key in row else f"it has no {key} (it has {known})")
    return value.strip()


def _more(row: Row, *keys: str) -> dict[str, Any]:
    return {key: row[key] for key in keys if row.get(key)}
