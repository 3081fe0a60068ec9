"""Who may come in: the rules of the door, without the door. Nothing here waits or writes."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from auricle.service.config import ServiceConfig, is_loopback, split_host
from auricle.service.keys import PREFIX, SCOPES, Keys, granted
from auricle.service.problems import ServiceError

ALL = frozenset(SCOPES)
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

# What a proxy adds: such a request comes from elsewhere, although its last step was on this machine.
_FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")
_SINGLE = ("host", "origin", "sec-fetch-site", "authorization", "x-api-key", "content-length")  # twice: someone plays tricks

_OPEN = frozenset({"/health/live", "/health/ready"})
# The page itself holds nothing of anyone's: what it shows it asks for, and that needs the session.
_SHELL = re.compile(r"/(?:index\.html|assets/[^/\\]+|[\w.-]+\.(?:js|css|ico|png|svg|webmanifest|txt))?")
_READING = frozenset(
    {
        "/api/v1/search",
        "/api/v1/classify",
        "/api/v1/detect",
        "/api/v1/detect/stream",
        "/api/v1/caption",
        "/api/v1/caption/stream",
        "/api/v1/ask",
        "/api/v1/ask/stream",
        "/api/v1/peaks",
        "/api/v1/exports",
        "/api/v1/uploads",
        "/v1/embeddings",
        "/v1/chat/completions",
    }
)  # POSTs that change nothing of the library
_WRITING = frozenset({"/api/v1/tags", "/api/v1/captions", "/api/v1/map"})
_INLINE = frozenset(
    {
        "/api/v1/search",
        "/api/v1/classify",
        "/api/v1/detect",
        "/api/v1/caption",
        "/api/v1/ask",
        "/api/v1/ask/stream",
        "/v1/embeddings",
        "/v1/chat/completions",
    }
)  # bodies with sound as base64
_MULTIPART = 1 << 16  # what the wrapping of an upload may add to it


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. ``local``: on this machine, at a server that only this machine reaches."""

    kind: Literal["page", "program", "key"]
    name: str
    scopes: frozenset[str]
    local: bool

    def may(self, scope: str) -> bool:
        return scope in self.scopes


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, as far as the door looks at it: headers by lower-case name, the last of several."""

    method: str
    path: str
    headers: Mapping[str, str]
    peer: str
    server: tuple[str, int | None]

    @property
    def from_browser(self) -> bool:
        return any(name in self.headers for name in ("origin", "sec-fetch-site", "cookie"))


def asked(scope: Any) -> Asked:
    """Read a request's ASGI scope. Raises ServiceError where headers that must be single are not."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        if name in headers and name in _SINGLE:
            raise ServiceError(400, "bad_request", f"The header {name} is given twice.")
        headers[name] = f"{headers[name]}; {value}" if name == "cookie" and name in headers else value
    server = scope.get("server") or ("", None)
    return Asked(scope["method"], scope["path"], headers, (scope.get("client") or ("", 0))[0], (str(server[0]), server[1]))


def wants_page(scope: Any) -> bool:
    """Whether a person looks at the answer, who had better see a page."""
    return scope["method"] == "GET" and any(name == b"accept" and b"text/html" in value for name, value in scope["headers"])


def check_host(ask: Asked, config: ServiceConfig) -> bool:
    """Raise ServiceError unless Host names this server; else whether it is a name of loopback.

    A name in Host that is not ours is how a hostile page reaches a server on loopback: it lets its own name resolve to 127.0.0.1.
    """
    given = ask.headers.get("host", "")
    try:
        name, port = split_host(given)
    except ValueError:
        raise _wrong_host() from None
    port = port or (443 if ask.headers.get("x-forwarded-proto") == "https" else 80)
    own = config.port or ask.server[1]
    if port == own and (is_loopback(name) or name == config.host.strip("[]").lower() or _is_arrival(name, ask.server[0])):
        return is_loopback(name)
    for allowed in config.allowed_hosts:
        known, known_port = split_host(allowed)
        if name == known and known_port in (None, port):
            return is_loopback(name)
    raise _wrong_host()


def _is_arrival(name: str, address: str) -> bool:
    """Whether Host is the very address that the connection came in at; an address cannot be re-bound to another machine."""
    try:
        return ipaddress.ip_address(name) == ipaddress.ip_address(address)
    except ValueError:
        return False


def check_site(ask: Asked, config: ServiceConfig) -> None:
    """Raise ServiceError for what another site makes a browser do. Ports of one machine are sites of their own to us."""
    origin = ask.headers.get("origin")
    if origin is not None and not _same_origin(origin, ask) and origin not in config.allowed_origins:
        raise ServiceError(403, "cross_site", "Pages of another origin may not call this server.")
    site = ask.headers.get("sec-fetch-site")
    if site in (None, "same-origin", "none"):
        return
    if origin is not None and origin in config.allowed_origins:
        return
    opens = ask.headers.get("sec-fetch-mode") == "navigate" and ask.headers.get("sec-fetch-dest", "document") == "document"
    if not (opens and ask.method == "GET" and ask.path == "/"):
        raise ServiceError(403, "cross_site", "Another site may not ask for this.", hint="Open the page itself.")


