"""What went wrong, as a language model can use it: a stable code, one sentence, the way out. No path of this machine, no text of a file."""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from auricle.agent.results import Problem
from auricle.errors import AudioError, AuricleError, LibraryError, ModelError, UsageError

if TYPE_CHECKING:
    from auricle.agent.desk import Desk

_LIBRARY = {"NotALibrary": "library_empty", "NotFound": "recording_not_found"}
_RETRY = frozenset({"library_busy", "audio_timeout", "audio_crashed", "audio_unreadable", "out_of_memory"})
_OPTION = re.compile(r"(?<!\w)--([a-z]+)")  # errors are worded for the command line
_AUDIO = {
    "Missing": ("The file of this recording is gone.", "It was moved or deleted, or its drive is not there. audio_similar, audio_classify "
                "(without a short span) and audio_get still work from what was indexed."),
    "Denied": ("The file of this recording may not be read.", "Ask the user to check its permissions."),
    "Timeout": ("The file of this recording could not be decoded in time.", "Try again, or ask for a shorter part."),
}  # fmt: skip


def snake(kind: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", kind).lower()


def from_error(error: Exception, desk: Desk) -> Problem:
    """An expected failure, or a defect, whose details go to the log alone."""
    if isinstance(error, AudioError):
        message, hint = _AUDIO.get(error.kind, ("The sound of this recording cannot be used.", error.hint))
        return _made(f"audio_{snake(error.kind)}", f"{message} ({error.kind})", hint, desk)
    if isinstance(error, LibraryError):
        return _made(_LIBRARY.get(error.kind, f"library_{snake(error.kind)}"), error.message, error.hint, desk)
    if isinstance(error, ModelError):
        return _made(f"model_{snake(error.kind)}", error.message, error.hint, desk)
    if isinstance(error, UsageError):
        hint = error.hint.replace('auricle search "rain on a tin roof"', '"rain on a tin roof"')
        return _made("bad_input", _OPTION.sub(r"\1", error.message), _OPTION.sub(r"\1", hint), desk)
    if isinstance(error, AuricleError):
        return _made("failed", error.message, error.hint, desk)
    if isinstance(error, sqlite3.ProgrammingError) and "closed" in str(error):
        return _made("library_busy", "The library was just replaced by another copy of it.", "Try again.", desk)
    if isinstance(error, MemoryError):
        return _made("out_of_memory", "There is not enough memory for this.", "Ask for a shorter part.", desk)
    if isinstance(error, OSError):
        return _made("disk_failed", f"The disk could not be read ({os.strerror(error.errno or 0)}).", "Ask the user to look at it.", desk)
    return _made("internal", "Something went wrong inside auricle; its log says what.", "Report it with the log.", desk)


def _made(code: str, message: str, hint: str, desk: Desk) -> Problem:
    return Problem(code=code, message=_without_paths(message, desk), hint=_without_paths(hint, desk), retryable=code in _RETRY)


def _without_paths(text: str, desk: Desk) -> str:
    """A message without where things lie; a file or folder is called what the client knows it as."""
    if desk.full_paths:
        return text[:1000]
    for name in desk.libraries if desk.name is None else [desk.name]:
        try:
            text = text.replace(str(desk.libraries[name].path), f"{name!r}")
        except AuricleError:
            continue
    return re.sub(r"(?<![\w.])(?:/|[A-Za-z]:\\)[^\s:;,'\"()]+", "(a file)", text)[:1000]


def from_validation(error: ValidationError, desk: Desk, arguments: Mapping[str, Any]) -> list[Problem]:
    """One problem a field. A name where an id is meant brings the recordings of that name."""
    problems = []
    for each in error.errors(include_url=False, include_context=False)[:10]:
        where = ".".join(str(part) for part in each["loc"])
        message = each["msg"].removeprefix("Value error, ")
        hint = "See the tool's input schema."
        candidates = []
        if each["loc"] and each["loc"][-1] == "recording_id":
            hint = "Give the id that audio_search gives, a whole number."
            if isinstance(each["input"], str) and each["type"] == "int_parsing":
                candidates = _candidates(desk, arguments, each["input"])
        problems.append(Problem(code="bad_input", message=f"{where}: {message}" if where else message, hint=hint, candidates=candidates))
    return problems


def _candidates(desk: Desk, arguments: Mapping[str, Any], words: str) -> list[Any]:
    from auricle.agent.desk import NotKnown

    name = arguments.get("library")
    try:
        desk.choose(name if isinstance(name, str) else None)
        return list(desk.near(words))
    except (AuricleError, NotKnown):
        return []
