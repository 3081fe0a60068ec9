"""Moments as every format needs them: checked, named, their paths in the forms that files can hold."""

from __future__ import annotations

import base64
import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from numbers import Real
from pathlib import PurePath
from typing import Any

from auricle.errors import UsageError
from auricle.results import readable


@dataclass(frozen=True, slots=True)
class Moment:
    """``duration`` (seconds), ``rate`` (Hz) and ``channels`` are those of the recording, 0 where unknown; ``source`` is what came in."""

    path: str  # undecodable bytes as surrogates, as the os module gives them
    start: float
    end: float
    label: str
    score: float | None = None
    duration: float = 0.0
    rate: int = 0
    channels: int = 0
    tags: tuple[str, ...] = ()
    parts: Mapping[str, float] = field(default_factory=dict)
    model: str = ""
    pipeline_id: str = ""
    source: object = None

    @property
    def length(self) -> float:
        return self.end - self.start

    @property
    def text(self) -> str:
        """The label with its score, on one line."""
        words = one_line(self.label)
        return words if self.score is None else f"{words} {self.score:.3f}".strip()


def moments_of(hits: Iterable[object], label: str | None = None) -> list[Moment]:
    return [moment_of(hit, label) for hit in hits]


def moment_of(hit: object, label: str | None = None) -> Moment:
    """A Hit, a mapping, any object with path, start and end, or those three in a tuple. Raises UsageError for times that are none."""
    if isinstance(hit, tuple) and len(hit) == 3:
        hit = dict(zip(("path", "start", "end"), hit, strict=True))

    def get(name: str, default: Any = None) -> Any:
        value = hit.get(name) if isinstance(hit, Mapping) else getattr(hit, name, None)
        return default if value is None else value

    path = get("path")
    if path is None:
        raise UsageError(f"{hit!r:.80} is no moment: it has no path.", hint="Give search results, or path, start and end.")
    path = os.fsdecode(path)
    score = get("score")
    times = [get("start", 0.0), get("end")] + ([] if score is None else [score])
    if not all(isinstance(t, Real) and math.isfinite(t) for t in times) or not 0 <= times[0] <= times[1]:
        text = f"{readable(path)} has no moment from {get('start')!r} to {get('end')!r}"
        raise UsageError(f"{text}{'' if score is None else f' of score {score!r}'}.", hint="Give finite seconds, start before end.")
    return Moment(
        path=path,
        start=float(times[0]),
        end=float(times[1]),
        label=clean(label or get("label", "") or PurePath(path).stem),
        score=None if score is None else float(score),
        duration=float(get("duration", 0.0)),
        rate=int(get("rate", 0)),
        channels=int(get("channels", 0)),
        tags=tuple(clean(tag) for tag in get("tags", ())),
        parts=dict(get("parts", {})),
        model=get("model", ""),
        pipeline_id=get("pipeline_id", ""),
        source=hit,
    )


def clean(text: str) -> str:
    """Text that UTF-8 can hold: what is not Unicode becomes U+FFFD."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace") if _escapes(text) else _no_surrogates(text)


def _escapes(text: str) -> bool:
    return any("\udc80" <= c <= "\udcff" for c in text) and not any("\ud800" <= c < "\udc80" or "\udcff" < c <= "\udfff" for c in text)


def _no_surrogates(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")


def one_line(text: str) -> str:
    """Runs of white space, line breaks and other control characters become one space: for formats that are made of lines."""
    return " ".join("".join(" " if ord(c) < 32 or c in "\x7f\x85\u2028\u2029" else c for c in text).split())


def path_bytes(path: str) -> str:
    """Base64 of a path that is not UTF-8, else nothing: the exact name beside the readable one."""
    return "" if readable(path) == path else base64.b64encode(os.fsencode(path)).decode("ascii")


def by_recording(moments: list[Moment]) -> dict[str, list[Moment]]:
    """Moments of each recording in the order of time; recordings in the order met."""
    groups: dict[str, list[Moment]] = {}
    for moment in moments:
        groups.setdefault(moment.path, []).append(moment)
    return {path: sorted(group, key=lambda m: (m.start, m.end)) for path, group in groups.items()}


def seconds(value: float) -> str:
    """Microseconds and no more digits than needed, never an exponent: ``12``, ``0.5``."""
    text = f"{value:.6f}".rstrip("0").rstrip(".")
    return text or "0"


def clock(value: float, mark: str = ".") -> str:
    """``01:02:03.004``; ``mark`` stands before the milliseconds."""
    milliseconds = round(value * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}{mark}{rest % 1000:03}"
