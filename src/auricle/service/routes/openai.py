"""The part that speaks OpenAI's language: ``/v1/embeddings`` for text and sound, ``/v1/models``; ``chat`` has the rest."""

from __future__ import annotations

import base64
from typing import Annotated, Literal

import numpy as np
from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from auricle.audio.types import Audio
from auricle.models import hub
from auricle.models.capabilities import Vectors
from auricle.service.context import CLIP_LIMITS, Context, Ctx, fetched, from_base64
from auricle.service.embedding import Embedder
from auricle.service.problems import ServiceError
from auricle.service.speakers import speaks

router = APIRouter(prefix="/v1", tags=["OpenAI-shaped"])

MOST_INPUTS = 2048


class InputAudio(BaseModel):
    model_config = ConfigDict(extra="forbid")

    data: str = Field(max_length=90 << 20, description="Base64 of a sound file, or a data: URI.")
    format: str = Field(default="", max_length=20, description="Not needed: what the bytes are is found out.")


class AudioUrl(BaseModel):
    model_config = ConfigDict(extra="forbid")

    url: str = Field(max_length=90 << 20, description="A data: URI; an http(s) URL only where the server allows it.")


class AudioInput(BaseModel):
    """Sound as OpenAI's chat API writes it."""

    model_config = ConfigDict(extra="forbid")

    type: Literal["input_audio", "audio_url"]
    input_audio: InputAudio | None = None
    audio_url: AudioUrl | None = None


Text = Annotated[str, Field(max_length=32_768)]
Item = Text | AudioInput


class EmbeddingRequest(BaseModel):
    model_config = ConfigDict(
        extra="ignore", json_schema_extra={"examples": [{"model": "tiny-towers", "input": ["a dog barking", "rain on a roof"]}]}
    )

    input: (
        Item
        | Annotated[list[Item], Field(min_length=1, max_length=MOST_INPUTS)]
        | Annotated[list[int], Field(min_length=1, max_length=8192)]
    )
    model: str = Field(max_length=500)
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: int | None = Field(default=None, ge=1, le=65_536, description="The first so many numbers, at unit norm again.")
    user: str | None = None


class EmbeddingObject(BaseModel):
    object: Literal["embedding"] = "embedding"
    index: int
    embedding: list[float] | str


class Usage(BaseModel):
    prompt_tokens: int
    total_tokens: int


class EmbeddingResponse(BaseModel):
    object: Literal["list"] = "list"
    data: list[EmbeddingObject]
    model: str
    usage: Usage


class ModelObject(BaseModel):
    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str
    dimensions: int | None = Field(description="Of its embeddings; null for a model that has none.")
    modalities: list[str]
    endpoints: list[str] = Field(description="Which calls take it.")
    pipeline_id: str


class ModelList(BaseModel):
    object: Literal["list"] = "list"
    data: list[ModelObject]


@router.get("/models")
def list_models() -> ModelList:
    """Models on this machine."""
    return ModelList(data=[_described(info) for info in hub.installed() if not info.error])


@router.get("/models/{model_id:path}")
def get_model(model_id: str) -> ModelObject:
    for info in hub.installed():
        if not info.error and model_id in (info.name, info.name.partition("@")[0], info.source):
            return _described(info)
    raise ServiceError(404, "model_not_found", "There is no model of that name on this machine.", hint="GET /v1/models lists them.")


@router.post("/embeddings")
def post_embeddings(asked: EmbeddingRequest, ctx: Ctx) -> EmbeddingResponse:
    """A unit vector for each text and each sound, in one space: dot products compare them. A long sound is the mean of its windows."""
    items = asked.input if isinstance(asked.input, list) else [asked.input]
    said = [item for item in items if not isinstance(item, int)]
    if len(said) < len(items):
        raise ServiceError(422, "invalid_request", "Tokens are not understood here.", hint="Send the text itself.")
    embedder = _embedder(asked.model, ctx)
    dim = embedder.model.dim
    if asked.dimensions is not None and asked.dimensions > dim:
        raise ServiceError(422, "invalid_request", f"{embedder.model.name} has {dim} dimensions.", hint="Ask for no more, or leave it out.")
    texts = [item for item in said if isinstance(item, str)]
    of_texts = iter(embedder.embed_text(texts))
    vectors = np.stack([next(of_texts) if isinstance(item, str) else _of_sound(item, embedder, ctx) for item in said])
    tokens = sum(embedder.model.count_tokens(texts)) if texts else 0
    return EmbeddingResponse(
        data=[
            EmbeddingObject(index=i, embedding=_encoded(vector, asked.encoding_format))
            for i, vector in enumerate(_cut(vectors, asked.dimensions))
        ],
        model=embedder.model.name,
        usage=Usage(prompt_tokens=tokens, total_tokens=tokens),
    )


def _embedder(name: str, ctx: Context) -> Embedder:
    """Only models that are installed: a client does not name paths of the server."""
    for info in hub.installed():
        if not info.error and name in (info.name, info.name.partition("@")[0], info.source):
            if speaks(info):
                raise ServiceError(422, "model_capability", f"{info.name} speaks, and has no embeddings.", hint="Use tiny-towers.")
            return ctx.embedders.of(hub.load(info.path))
    for lib in ctx.libraries.all():
        if lib.exists and lib.store.model == name:
            return ctx.embedder(lib)
    raise ServiceError(404, "model_not_found", "There is no model of that name on this machine.", hint="GET /v1/models lists them.")


def _of_sound(item: AudioInput, embedder: Embedder, ctx: Context) -> Vectors:
    return embedder.embed_whole(opened(item, ctx, rate=embedder.model.rate))


def opened(item: AudioInput, ctx: Context, *, rate: int | None = None) -> Audio:
    """The sound of an item, through the gate: mono. Raises ServiceError, AudioError."""
    from auricle import audio

    if item.type == "input_audio" and item.input_audio is not None:
        data = from_base64(item.input_audio.data)
    elif item.type == "audio_url" and item.audio_url is not None:
        url = item.audio_url.url
        data = from_base64(url) if url[:5].lower() == "data:" else fetched(url, ctx)
    else:
        raise ServiceError(422, "invalid_request", f"An input of type {item.type} lacks its {item.type}.")
    return audio.open(data, rate=rate, mono=True, limits=CLIP_LIMITS)


def _cut(vectors: Vectors, dimensions: int | None) -> Vectors:
    if dimensions is None:
        return vectors
    short = vectors[:, :dimensions]
    return np.asarray(short / np.maximum(np.linalg.norm(short, axis=1, keepdims=True), 1e-12), dtype=np.float32)


def _encoded(vector: Vectors, encoding: str) -> list[float] | str:
    if encoding == "base64":
        return base64.b64encode(vector.astype("<f4").tobytes()).decode("ascii")
    return [float(v) for v in vector]


def _described(info: hub.ModelInfo) -> ModelObject:
    chat = speaks(info)
    return ModelObject(
        id=info.name, created=0, owned_by=info.source, dimensions=None if chat else info.dim, modalities=["audio", "text"],
        endpoints=["/v1/chat/completions" if chat else "/v1/embeddings"], pipeline_id=info.pipeline_id,
    )  # fmt: skip
