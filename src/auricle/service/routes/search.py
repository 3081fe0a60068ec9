"""Ask: search, similar, classify, uploads."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response, UploadFile
from starlette.concurrency import run_in_threadpool

from auricle.library import browse
from auricle.library import projection as version_of
from auricle.library.search import Like, search, similar, stored_vector
from auricle.models.taught import Speaking
from auricle.results import Hit, readable
from auricle.service import media
from auricle.service import taught as shelf
from auricle.service.asked import ClassifyRequest, Clip, Filters, SearchRequest
from auricle.service.context import CLIP_LIMITS, Context, Ctx, Lib, digest, filter_of, from_cursor, sound_of, to_cursor
from auricle.service.libraries import Served
from auricle.service.problems import ServiceError
from auricle.service.routes.recordings import tag_of
from auricle.service.schemas import Classified, Moment, SearchResponse, Understood, Upload
from auricle.tasks import retrieve

router = APIRouter(prefix="/api/v1", tags=["ask"])

MOMENTS = 300  # of one search, over all its pages
_REMEMBERED = 32  # searches whose further pages are ready


@router.post("/search")
def post_search(asked: SearchRequest, ctx: Ctx, lib: Lib) -> SearchResponse:
    """The moments that fit a description, a clip, or both; best first."""
    return run_search(asked, ctx, lib)


@router.get("/search")
def get_search(
    ctx: Ctx,
    lib: Lib,
    q: Annotated[str, Query(max_length=1000, description='Words as you write them, with "no …" for what must not be heard.')],
    limit: Annotated[int, Query(ge=1, le=500)] = 20,
    where: Annotated[str | None, Query(max_length=4000)] = None,
    cursor: Annotated[str | None, Query(max_length=2000)] = None,
) -> SearchResponse:
    """The same for a simple question."""
    return run_search(SearchRequest(query=q, limit=limit, filters=Filters(where=where), cursor=cursor), ctx, lib)


def run_search(asked: SearchRequest, ctx: Context, lib: Served) -> SearchResponse:
    began = time.perf_counter()
    store = lib.store
    versions = lib.generation, version_of.version(store), shelf.version(asked.taught)
    question = digest(lib.id, versions, asked.model_dump(exclude={"cursor", "limit"}))
    offset = from_cursor(asked.cursor, question)
    hits = ctx.found.get(question)
    if hits is None:
        hits = _found(asked, ctx, lib)
        ctx.found[question] = hits
        for old in list(ctx.found)[:-_REMEMBERED]:  # a copy at once: other threads add and take meanwhile
            ctx.found.pop(old, None)
    page = hits[offset : offset + asked.limit]
    more = offset + asked.limit < len(hits)
    return _response(
        lib, page, retrieve.understand(asked.query, asked.unwanted), began,
        cursor=to_cursor(offset + asked.limit, question) if more else None,
        suggestions=_suggestions(asked, ctx, lib) if not hits else [],
    )  # fmt: skip


def _found(asked: SearchRequest, ctx: Context, lib: Served) -> list[Hit]:
    chosen = filter_of(asked.filters)
    like = Like(None, vector=_vector(asked.like, ctx, lib)) if asked.like is not None else None
    unlike = [Like(None, vector=_vector(clip, ctx, lib)) for clip in asked.unlike]
    model = ctx.embedder(lib)
    head = shelf.usable(asked.taught, model)
    return search(
        lib.store, model if head is None else Speaking(model, head), asked.query, like=like, unwanted=asked.unwanted, unlike=unlike,
        where=browse.compiled(chosen) if chosen else None, limit=MOMENTS, sources=asked.sources,
    )  # fmt: skip


def _vector(clip: Clip, ctx: Context, lib: Served) -> retrieve.Floats:
    if clip.recording_id is not None and clip.upload_id is None and clip.audio is None and clip.url is None:
        return stored_vector(lib.store, clip.recording_id, start=clip.start, end=clip.end)
    return ctx.embedder(lib).embed_whole(sound_of(clip, lib, ctx))


def _suggestions(asked: SearchRequest, ctx: Context, lib: Served) -> list[str]:
    """Words near what was wanted that this library's names and tags hold."""
    wanted = retrieve.understand(asked.query).wanted
    model = ctx.embedder(lib)
    if not wanted or not model.has_sentences:
        return []
    return lib.store.phrases_near(model.sentence([wanted])[0], 5)


