"""Fields of ``--where``, what their values may look like, and the SQL of one comparison."""

from __future__ import annotations

import calendar
import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

Kind = Literal["text", "seconds", "bytes", "hertz", "number", "date", "tag", "texts"]
Parameter = str | int | float


@dataclass(frozen=True, slots=True)
class Field:
    name: str
    kind: Kind
    column: str  # SQL over recordings r and contents c; never from the user
    key: str = ""  # of a tag


FIELDS: dict[str, Field] = {
    f.name: f
    for f in (
        Field("path", "text", "r.display"),
        Field("name", "text", "r.name"),
        Field("folder", "text", "r.folder"),
        Field("format", "text", "c.format"),
        Field("codec", "text", "c.codec"),
        Field("duration", "seconds", "c.duration"),
        Field("rate", "hertz", "c.rate"),
        Field("channels", "number", "c.channels"),
        Field("size", "bytes", "c.bytes"),
        Field("bytes", "bytes", "c.bytes"),
        Field("recorded_at", "date", "c.recorded_at"),
        Field("added_at", "date", "r.added_at"),
        Field("vanished_at", "date", "r.vanished_at"),
        Field("latitude", "number", "c.latitude"),
        Field("longitude", "number", "c.longitude"),
        Field("text", "texts", ""),
        Field("tag", "tag", ""),
    )
}

_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?"
_SECONDS_UNITS = {
    "": 1.0, "ms": 0.001, "s": 1.0, "sec": 1.0, "second": 1.0, "seconds": 1.0, "m": 60.0, "min": 60.0, "minute": 60.0,
    "minutes": 60.0, "h": 3600.0, "hour": 3600.0, "hours": 3600.0, "d": 86400.0, "day": 86400.0, "days": 86400.0,
}  # fmt: skip
_BYTES_UNITS = {
    "": 1.0, "b": 1.0, "k": 1e3, "kb": 1e3, "m": 1e6, "mb": 1e6, "g": 1e9, "gb": 1e9, "t": 1e12, "tb": 1e12,
    "kib": 2.0**10, "mib": 2.0**20, "gib": 2.0**30, "tib": 2.0**40,
}  # fmt: skip
_HERTZ_UNITS = {"": 1.0, "hz": 1.0, "k": 1e3, "khz": 1e3}
_CLOCK = re.compile(r"(?:(\d{1,4}):)?(\d{1,4}):(\d{1,2}(?:\.\d+)?)")
_DATE = re.compile(r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2})(?:[T ](\d{1,2}):(\d{2})(?::(\d{2}))?Z?)?)?)?")


def find_field(name: str) -> Field | None:
    lower = name.lower()
    if lower.startswith("tag.") and len(lower) > 4:
        return Field(lower, "tag", "", key=lower[4:])
    return FIELDS.get(lower)


def operators(kind: Kind) -> tuple[str, ...]:
    if kind in ("text", "tag", "texts"):
        return ("=", "!=", "~", "!~")
    return ("=", "!=", "<", "<=", ">", ">=")


def condition(field: Field, operator: str, value: str) -> tuple[str, tuple[Parameter, ...]]:
    """SQL of one comparison and its parameters. Raises ValueError that says which values would do."""
    if "\x00" in value or any(0xD800 <= ord(c) <= 0xDFFF for c in value):
        raise ValueError("the value holds a character that no text can")
    if operator in ("!=", "!~"):  # what lacks the field is unlike the value
        sql, parameters = condition(field, operator.replace("!=", "=").replace("!~", "~"), value)
        return f"NOT coalesce(({sql}), 0)", parameters
    if field.kind == "text":
        return _text(f"fold({field.column})", operator, value)
    if field.kind == "texts":
        inner, parameters = _text("fold(x.text)", operator, value)
        return f"EXISTS (SELECT 1 FROM texts x WHERE x.content_id = c.id AND {inner})", parameters
    if field.kind == "tag":
        return _tag(field.key, operator, value)
    if field.kind == "date":
        return _date(field.column, operator, value)
    return f"{field.column} {operator} ?", (_number(field, value),)


