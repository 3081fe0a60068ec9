"""What a server is told: where it listens, which libraries it opens, who may come in, and how much anyone may ask of it."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from auricle.errors import UsageError

if TYPE_CHECKING:
    from auricle.service.keys import Keys

MB = 1 << 20
LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(slots=True)
class Limits:
    """Bounds that keep the server up, whatever is sent. A rate or a count of 0 means: no bound."""

    json_bytes: int = 4 * MB
    inline_bytes: int = 64 * MB  # bodies that may carry sound as base64
    upload_bytes: int = 64 * MB
    upload_seconds: float = 600.0
    waiting_bytes: int = 512 * MB  # of all bodies that are being read or worked on
    body_idle_seconds: float = 20.0  # between two pieces of a body
    body_seconds: float = 300.0  # for a whole body
    rate: float = 50.0  # requests a second, for each client from elsewhere
    burst: int = 200
    local_rate: float = 1000.0  # the same, for the page and programs on this machine
    local_burst: int = 4000
    concurrency: int = 256  # requests at once, all clients together
    client_concurrency: int = 128  # and of one client
    url_bytes: int = 64 * MB
    url_seconds: float = 30.0


@dataclass(slots=True)
class ServiceConfig:
    """``port`` is the one that is really bound: set it before the first request where a free one was asked for.

    libraries: name → folder. token: what `auricle ui` puts into the address that it opens; "" serves no page.
    allowed_hosts: names (``box.example``, or ``box.example:8443``) by which the server is reached besides its own address.
    allowed_origins: further origins whose pages may call, written in full (``http://localhost:5173``).
    url_hosts: from where URLs may be fetched if ``allow_urls``: ``example.org``, ``example.org:8080``, ``*.example.org``, or ``*``.
    """

    host: str = "127.0.0.1"
    port: int = 8321
    libraries: Mapping[str, Path] = field(default_factory=dict)
    require_key: bool = False
    allowed_hosts: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()
    token: str = ""
    allow_urls: bool = False
    url_hosts: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)

    @property
    def on_loopback(self) -> bool:
        """Whether only this machine can reach the server."""
        return is_loopback(self.host)

    @property
    def needs_key(self) -> bool:
        """Whether programs need a key even on this machine."""
        return self.require_key or not self.on_loopback

    def check(self, keys: Keys | None = None) -> None:
        """Raise UsageError on what would leave the door open, or leave nobody able to come in."""
        from auricle.service.keys import Keys

        if not 0 <= self.port <= 65535:
            raise UsageError(f"there is no port {self.port}.", hint="Choose one from 1024 to 65535, or 0 for a free one.")
        for name in self.allowed_hosts:
            if not _is_host(name):
                raise UsageError(f"{name!r} is not the name of a host.", hint="Write it as in box.example or box.example:8443.")
        for name in self.url_hosts:
            if name != "*" and not _is_host(name.removeprefix("*.")):
                raise UsageError(f"{name!r} names no hosts.", hint="Write it as in example.org, *.example.org, or *.")
        for origin in self.allowed_origins:
            if origin == "null" or "*" in origin or not origin.startswith(("http://", "https://")) or origin.count("/") != 2:
                raise UsageError(f"{origin!r} is not an origin.", hint="Write it as in http://localhost:5173.")
        if self.allow_urls and not self.url_hosts:
            raise UsageError("URLs are allowed, but from no host.", hint="Name the hosts, or * for every public one.")
        if not self.on_loopback or self.require_key or self._named_elsewhere():
            why = f"{self.host or 'every address'} can be reached from other machines" if not self.on_loopback else "keys are required"
            if self.on_loopback and not self.require_key:
                why = "the server is reached by names of other machines"
            if not (keys or Keys()).list():
                raise UsageError(f"{why}, and there is no key.", hint="Make one: auricle keys new NAME")

    def _named_elsewhere(self) -> bool:
        return any(not is_loopback(split_host(name)[0]) for name in self.allowed_hosts)


def _is_host(text: str) -> bool:
    try:
        name, _ = split_host(text)
    except ValueError:
        return False
    return re.fullmatch(r"[a-z0-9.:-]+", name) is not None


def is_loopback(host: str) -> bool:
    """Whether an address or name can only mean this machine."""
    if host.lower() in LOOPBACK_NAMES:
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def split_host(text: str) -> tuple[str, int | None]:
    """``name:port`` → name in lower case (an IPv6 address without its brackets), port. Raises ValueError on anything else."""
    name, port = text, ""
    if text.startswith("["):
        name, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise ValueError(text)
        name, port = str(ipaddress.IPv6Address(name)), rest[1:]
        if rest == ":":
            raise ValueError(text)
    elif text.count(":") == 1:
        name, port = text.split(":")
        if not port:
            raise ValueError(text)
    elif ":" in text:
        name = str(ipaddress.IPv6Address(text))
    if not name or (port and not (port.isascii() and port.isdigit() and int(port) <= 65535)):
        raise ValueError(text)
    return name.lower(), int(port) if port else None
