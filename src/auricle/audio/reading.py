"""``open``, ``blocks``, ``probe`` and ``metadata``: the one gate through which outside sound enters."""

from __future__ import annotations

import contextlib
import math
from collections import deque
from collections.abc import Generator, Iterator
from typing import Any

import numpy as np

from auricle.audio import _sources
from auricle.audio._pipeline import Pipeline, chunked, mixdown
from auricle.audio._problems import audio_error
from auricle.audio._sources import Outside
from auricle.audio._sources import Source as Source
from auricle.audio.types import Audio, AudioInfo, Limits, Marker, Metadata, Samples
from auricle.audio.workers import Worker, borrowed
from auricle.errors import AudioError, UsageError

# File suffixes that a scan of a folder considers; compare in lower case. Ambiguous ones (".ts" is TypeScript, too) are left out.
SUFFIXES = frozenset(
    {
        ".3gp",
        ".aac",
        ".ac3",
        ".aif",
        ".aifc",
        ".aiff",
        ".amr",
        ".ape",
        ".asf",
        ".au",
        ".avi",
        ".caf",
        ".dsf",
        ".eac3",
        ".flac",
        ".flv",
        ".m4a",
        ".m4b",
        ".m4v",
        ".mka",
        ".mkv",
        ".mov",
        ".mp2",
        ".mp3",
        ".mp4",
        ".mpc",
        ".mpeg",
        ".mpg",
        ".mts",
        ".oga",
        ".ogg",
        ".ogv",
        ".opus",
        ".rf64",
        ".snd",
        ".sph",
        ".tta",
        ".voc",
        ".w64",
        ".wav",
        ".wave",
        ".webm",
        ".wma",
        ".wmv",
        ".wv",
    }
)


def open(
    source: Source,
    *,
    rate: int | None = None,
    mono: bool = False,
    start: float = 0.0,
    end: float | None = None,
    limits: Limits | None = None,
) -> Audio:
    """The whole sound, or seconds ``start`` to ``end`` of it, in memory.

    source: a path, encoded bytes, a binary file, ``(samples, rate)`` with samples ``[n]`` or ``[channels, n]``,
            ``{"array", "sampling_rate"}``, ``{"path", "bytes"}`` or an :class:`Audio`.
    rate:   resample to this (Hz); None keeps that of the source.
    mono:   the mean of the channels.
    limits: what the gate lets in, ``Limits()`` by default; ``Limits.stream()`` for a moment of a very large file.

    ``open(s, start=a, end=b, rate=r)`` equals ``open(s, rate=r).slice(a, b)``; only what is needed is decoded.
    Raises AudioError (``kind`` says why), TypeError for what is no sound at all, UsageError for impossible times or rates.
    """
    _check_span(rate, start, end, 1.0)
    _sources.check(source)
    allowed = limits or Limits()
    with contextlib.ExitStack() as stack:
        ready = stack.enter_context(_sources.prepared(source, allowed))
        pieces = stack.enter_context(contextlib.closing(_pieces(ready, rate, mono, start, end, allowed, None)))
        return _joined(deque(pieces))


def blocks(
    source: Source,
    *,
    rate: int | None = None,
    mono: bool = False,
    seconds: float = 30.0,
    start: float = 0.0,
    end: float | None = None,
    limits: Limits | None = None,
    worker: Worker | None = None,
) -> Iterator[Audio]:
    """Consecutive blocks of ``seconds`` (the last may be shorter), each with its ``offset``; together they are what :func:`open` gives.

    Memory does not grow with the duration. Arguments as in :func:`open`; ``limits`` defaults to ``Limits.stream()``; ``worker``: the one to
    use instead of one from the pool. A truncated source gives all that could be decoded, then raises AudioError("Truncated").
    """
    _check_span(rate, start, end, seconds)
    _sources.check(source)
    return _blocks(source, rate, mono, seconds, start, end, limits or Limits.stream(), worker)


def probe(source: Source) -> AudioInfo:
    """What the header says: container, codec, rate, channels, duration. Nothing but the first frames is decoded. Raises AudioError."""
    _sources.check(source)
    limits = Limits.stream()
    with _sources.prepared(source, limits) as ready:
        if isinstance(ready, Audio):
            return AudioInfo(ready.source, "array", "pcm_f32", ready.rate, ready.channels, ready.duration, ready.samples.nbytes)
        return AudioInfo(**_ask("probe", ready, limits)["info"])


def metadata(source: Source) -> Metadata:
    """Tags, markers, time and place that the file holds besides its sound; empty where it holds none. Raises AudioError."""
    _sources.check(source)
    limits = Limits.stream()
    with _sources.prepared(source, limits) as ready:
        if isinstance(ready, Audio):
            return Metadata()
        found: dict[str, Any] = _ask("metadata", ready, limits)["metadata"]
    found["markers"] = tuple(Marker(**m) for m in found["markers"])
    return Metadata(**found)