@router.get("/similar")
def get_similar(
    ctx: Ctx,
    lib: Lib,
    recording_id: Annotated[int, Query(ge=1)],
    start: Annotated[float, Query(ge=0)] = 0.0,
    end: Annotated[float | None, Query(gt=0)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 20,
) -> SearchResponse:
    """Moments of other recordings that sound like (a part of) one of the library."""
    began = time.perf_counter()
    hits = similar(lib.store, lib.store, recording_id, start=start, end=end, limit=limit)
    return _response(lib, hits, retrieve.Query(""), began)


def _response(
    lib: Served,
    hits: Sequence[Hit],
    understood: retrieve.Query,
    began: float,
    *,
    cursor: str | None = None,
    suggestions: Sequence[str] = (),
) -> SearchResponse:
    rows = {row.id: row for row in browse.recordings(lib.store, [hit.recording_id for hit in hits])}
    moments = []
    for hit in hits:
        row = rows.get(hit.recording_id)
        if row is None:
            continue
        path = readable(hit.path)
        folder, _, name = path.rpartition("/")
        moments.append(
            Moment(
                recording_id=hit.recording_id, name=name, folder=folder or "/", path=path, start=hit.start, end=hit.end, score=hit.score,
                parts=dict(hit.parts), why=dict(hit.why), duration=hit.duration, rate=hit.rate, channels=hit.channels, format=row.format,
                tags=[tag_of(t) for t in row.tags],
                copies=[readable(c) for c in hit.copies], vanished=row.vanished_at is not None,
                playable=media.playable(row.format, row.codec, row.rate, row.channels, row.bytes),
            )
        )  # fmt: skip
    return SearchResponse(
        data=moments, next_cursor=cursor, understood=Understood(wanted=understood.wanted, unwanted=list(understood.unwanted)),
        suggestions=list(suggestions), took_ms=round((time.perf_counter() - began) * 1e3, 1), library=lib.id, model=lib.store.model,
        pipeline_id=lib.store.pipeline_id,
    )  # fmt: skip


@router.post("/classify")
def post_classify(asked: ClassifyRequest, ctx: Ctx, lib: Lib) -> Classified:
    """How well each label describes a clip, with "none of these"."""
    from auricle.tasks.classify import classify_vectors

    model = ctx.embedder(lib) if lib.exists else ctx.embedders.of(ctx.default_model())
    head = shelf.usable(asked.taught, model)
    if head is None and not asked.labels:
        raise ServiceError(422, "invalid_request", "There are no labels.", hint="Name labels, or a taught head.")
    vectors, _ = model.embed_sound(sound_of(asked.clip, lib, ctx))
    result = classify_vectors(vectors, asked.labels, model, path="", exclusive=asked.exclusive, head=head)
    return Classified(
        scores=dict(result.scores), none=result.none, calibrated=result.calibrated, exclusive=result.exclusive, model=result.model,
        pipeline_id=result.pipeline_id,
    )  # fmt: skip


@router.post("/uploads", status_code=201)
async def post_upload(request: Request, ctx: Ctx, response: Response) -> Upload:
    """Hold a clip for an hour, to ask with: ``multipart/form-data`` with a part ``file``, or the bytes of a sound file as the body."""
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind == "multipart/form-data":
        async with request.form(max_files=1, max_fields=4) as form:
            part = form.get("file")
            if not isinstance(part, UploadFile) and not hasattr(part, "read"):
                raise ServiceError(422, "invalid_request", "The form has no part named file.")
            data = await part.read()  # type: ignore[union-attr]
    elif kind.startswith(("audio/", "video/")) or kind == "application/octet-stream":
        data = await request.body()
    else:
        raise ServiceError(415, "unsupported_media_type", "Send a form with a file, or a body of type audio/….")
    return await run_in_threadpool(_held, data, ctx)


def _held(data: bytes, ctx: Context) -> Upload:
    from auricle import audio
    from auricle.audio.waveform import Tracer, resample

    if not data:
        raise ServiceError(422, "audio_empty", "The upload holds no bytes.")
    sound = audio.open(data, limits=CLIP_LIMITS)
    mono = sound.mono()  # what is asked with it needs no more
    tracer = Tracer(sound.rate)
    tracer.add(mono.samples[0])
    drawn = resample(tracer.finish(), 0.0, sound.duration, 160)
    return Upload(
        upload_id=ctx.uploads.put(mono), duration=sound.duration, rate=sound.rate, channels=sound.channels,
        min=[int(v) for v in drawn.min], max=[int(v) for v in drawn.max],
    )  # fmt: skip
