"""``auricle ui`` and ``auricle serve``"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from auricle.cli.options import LibraryOption, examples, option

if TYPE_CHECKING:
    from auricle.service.config import ServiceConfig


def register(app: typer.Typer) -> None:
    app.command(
        short_help="Open the page: search, listen, export.",
        epilog=examples("auricle ui", "auricle ui --library sounds.library"),
    )(ui)
    app.command(
        short_help="Serve the page and the HTTP API.",
        epilog=examples(
            "auricle serve", "auricle serve --library sfx=sounds.library --library podcasts=shows.library --port 8321",
            "auricle serve --host 0.0.0.0 --allow-host box.example",
        ),
    )(serve)  # fmt: skip


PortOption = Annotated[
    int | None, option("--port", metavar="PORT", help="Where to listen.", min=0, max=65535, show_default="8321, or a free one")
]


def ui(
    library: LibraryOption = None,
    port: PortOption = None,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Print the address and open nothing.")] = False,
) -> None:
    """Open auricle in the browser, for this machine only.

    The address holds a token of this start: only who has it may use the page. Ctrl-C ends it; an index run that it began goes on at the
    next start.
    """
    from auricle import settings

    config = _config({"": library or settings.default_library()}, "127.0.0.1", port)
    _run(config, strict=port is not None, open_browser=not no_browser)


def serve(
    library: Annotated[
        list[str] | None,
        option("--library", "-l", metavar="[NAME=]FOLDER", help="A library; may be given several times.", show_default="your own"),
    ] = None,
    host: Annotated[
        str, option("--host", metavar="ADDRESS", help="Where to listen; any other than this machine needs a key.")
    ] = "127.0.0.1",
    port: PortOption = None,
    require_key: Annotated[bool, typer.Option("--require-key", help="Ask programs on this machine for a key, too.")] = False,
    allow_host: Annotated[
        list[str] | None, option("--allow-host", metavar="NAME", help="A name by which the server is reached.", show_default=False)
    ] = None,
    allow_origin: Annotated[
        list[str] | None, option("--allow-origin", metavar="ORIGIN", help="A site whose pages may call the API.", show_default=False)
    ] = None,
    allow_url: Annotated[
        list[str] | None, option("--allow-url", metavar="HOST", help="A host from which sounds may be fetched by URL.", show_default=False)
    ] = None,
) -> None:
    """Serve the page, the HTTP API (/api/v1, /v1) and MCP (/mcp).

    On this machine only, unless told otherwise; then every request needs a key (`auricle keys new`). /openapi.json describes the API.
    """
    from auricle import settings

    named: dict[str, Path] = {}
    for given in library or [str(settings.default_library())]:
        name, mark, folder = given.partition("=")
        if not mark:
            name, folder = "", given
        named[name if name not in named else f"{name}-{len(named) + 1}"] = Path(folder).expanduser()
    config = _config(named, host, port)
    config.require_key, config.allowed_hosts = require_key, tuple(allow_host or ())
    config.allowed_origins = tuple(allow_origin or ())
    config.allow_urls, config.url_hosts = bool(allow_url), tuple(allow_url or ())
    _run(config, strict=port is not None, open_browser=False)


def _config(named: dict[str, Path], host: str, port: int | None) -> ServiceConfig:
    import secrets

    from auricle.errors import UsageError
    from auricle.service.config import ServiceConfig
    from auricle.service.libraries import identity_of

    served: dict[str, Path] = {}
    for name, folder in named.items():
        if not str(folder) or folder == Path():
            raise UsageError("the name of a library is empty.")
        identity = identity_of(name or folder.absolute().name)
        if identity in served:
            raise UsageError(f"two libraries are called {identity!r}.", hint="Name them apart, as in --library sfx=FOLDER.")
        served[identity] = folder.absolute()
    return ServiceConfig(host=host, port=8321 if port is None else port, libraries=served, token=secrets.token_urlsafe(32))


def _run(config: ServiceConfig, *, strict: bool, open_browser: bool) -> None:
    from auricle.cli import output
    from auricle.service.running import listen, run

    config.check()
    sockets = listen(config, strict=strict)
    address = f"http://{'localhost' if config.host in ('127.0.0.1', '::1') else config.host}:{config.port}"

    def ready() -> None:
        output.note(f"auricle: {address}/?token={config.token}")
        if open_browser:
            import webbrowser

            webbrowser.open(f"{address}/?token={config.token}")

    run(config, sockets, ready)
    output.note("auricle: the server has ended.")
