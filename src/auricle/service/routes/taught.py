"""Teach and detect: kinds of sound by moments of the library, better with every answer; what is heard from when to when."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Response
from starlette.responses import StreamingResponse

from auricle import audio
from auricle.audio.types import Audio, Limits
from auricle.library import browse
from auricle.models.taught import Taught
from auricle.results import Detection, readable
from auricle.service import media
from auricle.service import taught as shelf
from auricle.service.asked import Clip, HeadName
from auricle.service.context import Context, Ctx, Lib, sound_of
from auricle.service.libraries import Served
from auricle.service.problems import ServiceError, as_service_error
from auricle.service.routes.recordings import recording_of, tag_of
from auricle.service.schemas import Listed
from auricle.service.taught_schemas import (
    AnswerRequest,
    Detected,
    DetectedEvent,
    DetectRequest,
    Listened,
    ListenedEvent,
    ListenRequest,
    TaughtDetail,
    TaughtExample,
    TaughtInfo,
    TaughtLabel,
    TaughtStanding,
    TeachRequest,
    UncertainMoment,
)
from auricle.tasks.teach import Shown

if TYPE_CHECKING:
    from auricle.tasks.detect import Rules

router = APIRouter(prefix="/api/v1", tags=["teach"])

MOST_SECONDS = 3600.0  # of a recording that one request listens to
PACE = 0.2  # seconds between two lines of a stream

log = logging.getLogger("auricle.service")


@router.post("/taught", status_code=201)
def post_taught(asked: TeachRequest, ctx: Ctx, lib: Lib) -> TaughtDetail:
    """Teach kinds of sound by moments of the library. What is of one label is taken not to be of the others."""
    from auricle.tasks.teach import make

    if shelf.exists(asked.name) and not asked.replace:
        raise ServiceError(409, "conflict", "One of that name was taught already.", hint="Choose another name, or send replace.")
    labels = tuple(" ".join(label.split()) for label in asked.labels)
    if not all(labels) or len({label.casefold() for label in labels}) < len(labels):
        raise ServiceError(422, "invalid_request", "A label is empty or named twice.", hint="Name each label once.")
    shown = []
    for label, kind in zip(labels, asked.labels.values(), strict=True):
        if not kind.yes:
            raise ServiceError(422, "invalid_request", f"There is no example of {label}.", hint="Give at least one moment that is of it.")
        for span in kind.yes:
            shown.append(_shown(lib, ctx, span.recording_id, span.start, span.end, {other: other == label for other in labels}))
        for span in kind.no:
            shown.append(_shown(lib, ctx, span.recording_id, span.start, span.end, {label: False}))
    head = make(asked.name, labels, shown, ctx.embedder(lib))
    return _detail(shelf.keep(head), lib)


@router.get("/taught")
def list_taught(lib: Lib) -> Listed[TaughtInfo]:
    """What was taught so far, by name; heads whose files are damaged are left out."""
    from auricle.errors import AuricleError
    from auricle.models import taught

    found = []
    for name in taught.names():
        try:
            found.append(_info(shelf.get(name), lib))
        except (AuricleError, ServiceError):
            continue
    return Listed[TaughtInfo](data=found)


@router.get("/taught/{name}")
def get_taught(name: HeadName, lib: Lib) -> TaughtDetail:
    """One head: its scores and their history, and the examples that made it."""
    return _detail(shelf.get(name), lib)


@router.delete("/taught/{name}", status_code=204)
def delete_taught(name: HeadName) -> Response:
    """Forget a head and its examples; recordings stay as they are."""
    shelf.drop(name)
    return Response(status_code=204)


@router.get("/taught/{name}/uncertain")
def get_uncertain(
    name: HeadName,
    ctx: Ctx,
    lib: Lib,
    label: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 10,
) -> Listed[UncertainMoment]:
    """Moments of the library about which the head knows least, the least certain first: answer these."""
    store = lib.store
    head = shelf.usable(name, store)
    assert head is not None
    if label is not None and head.place(label) is None:
        raise ServiceError(404, "not_found", "The head does not know that label.", hint=f"It knows: {', '.join(head.labels)}.")
    picked = shelf.uncertain(store, head, label, limit)
    rows = {row.window_id: row for row in store.hydrate([window for window, _, _ in picked])} if picked else {}
    known = {r.id: r for r in browse.recordings(store, [row.recording_id for row in rows.values()])}
    data = []
    for window, of, chance in picked:
        row, recording = rows.get(window), known.get(rows[window].recording_id) if window in rows else None
        if row is None or recording is None:
            continue
        path = readable(row.path)
        folder, _, file = path.rpartition("/")
        data.append(
            UncertainMoment(
                recording_id=row.recording_id, name=file, folder=folder or "/", path=path, start=row.start, end=min(row.end, row.duration),
                score=chance, parts={}, why={}, duration=row.duration, rate=row.rate, channels=row.channels, format=row.format,
                tags=[tag_of(t) for t in recording.tags], copies=[], vanished=recording.vanished_at is not None,
                playable=media.playable(recording.format, recording.codec, recording.rate, recording.channels, recording.bytes),
                label=of, probability=chance,
            )
        )  # fmt: skip
    return Listed[UncertainMoment](data=data)


@router.post("/taught/{name}/answers")
def post_answer(name: HeadName, asked: AnswerRequest, ctx: Ctx, lib: Lib) -> TaughtDetail:
    """Say whether a moment is of a label, or take that back; the head is fitted anew at once."""
    from auricle.tasks.teach import answered, forgotten

    model = ctx.embedder(lib)
    with shelf.LOCK:
        head = shelf.usable(name, model)
        assert head is not None
        if head.place(asked.label) is None:
            raise ServiceError(404, "not_found", "The head does not know that label.", hint=f"It knows: {', '.join(head.labels)}.")
        if asked.yes is None:
            path = recording_of(lib, asked.recording_id).path
            head = forgotten(head, readable(path), asked.start, asked.end, asked.label, model)
        else:
            shown = _shown(lib, ctx, asked.recording_id, asked.start, asked.end, {asked.label: asked.yes})
            head = answered(head, [shown], model)
        return _detail(shelf.keep(head), lib)


@router.post("/detect")
def post_detect(asked: DetectRequest, ctx: Ctx, lib: Lib) -> Detected:
    """What is heard from when to when, in a clip or a recording; at most an hour of it at a time."""
    from auricle.tasks.detect import Reader, Rules, events

    if not asked.labels and asked.taught is None:
        raise ServiceError(422, "invalid_request", "There is nothing to listen for.", hint="Name labels, or a taught head.")
    model = ctx.embedder(lib) if lib.exists else ctx.embedders.of(ctx.default_model())
    head = shelf.usable(asked.taught, model)
    heard = _Heard(_blocks(asked.clip, ctx, lib, model.rate), asked.clip.start)
    rules = Rules.of(model, asked.threshold, asked.min_duration, asked.merge)
    found = sorted(events(heard, Reader.of(asked.labels, model, head), model, rules), key=lambda e: (e.start, e.end, e.label))
    return Detected(
        data=[DetectedEvent(start=e.start, end=e.end, label=e.label, score=e.score) for e in found], heard_to=heard.end, model=model.name,
        pipeline_id=model.pipeline_id,
    )  # fmt: skip


@router.post(
    "/detect/stream",
    response_class=StreamingResponse,
    responses={200: {"model": Listened, "content": {"application/jsonl": {}}, "description": "JSON lines, each one `Listened`."}},
)
def post_listen(asked: ListenRequest, ctx: Ctx, lib: Lib) -> StreamingResponse:
    """The same for a whole recording of any length, told as it is heard: JSON lines. Hang up to stop."""
    from auricle.tasks.detect import Reader, Rules, at_thresholds

    if not asked.labels and asked.taught is None:
        raise ServiceError(422, "invalid_request", "There is nothing to listen for.", hint="Name labels, or a taught head.")
    recording = recording_of(lib, asked.recording_id)
    model = ctx.embedder(lib)
    reader = Reader.of(asked.labels, model, shelf.usable(asked.taught, model))
    thresholds = sorted(set(asked.thresholds)) or [Rules.of(model).threshold]
    rules = [Rules.of(model, threshold, asked.min_duration, asked.merge) for threshold in thresholds]
    blocks = audio.blocks(recording.path, rate=model.rate, mono=True, limits=Limits.stream())
    parts = at_thresholds(blocks, reader, model, rules)
    heard = next(parts)  # a file that cannot be heard is a problem, not a stream
    begin = Listened(
        duration=recording.duration, labels=list(reader.labels), threshold=Rules.of(model).threshold, model=model.name,
        pipeline_id=model.pipeline_id,
    )  # fmt: skip
    return StreamingResponse(
        _told(begin, chain([heard], parts), ctx), media_type="application/jsonl", headers={"Cache-Control": "no-store"}
    )


def _told(begin: Listened, parts: Iterable[tuple[float, list[tuple[Rules, Detection]]]], ctx: Context) -> Iterator[str]:
    """At most a line every ``PACE`` seconds."""
    yield _line(begin)
    events: list[ListenedEvent] = []
    to, said = 0.0, time.monotonic()
    try:
        for to, over in parts:
            events += [ListenedEvent(start=e.start, end=e.end, label=e.label, score=e.score, threshold=r.threshold) for r, e in over]
            if ctx.closing.is_set():
                raise ServiceError(503, "shutting_down", "The server is shutting down.", hint="Try again when it is back.")
            if time.monotonic() - said >= PACE:
                yield _line(Listened(events=events, heard_to=to))
                events, said = [], time.monotonic()
        yield _line(Listened(events=events, heard_to=to, done=True))
    except Exception as error:  # the answer has begun: its last line is the problem
        known = as_service_error(error)
        if known is None:
            log.exception("listening failed")
            known = ServiceError(500, "internal", "The server met a defect while it worked on this.", hint="See the server's log.")
        yield _line(Listened(events=events, heard_to=to, problem=known.document()))


def _line(line: Listened) -> str:
    return line.model_dump_json(exclude_defaults=True) + "\n"


class _Heard:
    """Blocks that go by, and where they ended."""

    def __init__(self, blocks: Iterable[Audio], start: float) -> None:
        self._blocks, self.end = blocks, start

    def __iter__(self) -> Iterator[Audio]:
        for block in self._blocks:
            self.end = block.offset + block.duration
            yield block


def _blocks(clip: Clip, ctx: Context, lib: Served, rate: int) -> Iterable[Audio]:
    """A recording flows; anything else is a clip, and held whole."""
    if clip.recording_id is None or any(value is not None for value in (clip.upload_id, clip.audio, clip.url)):
        sound = sound_of(clip, lib, ctx)
        return (sound,)
    if clip.end is not None and clip.end <= clip.start:
        raise ServiceError(422, "invalid_request", "The end of a clip is not after its start.")
    recording = recording_of(lib, clip.recording_id)
    end = min(clip.end if clip.end is not None else float("inf"), clip.start + MOST_SECONDS)
    return audio.blocks(recording.path, rate=rate, mono=True, start=clip.start, end=end, limits=Limits.stream())


def _shown(lib: Served, ctx: Context, recording_id: int, start: float, end: float | None, truth: dict[str, bool]) -> Shown:
    """A moment as it was heard when indexed; one shorter than a window is heard anew, so that nothing around it counts."""
    from auricle.tasks import teaching

    store = lib.store
    recording = recording_of(lib, recording_id)
    until = min(end if end is not None else recording.duration, recording.duration)
    if until <= start:
        raise ServiceError(422, "invalid_request", "A moment ends before it starts, or starts after the recording.")

    def inside(window: tuple[int, float, float]) -> bool:
        _, begin, finish = window
        return min(finish, until) - max(begin, start) >= 0.5 * min(finish - begin, until - start)

    windows = [w for w in store.windows_of(recording.content_id) if inside(w)]
    whole = start <= 0.01 and until >= recording.duration - 0.05
    exact = any(abs(w[1] - start) < 0.05 and abs(w[2] - until) < 0.05 for w in windows)
    if windows and (whole or exact or until - start >= store.windowing.seconds):
        if exact and not whole:
            windows = [w for w in windows if abs(w[1] - start) < 0.05 and abs(w[2] - until) < 0.05]
        vectors = store.vectors([w[0] for w in windows])
    else:
        sound = sound_of(Clip(recording_id=recording_id, start=start, end=until), lib, ctx)
        vectors, _ = ctx.embedder(lib).embed_sound(sound)
    digest = recording.hash if whole else f"{recording.hash}@{start:.3f}-{until:.3f}"
    return Shown(readable(recording.path), start, end if end is not None else until, digest, teaching.spread(vectors), truth)


def _info(head: Taught, lib: Served) -> TaughtInfo:
    return TaughtInfo(
        name=head.name, labels=[TaughtLabel(**_fields(s)) for s in head.scores], standing=TaughtStanding(**_fields(head.standing)),
        history=[TaughtStanding(**_fields(s)) for s in head.history], warnings=list(head.warnings), background=head.background_of,
        usable=lib.exists and lib.store.pipeline_id == head.pipeline_id, model=head.model, pipeline_id=head.pipeline_id,
    )  # fmt: skip


def _detail(head: Taught, lib: Served) -> TaughtDetail:
    """The latest examples first, 2,000 at most."""
    items = list(range(len(head.examples)))[::-1][:2000]
    paths = sorted({head.examples.items[i].path for i in items})
    ids = _ids(lib, paths)
    examples = []
    for i in items:
        e = head.examples.items[i]
        said = {label: bool(t) for label, t in zip(head.labels, head.examples.truth[i].tolist(), strict=True) if t >= 0}
        name = readable(e.path).rpartition("/")[2]
        examples.append(TaughtExample(recording_id=ids.get(e.path), name=name, start=e.start, end=e.end, labels=said))
    return TaughtDetail(**_info(head, lib).model_dump(), examples=examples)


def _ids(lib: Served, paths: list[str]) -> dict[str, int]:
    import json

    if not lib.exists or not paths:
        return {}
    rows = lib.store.query(
        "SELECT id, display FROM recordings WHERE display IN (SELECT value FROM json_each(?)) ORDER BY id", json.dumps(paths)
    )
    return {path: number for number, path in rows}


def _fields(value: object) -> dict[str, Any]:
    from dataclasses import asdict

    fields: dict[str, Any] = asdict(value)  # type: ignore[call-overload]
    return fields
