"""Asking a server of the OpenAI chat kind: how long to wait, when to ask again, what to believe of an answer.

Only the standard library, on purpose bare: no redirect is followed and no proxy used, so what is sent goes to the named server alone.
"""

from __future__ import annotations

import contextlib
import email.utils
import http.client
import json
import os
import re
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from auricle.errors import ModelError, UsageError

ATTEMPTS = 4
BACKOFF = 0.5  # seconds before the second attempt; twice as many before each further one
PATIENCE = 60.0  # seconds that a server may ask to wait
CONNECT, BETWEEN = 10.0, 30.0  # seconds to connect, and between two tokens; less where the time-out is less
SOUNDS = 8  # times the seconds of one sound: what a request holds in all
WHOLE = 10  # time-outs that an answer may take in all
HEAD, PER_TOKEN = 1 << 16, 2048  # bytes of an answer: once, and a token
AGAIN = (408, 429, 500, 502, 503, 504)
TIMEOUT, SECONDS, REQUESTS = "AURICLE_OPENAI_TIMEOUT", "AURICLE_OPENAI_SECONDS", "AURICLE_OPENAI_REQUESTS"
KEY, OTHER_KEY = "AURICLE_OPENAI_KEY", "OPENAI_API_KEY"
FORM = "openai:http://host/v1#model"

_asked: Counter[str] = Counter()  # requests of this process, by address
_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Limits:
    """What may be spent: seconds to wait for the first token, seconds of one sound, requests of one process to one server."""

    timeout: float = 120.0
    seconds: float = 30.0
    requests: int = 1000

    @classmethod
    def from_environment(cls) -> Limits:
        """Raises UsageError."""
        plain = cls()
        timeout, seconds = _number(TIMEOUT, plain.timeout), _number(SECONDS, plain.seconds)
        return cls(timeout, seconds, int(_number(REQUESTS, plain.requests)))


@dataclass(frozen=True, slots=True)
class Address:
    """``openai:http://host[:port]/path#model``, taken apart."""

    scheme: str
    host: str
    port: int | None
    path: str
    model: str

    @classmethod
    def parse(cls, name: str) -> Address:
        """Raises UsageError, which never repeats what may be a key."""
        if re.search(r"[\x00-\x20\x7f]", name.strip()):
            raise UsageError("the address of a server holds no spaces.", hint=f"Write {FORM}.")
        try:
            parts = urlsplit(name.strip().removeprefix("openai:"))
            host, port = parts.hostname, parts.port
        except ValueError:
            raise UsageError("this is not the address of a server.", hint=f"Write {FORM}.") from None
        if "@" in parts.netloc or parts.query or re.search(r"[?&=]", parts.fragment):
            raise UsageError("the address of a server holds no key and no parameters.", hint=f"Put the key into the environment as {KEY}.")
        if parts.scheme not in ("http", "https") or not host:
            raise UsageError("this is not the address of a server.", hint=f"Write {FORM}.")
        if not parts.fragment:
            raise UsageError("the address does not say which model of the server.", hint=f"Write its name after #, as in {FORM}.")
        return cls(parts.scheme, host, port, parts.path.rstrip("/"), parts.fragment)

    @property
    def base(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}{'' if self.port is None else f':{self.port}'}{self.path}"

    @property
    def name(self) -> str:
        return f"openai:{self.base}#{self.model}"

    @property
    def here(self) -> bool:
        """Whether the server is on this machine."""
        return self.host in ("localhost", "::1") or re.fullmatch(r"127(\.\d+){3}", self.host) is not None

    def key(self) -> str | None:
        """From the environment. ``OPENAI_API_KEY`` is not sent in clear over a network. Raises UsageError."""
        key = os.environ.get(KEY) or (os.environ.get(OTHER_KEY) if self.here or self.scheme == "https" else None)
        if key and not re.fullmatch(r"[\x21-\x7e]+", key.strip()):
            raise UsageError("the key in the environment holds characters that no key has.", hint=f"Set {KEY} again.")
        return key.strip() if key else None


