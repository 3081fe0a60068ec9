"""Transcripts beside a sound: SubRip, WebVTT, plain text, and the JSON of Whisper and its kin."""

from __future__ import annotations

import codecs
import html
import json
import math
import os
import re
from collections.abc import Callable, Iterable
from typing import Any

from auricle import _faults
from auricle.library.rows import Text
from auricle.results import readable

MAX_BYTES = 32 << 20

_CLOCK = r"(?:(\d{1,4}):)?(\d{1,3}):(\d{1,2})[.,](\d{1,3})"
_TIMING = re.compile(rf"^\s*{_CLOCK}\s*-->\s*{_CLOCK}.*$")
_MARKUP = re.compile(r"<[^<>]{0,200}>|\{\\[^{}]{0,200}\}")


def read_sidecars(paths: Iterable[str]) -> tuple[tuple[Text, ...], list[str], bool]:
    """The texts of some files, a warning for each that made no sense, and whether all could be read (a disk may be better tomorrow)."""
    texts: list[Text] = []
    warnings: list[str] = []
    readable_all = True
    for path in paths:
        try:
            _faults.point("texts.read")
            texts += read_sidecar(path)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else error
            readable_all = readable_all and not isinstance(error, OSError)
            warnings.append(f"{readable(path)}: not read as a transcript ({reason}).")
    return tuple(texts), warnings, readable_all


def read_sidecar(path: str) -> list[Text]:
    """Raises OSError, and ValueError when the file is no transcript of its kind. A JSON file that holds none gives nothing."""
    if os.path.getsize(path) > MAX_BYTES:
        raise ValueError(f"larger than {MAX_BYTES >> 20} MB")
    with open(path, "rb") as file:
        text = decode(file.read())
    parsers: dict[str, Callable[[str], list[Text]]] = {".srt": parse_srt, ".vtt": parse_vtt, ".txt": parse_txt, ".json": parse_json}
    return parsers[os.path.splitext(path)[1].lower()](text)


def decode(data: bytes) -> str:
    """UTF-8, UTF-16 with a mark, else Windows-1252. Raises ValueError for what is no text."""
    for mark, encoding in ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16")):
        if data.startswith(mark):
            return data.decode(encoding, "replace")
    if b"\x00" in data:
        raise ValueError("not a text file")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def parse_srt(text: str) -> list[Text]:
    """Raises ValueError when a file with words holds no timing."""
    return _cues(text, "srt")


def parse_vtt(text: str) -> list[Text]:
    if not text.lstrip("\ufeff \t\r\n").startswith("WEBVTT"):
        raise ValueError("it does not begin with WEBVTT")
    return _cues(text, "vtt")


def parse_txt(text: str) -> list[Text]:
    return [Text(text.strip(), source="txt")] if text.strip() else []


def parse_json(text: str) -> list[Text]:
    """Whisper (``segments``), whisper.cpp (``transcription`` with ``offsets`` in ms), or a list of segments."""
    try:
        document = json.loads(text)
    except RecursionError:
        raise ValueError("nested too deep") from None
    language = document.get("language") if isinstance(document, dict) else None
    if not isinstance(language, str):
        language = None
    segments = document if isinstance(document, list) else None
    if isinstance(document, dict):
        segments = next((document[k] for k in ("segments", "transcription") if isinstance(document.get(k), list)), None)
    found = [_segment(s, language) for s in segments or () if isinstance(s, dict)]
    texts = [t for t in found if t is not None]
    if not texts and isinstance(document, dict) and isinstance(document.get("text"), str) and document["text"].strip():
        texts = [Text(document["text"].strip(), source="json", language=language)]
    return texts


def _segment(segment: dict[str, Any], language: str | None) -> Text | None:
    words = segment.get("text")
    if not isinstance(words, str) or not words.strip():
        return None
    offsets = segment.get("offsets")
    if isinstance(offsets, dict):
        start, end = _number(offsets.get("from"), 0.001), _number(offsets.get("to"), 0.001)
    else:
        start, end = _number(segment.get("start")), _number(segment.get("end"))
    if start is None:
        return Text(words.strip(), source="json", language=language)
    return Text(words.strip(), start, max(start, end if end is not None else start), "json", language)


def _number(value: object, unit: float = 1.0) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        return None
    return value * unit


def _cues(text: str, source: str) -> list[Text]:
    texts, lines = [], text.splitlines()
    timings = [(i, match) for i, line in enumerate(lines) if "-->" in line and (match := _TIMING.match(line))]
    if not timings and text.strip() and source == "srt":
        raise ValueError("it holds no timings")
    for position, (at, match) in enumerate(timings):
        following = timings[position + 1][0] if position + 1 < len(timings) else len(lines)
        words: list[str] = []
        for line in lines[at + 1 : following]:
            if not line.strip():
                break  # a blank line ends a cue; numbers, notes and styles stand between cues
            words.append(html.unescape(_MARKUP.sub("", line)).strip())
        start, end = _seconds(match.groups()[:4]), _seconds(match.groups()[4:])
        said = " ".join(word for word in words if word)
        if said:
            texts.append(Text(said, start, max(start, end), source))
    return texts


def _seconds(groups: tuple[str | None, ...]) -> float:
    hours, minutes, seconds, fraction = groups
    return int(hours or 0) * 3600 + int(minutes or 0) * 60 + int(seconds or 0) + float(f"0.{fraction}")
