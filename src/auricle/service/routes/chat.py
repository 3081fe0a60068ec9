"""``/v1/chat/completions`` as OpenAI has it: questions about sound, answered by the models of this machine that speak."""

from __future__ import annotations

import json
import logging
import secrets
import time
from collections.abc import AsyncIterator, Generator
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response, StreamingResponse

from auricle.models.capabilities import Cut
from auricle.service.context import Context, Ctx
from auricle.service.problems import ServiceError, as_service_error, openai_error
from auricle.service.routes.openai import AudioInput, opened
from auricle.service.speakers import Telling

router = APIRouter(prefix="/v1", tags=["OpenAI-shaped"])

MOST_TOKENS = 4096  # of one answer
USUAL_TOKENS = 256
SLACK = 0.5  # seconds that a sound may be longer than what a model hears

log = logging.getLogger("auricle.service")


class TextPart(BaseModel):
    type: Literal["text"]
    text: str = Field(max_length=32_768)


Part = Annotated[TextPart | AudioInput, Field(discriminator="type")]
Content = Annotated[str, Field(max_length=32_768)] | Annotated[list[Part], Field(max_length=256)]


class Message(BaseModel):
    role: Literal["system", "developer", "user", "assistant"]
    content: Content | None = None


class StreamOptions(BaseModel):
    include_usage: bool = False


class ChatRequest(BaseModel):
    """What would change the answer and is not known here is refused, not passed over."""

    model_config = ConfigDict(
        extra="ignore",
        json_schema_extra={"examples": [{"model": "tiny-heads", "messages": [{"role": "user", "content": "Describe the recording."}]}]},
    )

    model: str = Field(max_length=500)
    messages: list[Message] = Field(min_length=1, max_length=256)
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    max_tokens: int | None = Field(default=None, ge=1)
    max_completion_tokens: int | None = Field(default=None, ge=1, description="The same by its newer name; it counts where both are given.")
    seed: int | None = Field(default=None, description="0: the likeliest answer. Any other draws one, the same each time.")
    temperature: float | None = Field(
        default=None, ge=0, le=2, description="0: the likeliest answer. More, without a seed: one is drawn; how freely is the model's own."
    )
    n: Literal[1] | None = 1
    stop: str | list[str] | None = None
    tools: list[Any] | None = None
    functions: list[Any] | None = None
    logprobs: bool | None = None
    response_format: dict[str, Any] | None = None
    modalities: list[str] | None = None

    @property
    def most(self) -> int:
        return min(self.max_completion_tokens or self.max_tokens or USUAL_TOKENS, MOST_TOKENS)

    @property
    def draw(self) -> int:
        """The seed as models take it."""
        if self.temperature == 0:
            return 0
        if self.seed is not None:
            return abs(self.seed) % (1 << 32)
        return secrets.randbelow(1 << 31) + 1 if self.temperature else 0


class Spoken(BaseModel):
    role: Literal["assistant"] = "assistant"
    content: str
    refusal: None = None


Finish = Literal["stop", "length"]


class Choice(BaseModel):
    index: int = 0
    message: Spoken
    logprobs: None = None
    finish_reason: Finish


