"""Say what is heard: captions of a clip or a whole recording, and answers about it, with evidence."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from typing import Any

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel
from starlette.responses import StreamingResponse

from auricle.audio.types import Limits
from auricle.results import Answer, Caption, Evidence, Summary
from auricle.service.asked import Clip
from auricle.service.context import Context, Ctx, Lib, sound_of
from auricle.service.libraries import Served
from auricle.service.problems import ServiceError, as_service_error
from auricle.service.routes.recordings import recording_of
from auricle.service.saying_schemas import (
    Answered,
    Answering,
    AskRequest,
    Captioned,
    CaptionRequest,
    Captions,
    EvidenceSpan,
    Summed,
    Timeline,
    TimelineRequest,
)
from auricle.service.speakers import Telling

router = APIRouter(prefix="/api/v1", tags=["say"])

MOST_SECONDS = 3600.0  # of a recording that one request that is not streamed listens to
_LINES: dict[str, Any] = {"application/jsonl": {}}

log = logging.getLogger("auricle.service")


@router.post("/caption")
async def post_caption(asked: CaptionRequest, request: Request, ctx: Ctx, lib: Lib) -> Captions:
    """What is heard in a clip or a recording: a sentence for each piece that the model hears at once. At most an hour of it."""
    model = await run_in_threadpool(ctx.speakers.of, asked.model)

    def work(telling: Telling[Captions]) -> None:
        from auricle.tasks.caption import caption_stream, summary

        source, start, end = _source(asked.clip, ctx, lib, MOST_SECONDS)
        found = []
        for one in caption_stream(
            source, model, keep_unsupported=asked.keep_unsupported, start=start, end=end, told=lambda _: telling.checkpoint()
        ):
            found.append(one)
            telling.checkpoint()
        telling.tell(
            Captions(
                data=[_captioned(one) for one in found], summary=_summed(summary(found)), heard_to=found[-1].end, model=model.name,
                pipeline_id=model.pipeline_id,
            )
        )  # fmt: skip

    return await ctx.speakers.begin(work).last(request)


@router.post(
    "/caption/stream",
    response_class=StreamingResponse,
    responses={200: {"model": Timeline, "content": _LINES, "description": "JSON lines, each one `Timeline`."}},
)
async def post_caption_stream(asked: TimelineRequest, request: Request, ctx: Ctx, lib: Lib) -> StreamingResponse:
    """The same for a whole recording of any length, told as it is heard: JSON lines. Hang up to stop."""
    return await _timeline(asked, request, ctx, lib, keep=False)


@router.post(
    "/captions",
    response_class=StreamingResponse,
    responses={200: {"model": Timeline, "content": _LINES, "description": "JSON lines, each one `Timeline`."}},
)
async def post_captions(asked: TimelineRequest, request: Request, ctx: Ctx, lib: Lib) -> StreamingResponse:
    """The same, and kept with the texts of the library, where search finds them; captions of before are replaced when all is heard."""
    return await _timeline(asked, request, ctx, lib, keep=True)


async def _timeline(asked: TimelineRequest, request: Request, ctx: Context, lib: Served, *, keep: bool) -> StreamingResponse:
    recording = await run_in_threadpool(recording_of, lib, asked.recording_id)
    model = await run_in_threadpool(ctx.speakers.of, asked.model)

    def work(telling: Telling[Timeline]) -> None:
        from auricle.tasks.caption import caption_stream, summary

        found: list[Caption] = []
        begun = Timeline(duration=recording.duration, model=model.name, pipeline_id=model.pipeline_id)

        def heard(second: float) -> None:
            nonlocal begun
            telling.tell(begun.model_copy(update={"heard_to": second}))
            begun = Timeline()

        for one in caption_stream(
            recording.path, model, keep_unsupported=asked.keep_unsupported, limits=Limits.stream(), told=lambda _: telling.checkpoint(),
            heard=heard,
        ):  # fmt: skip
            found.append(one)
            telling.tell(Timeline(captions=[_captioned(one)], heard_to=one.end))
        if keep:
            telling.checkpoint()
            _keep(lib, recording.id, found)
        telling.tell(Timeline(heard_to=found[-1].end, done=True, summary=_summed(summary(found)), stored=keep))

    told = await ctx.speakers.begin(work).begun(request)
    return _lines(told, Timeline)


@router.post("/ask")
async def post_ask(asked: AskRequest, request: Request, ctx: Ctx, lib: Lib) -> Answered:
    """Ask about a clip, a recording or seconds of it. The answer comes with the spans that support it, or says that none does."""
    model = await run_in_threadpool(ctx.speakers.of, asked.model)
    telling: Telling[Answering] = ctx.speakers.begin(lambda t: _ask(t, asked, model, ctx, lib))
    last = await telling.last(request)
    assert last.answer is not None
    return last.answer


@router.post(
    "/ask/stream",
    response_class=StreamingResponse,
    responses={200: {"model": Answering, "content": _LINES, "description": "JSON lines, each one `Answering`."}},
)
async def post_ask_stream(asked: AskRequest, request: Request, ctx: Ctx, lib: Lib) -> StreamingResponse:
    """The same, told as it is spoken: JSON lines. Hang up to stop."""
    model = await run_in_threadpool(ctx.speakers.of, asked.model)
    telling: Telling[Answering] = ctx.speakers.begin(lambda t: _ask(t, asked, model, ctx, lib))
    return _lines(await telling.begun(request), Answering)


def _ask(telling: Telling[Answering], asked: AskRequest, model: Any, ctx: Context, lib: Served) -> None:
    from auricle.tasks.answer import ask

    if asked.more:
        source: Any = [sound_of(clip, lib, ctx) for clip in (asked.clip, *asked.more)]
        start, end = 0.0, None
    else:
        source, start, end = _source(asked.clip, ctx, lib, None)
    answer = ask(
        source, asked.question, model, options=asked.options, contrast=asked.contrast, start=start, end=end, seed=asked.seed,
        limits=Limits.stream(), told=lambda piece: telling.tell(Answering(piece=str(piece))),
    )  # fmt: skip
    telling.tell(Answering(answer=_answered(answer)))


def _source(clip: Clip, ctx: Context, lib: Served, most: float | None) -> tuple[Any, float, float | None]:
    """A recording flows from its file; anything else is a clip, and held whole."""
    if clip.recording_id is None or any(value is not None for value in (clip.upload_id, clip.audio, clip.url)):
        return sound_of(clip, lib, ctx), 0.0, None
    if clip.end is not None and clip.end <= clip.start:
        raise ServiceError(422, "invalid_request", "The end of a clip is not after its start.")
    end = clip.end if most is None else min(clip.end if clip.end is not None else float("inf"), clip.start + most)
    return recording_of(lib, clip.recording_id).path, clip.start, end


def _keep(lib: Served, recording: int, captions: list[Caption]) -> None:
    from auricle.library.rows import Text
    from auricle.library.said import put_captions
    from auricle.tasks.caption import UNSURE
    from auricle.tasks.speaking import NOTHING

    put_captions(lib.store, recording, [Text(c.caption, c.start, c.end) for c in captions if c.caption not in (NOTHING, UNSURE)])


def _captioned(one: Caption) -> Captioned:
    return Captioned(start=one.start, end=one.end, caption=one.caption, evidence=_spans(one.evidence), unsupported=list(one.unsupported))


def _summed(one: Summary) -> Summed:
    return Summed(summary=one.summary, sounds=_spans(one.sounds))


def _answered(one: Answer) -> Answered:
    return Answered(
        question=one.question, answer=one.answer, evidence=_spans(one.evidence), unsupported=list(one.unsupported),
        cannot_tell=one.cannot_tell, start=one.start, end=one.end, scores=dict(one.scores), model=one.model, pipeline_id=one.pipeline_id,
    )  # fmt: skip


def _spans(evidence: tuple[Evidence, ...]) -> list[EvidenceSpan]:
    return [EvidenceSpan(claim=e.claim, start=e.start, end=e.end, score=e.score) for e in evidence]


def _lines(told: AsyncIterator[Any], line: type[Timeline] | type[Answering]) -> StreamingResponse:
    async def text() -> AsyncIterator[str]:
        try:
            async for item in told:
                yield _line(item) if item is not None else "\n"  # a sign of life
        except Exception as error:  # the answer has begun: its last line is the problem
            known = as_service_error(error)
            if known is None:
                log.exception("saying failed")
                known = ServiceError(500, "internal", "The server met a defect while it worked on this.", hint="See the server's log.")
            yield _line(line(problem=known.document()))

    return StreamingResponse(text(), media_type="application/jsonl", headers={"Cache-Control": "no-store"})


def _line(line: BaseModel) -> str:
    return line.model_dump_json(exclude_defaults=True) + "\n"
