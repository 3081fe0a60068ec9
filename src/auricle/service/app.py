"""The server: the page, the HTTP API and MCP behind one door. ``create_app(config)`` gives the ASGI application."""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from anyio import to_thread
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.staticfiles import StaticFiles

from auricle import __version__, settings
from auricle.errors import AuricleError, ModelError
from auricle.service import problems
from auricle.service.config import ServiceConfig
from auricle.service.context import Context
from auricle.service.door import App, Door, Message, Receive, Scope, Send
from auricle.service.embedding import Embedders
from auricle.service.jobs import ACTIVE, Jobs
from auricle.service.keys import Keys
from auricle.service.libraries import Libraries
from auricle.service.metrics import Metrics
from auricle.service.routes import chat, exports, landscape, libraries, openai, recordings, report, saying, search, sound, taught
from auricle.service.schemas import Problem
from auricle.service.uploads import Uploads

PAGE = Path(__file__).parent / "page"


def create_app(config: ServiceConfig, keys: Keys | None = None, *, batching: bool = True) -> Service:
    """Raises UsageError for a configuration that would leave the door open."""
    config.check(keys)
    metrics = Metrics()
    context = Context(
        config=config, libraries=Libraries(config.libraries), jobs=Jobs(settings.home() / "jobs.db"),
        embedders=Embedders(metrics, batching=batching), uploads=Uploads(), metrics=metrics,
    )  # fmt: skip
    return Service(context, keys)


class Service:
    """An ASGI application. ``context`` is what its routes share; ``api`` the FastAPI application behind the door."""

    def __init__(self, context: Context, keys: Keys | None) -> None:
        self.context = context
        self.api = _api(context)
        self._door = Door(_Measured(self.api, context.metrics), context.config, keys)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._door(scope, receive, send)

    def warm(self) -> None:
        """Load what the first search needs, in the background: who starts the page asks a few seconds later."""
        threading.Thread(target=self.context.warm, name="auricle-warm", daemon=True).start()

    def closing(self) -> None:
        """Say to what streams that the server ends."""
        self.context.closing.set()


def _api(context: Context) -> FastAPI:
    mcp = _mcp(context)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        # A thread for each request that the door lets in: slow ones (pictures, decoding) must not keep quick ones waiting for one.
        limiter = to_thread.current_default_thread_limiter()
        limiter.total_tokens = max(limiter.total_tokens, (context.config.limits.concurrency or 1024) + 16)
        async with AsyncExitStack() as stack:
            if mcp is not None:
                await stack.enter_async_context(mcp.running())
            try:
                yield
            finally:
                context.closing.set()
                context.jobs.close()
                context.speakers.close()
                context.embedders.close()
                context.libraries.close()

    api = FastAPI(
        title="auricle", version=__version__, docs_url=None, redoc_url=None, lifespan=lifespan,
        description="Describe a sound, get the moment, take it with you.",
        responses={"default": {"model": Problem, "description": "A problem (RFC 9457)", "content": {problems.MEDIA_TYPE: {}}}},
    )  # fmt: skip
    api.state.context = context
    problems.install(api)
    for group in (search, recordings, sound, exports, taught, saying, libraries, openai, chat, landscape, report):
        api.include_router(group.router)
    _health(api, context)
    if mcp is not None:
        api.router.routes.append(mcp.route())
    _page(api)
    api.openapi = lambda: _openapi(api)  # type: ignore[method-assign]
    return api


def _mcp(context: Context) -> Any:
    """The MCP server for ``/mcp``, where its package is installed."""
    from auricle.service.mcp import mounted

    try:
        return mounted(context.libraries, lambda: [job.info().model_dump() for job in context.jobs.all() if job.state in ACTIVE])
    except ModelError:
        return None


def _health(api: FastAPI, context: Context) -> None:
    @api.get("/health/live", tags=["health"])
    def live() -> dict[str, str]:
        """The process answers."""
        return {"status": "live"}

    @api.get("/health/ready", tags=["health"], responses={503: {"model": Problem}})
    def ready() -> JSONResponse:
        """Every library that exists can be asked: its files open, its model is here. 503 names what is wrong."""
        states: dict[str, str] = {}
        for lib in context.libraries.all():
            try:
                if lib.exists:
                    context.embedder(lib)
                    lib.store.stats()
                states[lib.id] = "ready" if lib.exists else "empty"
            except AuricleError as error:
                states[lib.id] = error.kind
        well = all(state in ("ready", "empty") for state in states.values())
        return JSONResponse({"status": "ready" if well else "unready", "libraries": states}, status_code=200 if well else 503)

    @api.get("/metrics", tags=["health"], response_class=Response)
    def metrics() -> Response:
        """Prometheus' text format."""
        context.metrics.jobs.set(sum(job.state in ACTIVE for job in context.jobs.all()))
        return Response(context.metrics.text(), media_type="text/plain; version=0.0.4")


def _page(api: FastAPI) -> None:
    """The built page; its routes live behind ``#``, so there is one document."""

    @api.get("/", include_in_schema=False)
    @api.get("/index.html", include_in_schema=False)
    def index() -> FileResponse:
        return FileResponse(PAGE / "index.html", headers={"Cache-Control": "no-cache"})

    if (PAGE / "assets").is_dir():
        api.mount("/assets", _Assets(directory=PAGE / "assets"))

    for name in sorted(p.name for p in PAGE.glob("*") if p.is_file() and p.name != "index.html"):
        api.add_api_route(f"/{name}", _file(PAGE / name), include_in_schema=False)


def _file(path: Path) -> Any:
    def give() -> FileResponse:
        return FileResponse(path, headers={"Cache-Control": "max-age=3600"})

    return give


class _Assets(StaticFiles):
    """Names hold a hash of the content, so they may be kept for ever."""

    def file_response(self, *args: Any, **more: Any) -> Response:
        response = super().file_response(*args, **more)
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response


def _openapi(api: FastAPI) -> dict[str, Any]:
    if api.openapi_schema is None:
        document = get_openapi(title=api.title, version=api.version, description=api.description, routes=api.routes)
        document["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
        document["security"] = [{}, {"key": []}]
        api.openapi_schema = document
    return api.openapi_schema


class _Measured:
    """Counts and times requests by the template of their route."""

    def __init__(self, app: App, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, noted = time.perf_counter(), False

        async def sending(message: Message) -> None:
            nonlocal noted
            if message["type"] == "http.response.start" and not noted:
                noted = True
                route = getattr(scope.get("route"), "path", None) or "other"
                self._metrics.request(scope["method"], route, message["status"], time.perf_counter() - began)
            await send(message)

        await self._app(scope, receive, sending)
