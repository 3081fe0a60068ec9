"""Bind, run and end the server in good order."""

from __future__ import annotations

import errno
import logging
import socket
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any

from auricle.errors import UsageError
from auricle.service.config import ServiceConfig

_LATER = 20  # further ports that are tried where the usual one is taken
_GRACE = 5  # seconds that open requests have at the end


def listen(config: ServiceConfig, *, strict: bool = False) -> list[socket.socket]:
    """Bind the address of ``config`` and write the port into it; the next free one where it is taken (unless ``strict``).

    Raises UsageError where it cannot be.
    """
    last: OSError | None = None
    for port in [config.port] if strict or config.port == 0 else range(config.port, min(config.port + _LATER, 65536)):
        try:
            family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
            bound = socket.create_server((config.host, port), family=family, backlog=512)
        except OSError as error:
            last = error
            if error.errno == errno.EADDRINUSE:
                continue
            break
        config.port = bound.getsockname()[1]
        # Made anew from its number, the socket knows that it is TCP; only then asyncio sends at once what is written (TCP_NODELAY).
        # Else the body of an answer waits 40 ms for the client to say that it has the head.
        return [socket.socket(fileno=bound.detach())]
    reason = (last.strerror or str(last)) if last is not None else "no port is free"
    raise UsageError(f"cannot listen on {config.host}, port {config.port}: {reason}.", hint="Choose another with --host and --port.")


def run(config: ServiceConfig, sockets: Sequence[socket.socket], ready: Callable[[], None]) -> None:
    """Serve until a signal comes. ``ready`` is called when the first request may come."""
    import uvicorn

    from auricle.service.app import create_app

    service = create_app(config)

    class Server(uvicorn.Server):
        async def startup(self, sockets: Any = None) -> None:
            await super().startup(sockets)
            if self.started:
                ready()
                service.warm()

        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            service.closing()
            super().handle_exit(sig, frame)

    logging.getLogger("auricle").setLevel(logging.WARNING)
    options = uvicorn.Config(
        service, log_level="warning", access_log=False, lifespan="on", server_header=False, proxy_headers=False,
        timeout_graceful_shutdown=_GRACE, timeout_keep_alive=30, h11_max_incomplete_event_size=64 << 10,
    )  # fmt: skip
    Server(options).run(sockets=list(sockets))