@dataclass(frozen=True, slots=True)
class ChatServer:
    """Raises ModelError: ``Network`` (unreachable, too slow, broken off, nonsense), ``Missing``, ``Unsupported`` (it refuses)."""

    address: Address
    limits: Limits
    key: str | None = field(repr=False)

    def events(self, body: Mapping[str, Any], tokens: int) -> Iterator[dict[str, Any]]:
        """The JSON of an answer, piece by piece where it is streamed. Asks again as long as no word of an answer was given."""
        data = json.dumps(body).encode()
        for attempt in range(ATTEMPTS):
            begun = False
            try:
                with self._answer(data) as answer:
                    for event in answer.events(HEAD + PER_TOKEN * tokens):
                        begun = begun or bool(told(event)[0])
                        yield event
                return
            except _Again as again:
                wait = BACKOFF * 2**attempt if again.after is None else again.after
                if begun or attempt + 1 == ATTEMPTS or wait > PATIENCE:
                    raise again.error from None
                time.sleep(wait)

    @contextlib.contextmanager
    def _answer(self, data: bytes) -> Iterator[_Answer]:
        self._spend()
        kind = http.client.HTTPSConnection if self.address.scheme == "https" else http.client.HTTPConnection
        connection = kind(self.address.host, self.address.port, timeout=min(CONNECT, self.limits.timeout))
        late = threading.Event()
        clock: threading.Timer | None = None
        try:
            self._connect(connection)
            sock = connection.sock
            clock = threading.Timer(self.limits.timeout * WHOLE, _hang_up, (sock, late))  # against a server that drips
            clock.daemon = True
            clock.start()
            with self._response(connection, sock, data) as response:
                yield _Answer(self, sock, response)
        except _Again:
            if late.is_set():
                raise self.error(
                    "Network", f"took more than {self.limits.timeout * WHOLE:g} s", hint=f"Set {TIMEOUT} to wait longer."
                ) from None
            raise
        finally:
            if clock is not None:
                clock.cancel()
            connection.close()

    def _connect(self, connection: http.client.HTTPConnection) -> None:
        try:
            connection.connect()
        except ssl.SSLCertVerificationError as error:
            raise self.error("Network", f"shows no valid certificate: {error.verify_message}") from None
        except socket.gaierror:
            raise self.error("Network", "is not known by that name", hint="Check the address.") from None
        except OSError as error:
            reason = "no connection in time" if isinstance(error, TimeoutError) else error.strerror or str(error)
            raise _Again(self.error("Network", f"cannot be reached: {reason}", hint="Is it running?")) from None

    def _response(self, connection: http.client.HTTPConnection, sock: socket.socket, data: bytes) -> http.client.HTTPResponse:
        headers = {"Content-Type": "application/json", "Accept": "text/event-stream, application/json", "User-Agent": "auricle"}
        if self.key:
            headers["Authorization"] = f"Bearer {self.key}"
        sock.settimeout(self.limits.timeout)
        try:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it may have refused before it read all: see what it says
                connection.request("POST", f"{self.address.path}/chat/completions", data, headers)
            response = connection.getresponse()
            if response.status != 200:
                with response:
                    raise self._refused(response.status, response.headers.get("Retry-After"), response.read(HEAD))
        except TimeoutError:
            raise self.slow() from None
        except (OSError, http.client.HTTPException):
            raise _Again(self.error("Network", "broke off before it answered")) from None
        return response

    def _refused(self, status: int, after: str | None, data: bytes) -> Exception:
        said = self._said(data)
        if status in (401, 403):
            hint = f"Set {KEY} to a key that it takes." if self.key else f"Set {KEY}; it is sent to this server only."
            return self.error("Network", f"{'refuses the key' if self.key else 'wants a key'} ({status})", hint=hint)
        if status in AGAIN:
            wait = _seconds(after)
            spent = "quota" in said or "billing" in said
            asks = f" and asks to wait {wait:.0f} s" if wait is not None else ""
            error = self.error("Network", f"answers {status}{asks}" + (f": {said}" if said else ""), hint="Try again later.")
            return error if spent else _Again(error, wait)
        if status == 404:
            return self.error("Missing", f"has no such path or model (404): {said}", hint=f"Check the address and the name: {FORM}.")
        if 300 <= status < 400:
            return self.error("Network", f"sends elsewhere ({status}), where no sound is sent", hint="Name the other address yourself.")
        return self.error("Unsupported", f"refuses this ({status}): {said}")

    def _said(self, data: bytes) -> str:
        """An error's message: one line, no control characters, no key."""
        try:
            document = json.loads(data)
            error = document.get("error", document)
            text = error.get("message") or error.get("detail") or "" if isinstance(error, dict) else error
        except (ValueError, AttributeError):
            text = data.decode("utf-8", "replace")
        return self.clean(text if isinstance(text, str) else json.dumps(text))

    def clean(self, text: str) -> str:
        text = text.replace(self.key, "…") if self.key else text
        return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:300]

    def error(self, kind: Any, what: str, *, hint: str = "") -> ModelError:
        return ModelError(kind, f"the server at {self.address.base} {what}.", hint=hint)

    def slow(self, seconds: float | None = None) -> ModelError:
        said = f"has not answered in {self.limits.timeout:g} s" if seconds is None else f"fell silent for {seconds:g} s"
        return self.error("Network", said, hint=f"Set {TIMEOUT} to wait longer.")

    def _spend(self) -> None:
        with _lock:
            if _asked[self.address.base] >= self.limits.requests:
                message = f"was asked {self.limits.requests} times, which is the limit of one process"
                raise self.error("Unsupported", message, hint=f"Set {REQUESTS} to ask more often.")
            _asked[self.address.base] += 1