class ChatUsage(BaseModel):
    """Tokens of text; sound is not counted."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class ChatCompletion(BaseModel):
    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: list[Choice]
    usage: ChatUsage | None = Field(default=None, description="Null where the model does not tell.")


class Delta(BaseModel):
    role: Literal["assistant"] | None = None
    content: str | None = None


class ChunkChoice(BaseModel):
    index: int = 0
    delta: Delta
    finish_reason: Finish | None = None


class ChatChunk(BaseModel):
    """One event of a streamed answer; ``data: [DONE]`` is the last."""

    id: str
    object: Literal["chat.completion.chunk"] = "chat.completion.chunk"
    created: int
    model: str
    choices: list[ChunkChoice]
    usage: ChatUsage | None = None


@dataclass(frozen=True, slots=True)
class _End:
    """The last that is told: all of the answer."""

    text: str
    finish: Finish
    usage: ChatUsage | None


@router.post(
    "/chat/completions",
    response_model=ChatCompletion,
    responses={200: {"content": {"text/event-stream": {}}, "description": "With `stream`: server-sent events, each one `ChatChunk`."}},
)
async def post_chat(asked: ChatRequest, request: Request, ctx: Ctx) -> Response | ChatCompletion:
    """Ask a model about sound. What a recording says is heard, never obeyed."""
    prompt, items = _question(asked)
    model = await run_in_threadpool(ctx.speakers.of, asked.model)
    telling: Telling[str | _End] = ctx.speakers.begin(lambda t: _speak(t, model, prompt, items, asked, ctx))
    head = {"id": f"chatcmpl-{secrets.token_hex(12)}", "created": int(time.time()), "model": model.name}
    if asked.stream:
        told = await telling.begun(request)
        events = _events(told, head, bool(asked.stream_options and asked.stream_options.include_usage))
        return StreamingResponse(events, media_type="text/event-stream", headers={"Cache-Control": "no-store"})
    end = await telling.last(request)
    assert isinstance(end, _End)
    return ChatCompletion(**head, choices=[Choice(message=Spoken(content=end.text), finish_reason=end.finish)], usage=end.usage)


def _question(asked: ChatRequest) -> tuple[str, list[AudioInput]]:
    """All texts in order, one a line, those of the assistant marked; and the sounds. Raises ServiceError."""
    for name in ("stop", "tools", "functions", "logprobs"):
        if getattr(asked, name):
            raise ServiceError(422, "invalid_request", f"{name} is not understood here.", hint="Leave it out.")
    if asked.response_format and asked.response_format.get("type", "text") != "text":
        raise ServiceError(422, "invalid_request", "Answers are plain text here.", hint="Leave response_format out.")
    if asked.modalities and set(asked.modalities) != {"text"}:
        raise ServiceError(422, "invalid_request", "Answers are text here, not sound.", hint="Leave modalities out.")
    lines: list[str] = []
    sounds: list[AudioInput] = []
    for message in asked.messages:
        parts = [TextPart(type="text", text=message.content)] if isinstance(message.content, str) else message.content or []
        sounds += [part for part in parts if isinstance(part, AudioInput)]
        text = "\n".join(part.text.strip() for part in parts if isinstance(part, TextPart)).strip()
        if text:
            lines.append(f"Answer: {text}" if message.role == "assistant" else text)
    prompt = "\n".join(lines)
    if asked.messages[-1].role != "user" or not any(character.isalnum() for character in prompt):
        raise ServiceError(422, "invalid_request", "There is no question.", hint="Let the last message be of the user, with a text.")
    return prompt, sounds


def _speak(telling: Telling[str | _End], model: Any, prompt: str, items: list[AudioInput], asked: ChatRequest, ctx: Context) -> None:
    from auricle.tasks import speaking

    speaking.several(model, len(items))
    sounds = []
    for item in items:
        sound = opened(item, ctx)
        if model.longest is not None and sound.duration > model.longest + SLACK:
            raise ServiceError(
                422, "model_capability", f"{model.name} hears {model.longest:g} seconds at once; this sound has {sound.duration:.1f}.",
                hint="Send less of it, or ask /api/v1/ask, which finds the part that a question is about.",
            )  # fmt: skip
        sounds.append(sound)
        telling.checkpoint()
    text, finish = "", "stop"
    pieces = model.generate(sounds, prompt, seed=asked.draw, max_tokens=asked.most)
    try:
        for piece in pieces:
            text += piece
            finish = "length" if isinstance(piece, Cut) else "stop"
            telling.tell(str(piece))
    finally:
        if isinstance(pieces, Generator):  # one that works in threads of its own ends them
            pieces.close()
    count = getattr(model, "count_tokens", None)
    usage = None
    if count is not None:
        before, after = count([prompt, text])
        usage = ChatUsage(prompt_tokens=before, completion_tokens=after, total_tokens=before + after)
    telling.tell(_End(text, "length" if finish == "length" else "stop", usage))


async def _events(told: AsyncIterator[str | _End | None], head: dict[str, Any], with_usage: bool) -> AsyncIterator[str]:
    def chunk(delta: Delta, finish: Finish | None = None) -> str:
        return _event(ChatChunk(**head, choices=[ChunkChoice(delta=delta, finish_reason=finish)]))

    yield chunk(Delta(role="assistant", content=""))
    try:
        async for item in told:
            if item is None:
                yield ": still here\n\n"
            elif isinstance(item, _End):
                yield chunk(Delta(), item.finish)
                if with_usage and item.usage is not None:
                    yield _event(ChatChunk(**head, choices=[], usage=item.usage))
            elif item:
                yield chunk(Delta(content=item))
    except Exception as error:  # the answer has begun: it ends with the problem
        known = as_service_error(error)
        if known is None:
            log.exception("a chat failed")
            known = ServiceError(500, "internal", "The server met a defect while it worked on this.", hint="See the server's log.")
        yield f"data: {openai_error(known.document()).model_dump_json()}\n\n"
        return
    yield "data: [DONE]\n\n"


def _event(chunk: ChatChunk) -> str:
    document = chunk.model_dump(exclude={"usage"} if chunk.usage is None else None)
    for choice in document["choices"]:
        choice["delta"] = {name: value for name, value in choice["delta"].items() if value is not None}
    return f"data: {json.dumps(document, ensure_ascii=False)}\n\n"