def _ask(operation: str, outside: Outside, limits: Limits) -> dict[str, Any]:
    with borrowed() as worker:
        frames = list(worker.request(operation, outside.label, limits, path=outside.path, payload=outside.data))
    return frames[-1][0]


def _blocks(
    source: Source,
    rate: int | None,
    mono: bool,
    seconds: float,
    start: float,
    end: float | None,
    limits: Limits,
    worker: Worker | None,
) -> Iterator[Audio]:
    with _sources.prepared(source, limits) as ready:
        held: deque[Audio] = deque()
        have, given = 0, 0
        stream = _pieces(ready, rate, mono, start, end, limits, worker)
        try:
            for piece in stream:
                held.append(piece)
                have += piece.samples.shape[1]
                # block k ends at round(k * seconds * rate), so that odd lengths do not drift
                while have >= (size := _block_frames(given, seconds, piece.rate)):
                    block, held = _taken(held, size)
                    have -= size
                    given += 1
                    yield block
        except AudioError as error:
            if error.kind == "Truncated" and have:
                yield _joined(held)
            raise
        finally:
            stream.close()
        if have:
            yield _joined(held)


def _block_frames(index: int, seconds: float, rate: int) -> int:
    return max(1, round((index + 1) * seconds * rate) - round(index * seconds * rate))


def _pieces(
    ready: Audio | Outside, rate: int | None, mono: bool, start: float, end: float | None, limits: Limits, worker: Worker | None
) -> Generator[Audio, None, None]:
    """The output in pieces as they come, none empty."""
    if isinstance(ready, Audio):
        yield from _pieces_of_array(ready, rate, mono, start, end)
        return
    options = {"rate": rate, "mono": mono, "start": start, "end": end}
    with borrowed(worker) as mine:
        request = mine.request("decode", ready.label, limits, path=ready.path, payload=ready.data, **options)
        with contextlib.closing(request) as frames:
            to_rate, channels, at = 0, 0, 0
            for header, payload in frames:
                if header["type"] == "start":
                    to_rate, channels, at = header["rate"], header["channels"], header["first"]
                elif header["type"] == "block":
                    samples = np.frombuffer(payload, np.float32).reshape(channels, header["n"])
                    yield Audio(samples, to_rate, ready.label, at / to_rate)
                    at += header["n"]


def _pieces_of_array(audio: Audio, rate: int | None, mono: bool, start: float, end: float | None) -> Iterator[Audio]:
    pipeline = Pipeline(audio.rate, 1 if mono else audio.channels, rate, start, end)
    for out in _run(pipeline, audio, mono):
        if len(out):
            at = (pipeline.first_out + pipeline.given - len(out)) / pipeline.rate
            yield Audio(np.ascontiguousarray(out.T), pipeline.rate, audio.source, audio.offset + at)
    if pipeline.given == 0:
        raise audio_error("Empty", audio.source, "ends before what was asked for.", "Ask for an earlier start.")


def _run(pipeline: Pipeline, audio: Audio, mono: bool) -> Iterator[Samples]:
    for chunk in chunked(audio.samples, pipeline.first_in):
        yield pipeline.push(mixdown(chunk) if mono else chunk)
        if pipeline.done:
            break
    yield pipeline.finish()


def _taken(held: deque[Audio], frames: int) -> tuple[Audio, deque[Audio]]:
    """The first ``frames`` frames of ``held``, and what is left."""
    front: deque[Audio] = deque()
    need = frames
    while need:
        piece = held.popleft()
        n = piece.samples.shape[1]
        if n > need:
            held.appendleft(Audio(piece.samples[:, need:], piece.rate, piece.source, piece.offset + need / piece.rate))
            piece = Audio(piece.samples[:, :need], piece.rate, piece.source, piece.offset)
            n = need
        front.append(piece)
        need -= n
    return _joined(front), held


def _joined(pieces: deque[Audio]) -> Audio:
    """One value of all pieces, which are given up one by one: the peak is little more than the result."""
    first = pieces[0]
    if len(pieces) == 1:
        return pieces.popleft()
    samples = np.empty((first.channels, sum(p.samples.shape[1] for p in pieces)), np.float32)
    at = 0
    while pieces:
        piece = pieces.popleft().samples
        samples[:, at : at + piece.shape[1]] = piece
        at += piece.shape[1]
    return Audio(samples, first.rate, first.source, first.offset)


def _check_span(rate: int | None, start: float, end: float | None, seconds: float) -> None:
    if rate is not None and not 1 <= rate <= 1_000_000:
        raise UsageError(f"A rate of {rate} Hz is not possible.", hint="Give samples per second, e.g. 16000.")
    if not math.isfinite(start) or start < 0 or (end is not None and not end > start):
        raise UsageError(f"There is no sound from {start} to {end} seconds.", hint="Give 0 ≤ start < end.")
    if not seconds > 0:
        raise UsageError(f"A block of {seconds} seconds is not possible.", hint="Give a positive length.")