def _text(column: str, operator: str, value: str) -> tuple[str, tuple[Parameter, ...]]:
    folded = value.casefold()
    if operator == "=":
        return f"{column} = ?", (folded,)
    if "*" in folded or "?" in folded:
        return f"pattern(?, {column})", (folded,)
    return f"instr({column}, ?) > 0", (folded,)


def _tag(key: str, operator: str, value: str) -> tuple[str, tuple[Parameter, ...]]:
    inner, parameters = _text("fold(t.value)", operator, value)
    keyed = "t.key = ? AND " if key else ""
    before: tuple[Parameter, ...] = (key,) if key else ()
    one = f"{keyed}{inner}"
    sql = (
        f"EXISTS (SELECT 1 FROM tags t WHERE t.content_id = c.id AND {one}) "
        f"OR EXISTS (SELECT 1 FROM tags t WHERE t.recording_id = r.id AND {one})"
    )
    return sql, (before + parameters) * 2


def _number(field: Field, value: str) -> float:
    text = value.strip().lower()
    if field.kind == "seconds":
        if clock := _CLOCK.fullmatch(text):
            return int(clock[1] or 0) * 3600 + int(clock[2]) * 60 + float(clock[3])
        return _united(text, _SECONDS_UNITS, "seconds: 10, 1:30, 90s, 5min, 2h")
    if field.kind == "bytes":
        return _united(text, _BYTES_UNITS, "a size: 5000, 200kB, 10MB, 1GiB")
    if field.kind == "hertz":
        return _united(text, _HERTZ_UNITS, "a rate: 44100, 48k, 44.1kHz")
    return _united(text, {"": 1.0}, "a number")


def _united(text: str, units: dict[str, float], expected: str) -> float:
    match = re.fullmatch(rf"({_NUMBER})\s*([a-z]*)", text, re.ASCII)
    if match is None or match[2] not in units:
        raise ValueError(f"expected {expected}")
    number = float(match[1]) * units[match[2]]
    if not math.isfinite(number):
        raise ValueError(f"expected {expected}")
    return number


def _date(column: str, operator: str, value: str) -> tuple[str, tuple[Parameter, ...]]:
    first, after = date_span(value)
    if operator == "=":
        return f"{column} >= ? AND {column} < ?", (first, after)
    # "later than May" begins with June; "until May" ends with May.
    return f"{column} {'>=' if operator in ('>', '>=') else '<'} ?", (after if operator in (">", "<=") else first,)


def date_span(value: str) -> tuple[str, str]:
    """The stretch of time that a date names, as ISO text: from, and the first moment after."""
    text = value.strip()
    today = datetime.now(UTC).replace(tzinfo=None, hour=0, minute=0, second=0, microsecond=0)
    if text.lower() in ("today", "yesterday"):
        start = today - timedelta(days=text.lower() == "yesterday")
        return _iso(start), _iso(start + timedelta(days=1))
    match = re.fullmatch(_DATE, text)
    if match is None:
        raise ValueError("expected a date: 2024, 2024-05, 2024-05-01, 2024-05-01T06:30, today, yesterday")
    year, month, day, hour, minute, second = (int(g) if g is not None else None for g in match.groups())
    try:
        start = datetime(year or 0, month or 1, day or 1, hour or 0, minute or 0, second or 0)
        if month is None:
            length = timedelta(days=366 if calendar.isleap(start.year) else 365)
        elif day is None:
            length = timedelta(days=calendar.monthrange(start.year, start.month)[1])
        elif hour is None:
            length = timedelta(days=1)
        else:
            length = timedelta(minutes=1) if second is None else timedelta(seconds=1)
        return _iso(start), _iso(start + length)
    except (ValueError, OverflowError):
        raise ValueError(f"no such date: {value}") from None


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0")
