"""``auricle keys``"""

from __future__ import annotations

from typing import Annotated

import typer

from auricle.cli.options import JsonFlag, argument, examples, filled, option

group = typer.Typer(help="Make, list and revoke keys of programs.", no_args_is_help=True, rich_markup_mode=None)


def register(app: typer.Typer) -> None:
    app.add_typer(group, name="keys")


@group.command(
    short_help="Make a key.",
    epilog=examples("auricle keys new laptop", "auricle keys new tagger --scope write", "auricle keys new me --json"),
)
def new(
    name: Annotated[str, argument("NAME", "What to call it, e.g. after the program that will use it.", callback=filled)],
    scope: Annotated[
        list[str] | None,
        option(
            "--scope", "-s", metavar="SCOPE", show_default="read",
            help="read (search, listen, classify, export), write (read, and tags) or admin (all); several, with commas, will do.",
        ),
    ] = None,
    json: JsonFlag = False,
) -> None:  # fmt: skip
    """Make a key for a program that uses the server. Its secret goes to stdout, is shown this once, and is stored nowhere.

    A program sends it as `Authorization: Bearer SECRET`, or as `x-api-key: SECRET`. On this machine none is needed.
    """
    from auricle.cli import output
    from auricle.service.keys import Keys

    scopes = [word.strip() for text in scope or ["read"] for word in text.split(",") if word.strip()]
    keys = Keys()
    secret = keys.create(name, scopes)
    if json:
        made = next(key for key in keys.list() if key.name == name)
        output.emit_document({"name": name, "scopes": list(made.scopes), "created_at": made.created_at, "secret": secret})
        return
    output.say(secret)
    output.note("Keep it: it is not shown again. To make it worthless: auricle keys revoke " + name)


@group.command("list", short_help="List the keys.", epilog=examples("auricle keys list"))
def list_(json: JsonFlag = False) -> None:
    """List the keys: name, scopes, when each was made. Secrets are not stored and cannot be shown."""
    from auricle.cli import output
    from auricle.service.keys import Keys

    keys = Keys().list()
    if json:
        for key in keys:
            output.emit_document({"name": key.name, "scopes": list(key.scopes), "created_at": key.created_at})
    elif keys:
        output.say(output.table([[key.name, ", ".join(key.scopes), key.created_at] for key in keys]))
    else:
        output.note("There is no key. Make one: auricle keys new NAME")


@group.command(short_help="Revoke a key.", epilog=examples("auricle keys revoke laptop"))
def revoke(
    name: Annotated[str, argument("NAME", "A name that `auricle keys list` shows.", callback=filled)], json: JsonFlag = False
) -> None:
    """Revoke a key: from now on no server takes it, those that run included."""
    from auricle.cli import output
    from auricle.service.keys import Keys

    Keys().revoke(name)
    if json:
        output.emit_document({"name": name, "revoked": True})
    else:
        output.note(f"Revoked: {name}")
