"""The door of the server: nothing comes in but through here, and nothing goes out without its headers. Pure ASGI, so streams stream.

In order: request id → Host → what other sites may do → the launch token → who asks, and may they → how often → how many at once →
the body, bounded while it is read. What is behind finds the :class:`~auricle.service.guards.Caller` in ``request.state.caller``.
"""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect
from starlette.responses import HTMLResponse, Response

from auricle.errors import AuricleError
from auricle.service import guards, problems
from auricle.service.config import ServiceConfig
from auricle.service.guards import Asked, Caller
from auricle.service.keys import Keys
from auricle.service.problems import ServiceError
from auricle.service.throttle import Throttle, client_of

__all__ = ["Caller", "Door"]

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

log = logging.getLogger("auricle.service")

CSP = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; connect-src 'self'; "
    "font-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; object-src 'none'"
)
HEADERS = {
    "content-security-policy": CSP,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "permissions-policy": "microphone=(self), camera=(), geolocation=(), display-capture=(), usb=(), serial=(), hid=(), payment=()",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
_RAW = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
_OURS = frozenset([*(name for name, _ in _RAW), b"x-request-id"])
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_JSON = (b"application/json", problems.MEDIA_TYPE.encode())

# After a refusal, so much of the rest of a body is read and dropped: many clients read no answer before all is sent or refused.
LINGER_BYTES, LINGER_SECONDS = 4 << 20, 2.0


class Door:
    """Wraps the whole application: ``Door(app, config, keys)``."""

    def __init__(self, app: App, config: ServiceConfig, keys: Keys | None = None) -> None:
        self.app, self.config = app, config
        self.keys = keys if keys is not None else Keys()
        self.throttle = Throttle(config.limits)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._request(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008})  # nothing here speaks it
        else:
            await self.app(scope, receive, send)

    async def _request(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = time.perf_counter()
        given = next((value for name, value in scope["headers"] if name.lower() == b"x-request-id"), b"").decode("latin-1")
        request_id = given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
        state = scope.setdefault("state", {})
        state["request_id"] = request_id
        exchange = Exchange(receive, send, scope, request_id, self.throttle)
        try:
            await self._admit(scope, exchange, state)
        except ServiceError as error:
            await exchange.answer(_refusal(error, scope, request_id))
        finally:
            exchange.release()
            caller = state.get("caller")
            who = f"{caller.kind} {caller.name}".strip() if caller else "-"
            path = scope["path"][:200].encode("unicode_escape").decode()  # never the query: it may hold the token
            took = (time.perf_counter() - began) * 1000
            log.info("%s %s %s %s %s %.0f ms", request_id, who, scope["method"], path, exchange.status or "-", took)

    async def _admit(self, scope: Scope, exchange: Exchange, state: dict[str, Any]) -> None:
        """Let a request in, or raise the ServiceError that turns it away."""
        ask = guards.asked(scope)
        loopback_name = guards.check_host(ask, self.config)
        if guards.is_open(ask):
            self.throttle.charge(f"open {client_of(ask.peer)}", local=False)
            await self._inside(scope, exchange, state)
            return
        guards.check_site(ask, self.config)
        if ask.method == "GET" and ask.path == "/" and b"token=" in scope["query_string"]:
            await exchange.answer(self._sign_in(ask, scope))
            return
        caller = state["caller"] = self._who(ask, loopback_name)
        client = f"{caller.kind} {caller.name if caller.kind == 'key' else client_of(ask.peer)}"
        self.throttle.charge(client, caller.local)
        with self.throttle.at_work(client):
            exchange.bound(ask, guards.body_limit(ask, self.config), self.config)
            await self._inside(scope, exchange, state)

    async def _inside(self, scope: Scope, exchange: Exchange, state: dict[str, Any]) -> None:
        try:
            await self.app(scope, exchange.receive, exchange.send)
        except ClientDisconnect:  # nobody reads the answer any more
            return
        except Exception as error:
            if exchange.refused is None and state.get("logged") is not error:
                log.error("%s %s failed", exchange.request_id, scope["method"], exc_info=error)
            if exchange.done:
                return
            if exchange.started:
                raise  # the server cuts the connection, so that half an answer is not taken for a whole one
            known = exchange.refused or problems.as_service_error(error)
            openai = problems.is_openai(scope)
            given = known.response(exchange.request_id, openai=openai) if known else problems.internal(exchange.request_id, openai=openai)
            await exchange.answer(given)

    def _who(self, ask: Asked, loopback_name: bool) -> Caller:
        try:
            caller = guards.identify(ask, self.config, self.keys, loopback_name)
        except ServiceError as error:
            if error.status == 401:  # who guesses keys may not do so at any speed
                self.throttle.charge(f"refused {client_of(ask.peer)}", local=False)
            raise
        except AuricleError as error:
            log.error("%s", error)
            hint = "Whoever runs it finds the reason in its log."
            raise ServiceError(503, "unavailable", "The server cannot check keys now.", hint=hint) from None
        need = guards.needed(ask.method, ask.path)
        if not guards.is_shell(ask) and not caller.may(need):
            raise ServiceError(403, "scope_missing", f"This needs a key with the scope {need}.", hint="See `auricle keys new --help`.")
        return caller

    def _sign_in(self, ask: Asked, scope: Scope) -> Response:
        """``GET /?token=…``: the token moves from the address, where it is seen, into a cookie, where it is not."""
        try:
            fields = dict(parse_qsl(scope["query_string"].decode("latin-1"), max_num_fields=20))
        except ValueError:
            fields = {}
        if not guards.is_token(fields.get("token", ""), self.config):
            self.throttle.charge(f"refused {client_of(ask.peer)}", local=False)
            return page(403, "This link is out of date", "It was made for an earlier start of auricle. Run <code>auricle ui</code> again.")
        cookie = guards.set_cookie(self.config, scope.get("scheme") == "https")
        return Response(status_code=303, headers={"Location": "/", "Set-Cookie": cookie, "Cache-Control": "no-store"})


class Exchange:
    """One request and its answer: bounds the body on its way in, adds the headers on the way out."""

    def __init__(self, receive: Receive, send: Send, scope: Scope, request_id: str, throttle: Throttle) -> None:
        self._receive, self._send, self._throttle = receive, send, throttle
        self.request_id = request_id
        self._head = scope["method"] == "HEAD"
        self._openai = problems.is_openai(scope)
        self._bodied = any(name.lower() in (b"content-length", b"transfer-encoding") and value != b"0" for name, value in scope["headers"])
        self.started = self.done = False
        self.status = 0
        self.refused: ServiceError | None = None
        self._replaced = False
        self._whole = False  # the body has been read to its end
        self._limit: int | None = None
        self._idle = self._deadline = 0.0
        self._read = 0

    def bound(self, ask: Asked, limit: int, config: ServiceConfig) -> None:
        """Set what the body may be. Raises ServiceError where its announced length is beyond that: then none of it is read."""
        self._limit, self._idle = limit, config.limits.body_idle_seconds
        self._deadline = asyncio.get_running_loop().time() + config.limits.body_seconds
        length = ask.headers.get("content-length", "0")
        if not (length.isascii() and length.isdigit()):
            raise ServiceError(400, "bad_request", "The header Content-Length holds no number.")
        if len(length) > 18 or int(length) > limit:
            raise _too_large(limit)

    def release(self) -> None:
        """Give back what the body held."""
        self._throttle.waiting_bytes -= self._read
        self._read = 0

    async def receive(self) -> Message:
        if self._whole or self._limit is None:
            return await self._receive()
        if self.refused is not None:
            return {"type": "http.disconnect"}
        now = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(max(0.0, min(self._idle, self._deadline - now))):
                message = await self._receive()
        except TimeoutError:
            raise self._refuse(ServiceError(408, "body_too_slow", "The body did not come in time.", hint="Send it again.")) from None
        if message["type"] != "http.request":
            return message
        self._whole = not message.get("more_body", False)
        size = len(message.get("body", b""))
        self._read += size
        self._throttle.waiting_bytes += size
        if self._read > self._limit:
            raise self._refuse(_too_large(self._limit))
        if self._throttle.waiting_bytes > self._throttle.limits.waiting_bytes > 0:
            hint = "Try again soon."
            raise self._refuse(ServiceError(503, "busy", "The server holds too much at once.", hint=hint, retry_after=1))
        return message

    def _refuse(self, error: ServiceError) -> ServiceError:
        self.refused = error
        return error

    async def send(self, message: Message) -> None:
        if self._replaced:
            return
        if message["type"] == "http.response.start":
            if self.refused is not None:  # whatever the application makes of a body that was cut off, this is the answer
                self._replaced = True
                await self._give(self.refused.response(self.request_id, openai=self._openai))
                return
            message = {**message, "headers": self._with_ours(message.get("headers", []))}
            self.started, self.status = True, message["status"]
        elif message["type"] == "http.response.body" and not message.get("more_body", False):
            self.done = True
        await self._send(message)

    async def answer(self, response: Response) -> None:
        """Answer from the door itself, where nothing was answered yet."""
        if not self.started:
            self._replaced = True
            await self._give(response)

    async def _give(self, response: Response) -> None:
        headers = self._with_ours(response.raw_headers)
        unread = self._bodied and not self._whole
        if unread:
            headers.append((b"connection", b"close"))
        self.started, self.status = True, response.status_code
        await self._send({"type": "http.response.start", "status": response.status_code, "headers": headers})
        await self._send({"type": "http.response.body", "body": b"" if self._head else bytes(response.body), "more_body": unread})
        if unread:
            await self._linger()
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})
        self.done = True

    async def _linger(self) -> None:
        """Read and drop some of the rest: a connection that is closed on a sender may take the answer with it."""
        dropped = 0
        try:
            async with asyncio.timeout(LINGER_SECONDS):
                while not self._whole and dropped < LINGER_BYTES:
                    message = await self._receive()
                    if message["type"] != "http.request":
                        return
                    dropped += len(message.get("body", b""))
                    self._whole = not message.get("more_body", False)
        except TimeoutError:
            return

    def _with_ours(self, headers: Any) -> list[tuple[bytes, bytes]]:
        theirs = [(bytes(name).lower(), bytes(value)) for name, value in headers]
        kept = [(name, value) for name, value in theirs if name not in _OURS]
        named = dict(kept)
        if b"cache-control" not in named and named.get(b"content-type", b"").startswith(_JSON):
            kept.append((b"cache-control", b"no-store"))
        return [*kept, *_RAW, (b"x-request-id", self.request_id.encode())]


def page(status: int, title: str, text: str) -> Response:
    """A page of a few words, for a person whose browser was turned away. Both must be safe as HTML."""
    body = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title} · auricle</title><h1>{title}</h1><p>{text}</p></html>'
    return HTMLResponse(body, status_code=status, headers={"Cache-Control": "no-store"})


def _refusal(error: ServiceError, scope: Scope, request_id: str) -> Response:
    if error.code in ("session_needed", "key_needed") and guards.wants_page(scope):
        return page(401, "This page is not signed in", "Open it with <code>auricle ui</code>, or by the link that the server printed.")
    return error.response(request_id, openai=problems.is_openai(scope))


def _too_large(limit: int) -> ServiceError:
    size = f"{limit / (1 << 20):.0f} MB" if limit >= 1 << 20 else f"{limit} bytes"
    return ServiceError(413, "body_too_large", f"The body may have {size} at most.", hint="Send less, or index the file instead.")