@dataclass(frozen=True, slots=True)
class _Answer:
    server: ChatServer
    sock: socket.socket
    response: http.client.HTTPResponse

    def events(self, room: int) -> Iterator[dict[str, Any]]:
        """Raises ModelError, and _Again where it broke off."""
        if "event-stream" not in (self.response.headers.get("Content-Type") or ""):
            yield self._event(b"".join(part for part, _ in self._parts(room)))
            return
        done = False
        for line in self._lines(room):
            if not line.startswith(b"data:"):
                continue
            if line[5:].strip() == b"[DONE]":
                return
            event = self._event(line[5:])
            done = done or bool(told(event)[1])
            yield event
        if not done:
            raise _Again(self.server.error("Network", "broke off in the middle of its answer", hint="Ask again."))

    def _lines(self, room: int) -> Iterator[bytes]:
        rest = b""
        parts = self._parts(room)
        for part, keep in parts:
            *lines, rest = (rest + part).split(b"\n")
            if any(line.startswith(b"data:") for line in lines):
                keep()  # comments that keep the connection alive do not count
            yield from (line.rstrip(b"\r") for line in lines)
        if rest:
            yield rest

    def _parts(self, room: int) -> Iterator[tuple[bytes, Any]]:
        """What arrives, and what to call when it was something that was waited for."""
        limits = self.server.limits
        begun, waited = False, 0.0  # only waiting counts: whoever reads may take their time

        def keep() -> None:
            nonlocal begun, waited
            begun, waited = True, 0.0

        while True:
            patience = min(BETWEEN, limits.timeout) if begun else limits.timeout
            since = time.monotonic()
            try:
                self.sock.settimeout(max(patience - waited, 0.001))
                part = self.response.read1(1 << 16)
            except TimeoutError:
                raise self.server.slow(patience if begun else None) from None
            except (OSError, http.client.HTTPException):
                raise _Again(self.server.error("Network", "broke off in the middle of its answer", hint="Ask again.")) from None
            waited += time.monotonic() - since
            if not part:
                return
            room -= len(part)
            if room < 0:
                raise self.server.error("Network", "sends far more than it was asked for", hint="Do not use this server.")
            yield part, keep

    def _event(self, data: bytes) -> dict[str, Any]:
        try:
            event = json.loads(data)
            if isinstance(event, dict) and event.get("error"):
                raise self.server.error("Unsupported", f"gave up: {self.server._said(data)}")
            if not isinstance(event, dict) or not isinstance(event["choices"], list):
                raise ValueError
            told(event)
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            message = f"does not answer like chat completions: {self.server.clean(data[:80].decode('utf-8', 'replace')) or 'nothing'}"
            raise self.server.error("Network", message, hint=f"Check the address: {FORM}.") from None
        return event


class _Again(Exception):
    """Worth another attempt. ``after``: seconds that the server asks to wait."""

    def __init__(self, error: ModelError, after: float | None = None) -> None:
        super().__init__(str(error))
        self.error, self.after = error, after


def told(event: Mapping[str, Any]) -> tuple[str, str]:
    """Text and the reason to end, of a piece or of a whole answer; empty where there is none."""
    if not event["choices"]:
        return "", ""
    choice = event["choices"][0]
    content = (choice.get("delta") or choice.get("message") or {}).get("content") or ""
    if isinstance(content, list):
        content = "".join(part.get("text") or "" for part in content)
    if not isinstance(content, str):
        raise TypeError
    return content, str(choice.get("finish_reason") or "")


def _hang_up(sock: socket.socket, late: threading.Event) -> None:
    late.set()
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)


def _seconds(after: str | None) -> float | None:
    """``Retry-After``: seconds, or a date."""
    if after is None:
        return None
    try:
        return max(0.0, float(after))
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(after).timestamp() - time.time())
    except (ValueError, TypeError):
        return None


def _number(name: str, plain: float) -> float:
    text = os.environ.get(name)
    try:
        value = float(text) if text else plain
    except ValueError:
        value = 0.0
    if not 0 < value < 1e9:
        raise UsageError(f"{name} must be a number above 0, got {text!r}.")
    return value
