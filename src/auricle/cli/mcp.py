"""``auricle mcp``"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from auricle.cli.options import as_path, examples, option

if TYPE_CHECKING:
    from auricle.agent.tools import Tools


def register(app: typer.Typer) -> None:
    app.command(
        short_help="Let a language model search and examine libraries (MCP).",
        epilog=examples(
            "auricle mcp",
            "auricle mcp --library ~/Field.library --library ~/Effects.library",
            "auricle mcp --http --port 8322",
        ),
    )(mcp)


def mcp(
    library: Annotated[
        list[Path] | None,
        option(
            "--library",
            "-l",
            metavar="FOLDER",
            help="A library to serve; may be given several times, the first is the default.",
            parser=as_path,
            show_default="your own",
        ),
    ] = None,
    http: Annotated[bool, typer.Option("--http", help="Serve streamable HTTP at /mcp instead of stdin and stdout.")] = False,
    host: Annotated[
        str, option("--host", metavar="ADDRESS", help="Where to listen with --http; other machines always need a key.")
    ] = "127.0.0.1",
    port: Annotated[int, option("--port", metavar="N", min=0, max=65535, help="The port with --http; 0 takes a free one.")] = 8322,
    allow_host: Annotated[
        list[str] | None,
        option(
            "--allow-host",
            metavar="NAME",
            help="A further name by which clients reach the server; may be given several times.",
            show_default=False,
        ),
    ] = None,
    paths: Annotated[
        bool, typer.Option("--paths", help="Tell clients where files lie, instead of names from the indexed folder on.")
    ] = False,
) -> None:
    """Let a language model search and examine libraries, by the Model Context Protocol.

    A client starts the command itself and speaks over stdin and stdout: give it the command "auricle" and the argument "mcp". The tools
    only read, take no paths and open no address. Needs: pip install "auricle[mcp]".
    """
    from auricle import settings
    from auricle.agent.shelf import Shelf
    from auricle.audio import prestart
    from auricle.service.mcp import require

    require()
    _log_to_stderr()
    prestart()
    from auricle.agent.tools import Tools

    shelf = Shelf(library or [settings.default_library()])
    tools = Tools(shelf, full_paths=paths)
    try:
        if http:
            _http(tools, host, port, allow_host or [])
        else:
            _stdio(tools)
    finally:
        shelf.close()


def _stdio(tools: Tools) -> None:
    import signal
    import sys

    import anyio

    from auricle.cli import output
    from auricle.service.mcp import serve_stdio

    signal.signal(signal.SIGINT, _leave)
    if sys.stdin.isatty():
        output.note("auricle mcp speaks to a program over stdin and stdout; Ctrl-C ends it. See auricle mcp --help.")
    anyio.run(serve_stdio, tools)


def _leave(*_: object) -> None:
    """End at once: the thread that waits for stdin would hold up an orderly end. Nothing is being written that could break."""
    import os

    from auricle.cli import output

    output.note("auricle: interrupted.")
    os._exit(130)


def _http(tools: Tools, host: str, port: int, names: list[str]) -> None:
    import socket

    import uvicorn

    from auricle.cli import output
    from auricle.errors import UsageError
    from auricle.service.config import ServiceConfig
    from auricle.service.keys import Keys
    from auricle.service.mcp import PATH, standalone

    config, keys = ServiceConfig(host=host, port=port, allowed_hosts=tuple(names)), Keys()
    config.check(keys)
    address = f"[{host}]" if ":" in host else host
    try:
        listening = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise UsageError(f"cannot listen on {address}:{port}: {error.strerror}.", hint="Choose another --port or --host.") from None
    config.port = listening.getsockname()[1]
    keyed = ", with a key" if config.needs_key else ""
    output.note(f"MCP at http://{address}:{config.port}{PATH}{keyed}. Ctrl-C ends it.")
    served = standalone(tools, config, keys)
    server = uvicorn.Server(uvicorn.Config(served, log_config=None, access_log=False, timeout_graceful_shutdown=3))
    with listening:
        server.run(sockets=[listening])


def _log_to_stderr() -> None:
    import logging

    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s", level=logging.WARNING)