def _same_origin(origin: str, ask: Asked) -> bool:
    scheme, separator, rest = origin.partition("://")
    return bool(separator) and scheme in ("http", "https") and rest.lower() == ask.headers.get("host", "").lower()


def identify(ask: Asked, config: ServiceConfig, keys: Keys, loopback_name: bool) -> Caller:
    """Who asks, by key, by session, or by being on this machine. Raises ServiceError where that is not enough."""
    straight = not any(name in ask.headers for name in _FORWARDED)
    local = config.on_loopback and is_loopback(ask.peer) and loopback_name and straight
    free = local and not config.require_key  # programs of this machine need no key
    key = _presented(ask)
    if key and (key.startswith(PREFIX) or not free):  # clients that insist on a key send any word where none is needed
        found = keys.verify(key)
        if found is None:
            hint = "See `auricle keys list`" + ("; on this machine, none is needed." if free else ".")
            raise ServiceError(401, "wrong_key", "This key is unknown or revoked.", hint=hint, headers={"WWW-Authenticate": "Bearer"})
        return Caller("key", found.name, granted(found.scopes), local)
    if ask.from_browser:
        if has_session(ask, config):
            if ask.method not in SAFE and ask.headers.get("x-auricle") != "page":
                raise ServiceError(403, "page_header_missing", "A change asked for by a browser needs the header X-Auricle: page.")
            return Caller("page", "page", ALL, local)
        if is_shell(ask):
            return Caller("page", "", frozenset(), local)
        raise ServiceError(401, "session_needed", "This page is not signed in.", hint="Open it with `auricle ui`, or by its link.")
    if free:
        return Caller("program", "local", ALL, True)
    hint = "Send it as `Authorization: Bearer …`; `auricle keys new NAME` makes one."
    raise ServiceError(401, "key_needed", "This server asks for a key.", hint=hint, headers={"WWW-Authenticate": "Bearer"})


def _presented(ask: Asked) -> str:
    scheme, _, value = ask.headers.get("authorization", "").partition(" ")
    return value.strip() if scheme.lower() == "bearer" else ask.headers.get("x-api-key", "").strip()


def is_shell(ask: Asked) -> bool:
    """Whether this is a file of the built page."""
    return ask.method in ("GET", "HEAD") and _SHELL.fullmatch(ask.path) is not None


def is_open(ask: Asked) -> bool:
    """Whether anyone who reaches the server may ask this: is it alive?"""
    return ask.method in ("GET", "HEAD") and ask.path in _OPEN


def needed(method: str, path: str) -> str:
    """The scope that a request needs: read, write or admin; what is not known to be less needs admin."""
    if path == "/api/v1/folders" or method not in {*SAFE, "POST", "DELETE", "PUT", "PATCH"}:
        return "admin"  # names of folders on the server's disk
    if method in SAFE or path == "/mcp" or (method == "POST" and path in _READING):
        return "read"
    return "write" if method == "POST" and path in _WRITING else "admin"


def body_limit(ask: Asked, config: ServiceConfig) -> int:
    """How many bytes the body may have."""
    if ask.path == "/api/v1/uploads":
        return config.limits.upload_bytes + _MULTIPART
    return config.limits.inline_bytes if ask.path in _INLINE else config.limits.json_bytes


def cookie_name(config: ServiceConfig) -> str:
    """Browsers keep one jar for all ports of a machine: two pages side by side must not throw each other out."""
    return f"auricle_session_{config.port}"


def session_of(token: str) -> str:
    """What the cookie holds: made from the launch token, so that it says nothing of it."""
    return hmac.new(token.encode(), b"auricle session", hashlib.sha256).hexdigest()


def has_session(ask: Asked, config: ServiceConfig) -> bool:
    """Whether the request carries the session's cookie."""
    if not config.token:
        return False
    name, expected = cookie_name(config), session_of(config.token).encode()
    for part in ask.headers.get("cookie", "").split(";"):
        key, _, value = part.strip().partition("=")
        if key == name and hmac.compare_digest(value.encode("latin-1", "replace"), expected):
            return True
    return False


def set_cookie(config: ServiceConfig, secure: bool) -> str:
    """The header that starts a session."""
    end = "; Secure" if secure else ""
    return f"{cookie_name(config)}={session_of(config.token)}; Path=/; HttpOnly; SameSite=Strict{end}"


def is_token(given: str, config: ServiceConfig) -> bool:
    """Whether this is the launch token."""
    return bool(config.token) and hmac.compare_digest(given.encode("utf-8", "replace"), config.token.encode())


def _wrong_host() -> ServiceError:
    hint = "Use the address that the server printed, or allow this name when starting it."
    return ServiceError(421, "wrong_host", "This server does not go by the name in the header Host.", hint=hint)
