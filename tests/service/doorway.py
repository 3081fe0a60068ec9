"""Requests to a door without a socket, so that a test says every header, peer and piece of a body itself."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field

from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from auricle.service import problems
from auricle.service.config import ServiceConfig
from auricle.service.door import Door
from auricle.service.keys import Keys

HOST = "127.0.0.1:8321"
TOKEN = "launch-token"


@dataclass
class Answer:
    status: int = 0
    headers: dict = field(default_factory=dict)
    body: bytes = b""

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def code(self):
        assert self.headers["content-type"] == "application/problem+json", (self.status, self.body)
        assert self.json["status"] == self.status
        return self.json["code"]


class Searched(BaseModel):
    query: str


def make_app():
    """What a door may stand before: it tells who came in."""
    app = FastAPI()
    problems.install(app)

    @app.api_route("/api/v1/status", methods=["GET", "POST", "DELETE"])
    @app.get("/")
    @app.get("/api/v1/folders")
    @app.get("/metrics")
    @app.get("/health/live")
    async def who(request: Request):
        caller = getattr(request.state, "caller", None)
        if caller is None:
            return {"kind": None}
        return {"kind": caller.kind, "name": caller.name, "scopes": sorted(caller.scopes), "local": caller.local}

    @app.post("/api/v1/search")
    async def search(asked: Searched):
        return {"length": len(asked.query)}

    @app.post("/api/v1/tags")
    @app.post("/api/v1/libraries/one/index")
    @app.post("/v1/embeddings")
    @app.post("/api/v1/uploads")
    @app.post("/mcp")
    async def length(request: Request):
        return {"length": sum([len(piece) async for piece in request.stream()])}

    @app.get("/api/v1/stream")
    async def stream():
        async def pieces():
            for n in range(3):
                yield f"{n}\n"
                await asyncio.sleep(0.05)

        return StreamingResponse(pieces())

    @app.get("/api/v1/broken")
    async def broken():
        raise ZeroDivisionError("inside")

    @app.get("/api/v1/cut")
    async def cut():
        async def pieces():
            yield "half"
            raise ZeroDivisionError("inside")

        return StreamingResponse(pieces())

    @app.get("/api/v1/hold")
    async def hold(request: Request):
        await request.app.state.gate.wait()
        return {}

    return app


def make_door(tmp_path, app=None, **config):
    config.setdefault("token", TOKEN)
    return Door(app or make_app(), ServiceConfig(**config), Keys(tmp_path / "keys.json"))


async def send(
    door, method="GET", target="/api/v1/status", headers=(), *, body=(), peer="127.0.0.1", server=("127.0.0.1", 8321), host=HOST
):
    """One request. headers: a dict, or pairs. body: bytes, or pieces, of which a float is a wait in seconds."""
    path, _, query = target.partition("?")
    pairs = list(headers.items() if isinstance(headers, dict) else headers)
    if host is not None:
        pairs.insert(0, ("host", host))
    pieces = [body] if isinstance(body, bytes) else list(body)
    if pieces and not any(name.lower() in ("content-length", "transfer-encoding") for name, _ in pairs):
        pairs.append(("transfer-encoding", "chunked"))
    answer, ended = Answer(), asyncio.Event()

    async def receive():
        while pieces:
            piece = pieces.pop(0)
            if isinstance(piece, float):
                await asyncio.sleep(piece)
                continue
            return {"type": "http.request", "body": piece, "more_body": bool(pieces)}
        if not answer.__dict__.get("asked"):
            answer.__dict__["asked"] = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await ended.wait()
        return {"type": "http.disconnect"}

    async def give(message):
        if message["type"] == "http.response.start":
            assert answer.status == 0, "a second answer"
            answer.status = message["status"]
            answer.headers = {name.decode(): value.decode() for name, value in message["headers"]}
            assert len(answer.headers) == len(message["headers"]), "a header twice"
        else:
            answer.body += message.get("body", b"")
            if not message.get("more_body", False):
                ended.set()

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http", "path": path,
        "raw_path": path.encode(), "query_string": query.encode(), "root_path": "", "client": (peer, 50000) if peer else None,
        "server": server, "headers": [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in pairs],
    }  # fmt: skip
    await door(scope, receive, give)
    answer.ended = ended.is_set()
    answer.left = len(pieces)
    return answer


def ask(door, *arguments, **more):
    return asyncio.run(send(door, *arguments, **more))
