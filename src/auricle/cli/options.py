"""Options that several commands share, with one meaning and one help text; and how examples stand below a help text."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

T = TypeVar("T")


def examples(*lines: str) -> str:
    """The epilog of a help text; ``\\b`` keeps its lines as they are."""
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)])


def filled(value: T) -> T:
    """Refuse the empty name that an unset shell variable leaves: a ``Path("")`` would be the current folder."""
    if value == "" or (isinstance(value, (list, tuple)) and "" in value):
        raise typer.BadParameter("the name is empty.")
    return value


def as_path(value: str) -> Path:
    return Path(filled(value)).expanduser()


def argument(metavar: str, help: str, **more: Any) -> Any:
    return typer.Argument(metavar=metavar, help=help, show_default=False, **more)


def option(*names: str, metavar: str, help: str, **more: Any) -> Any:
    return typer.Option(*names, metavar=metavar, help=help, **more)


_MODEL = "A name that `auricle models list` shows, hf:organisation/name once pulled, or the path of a bundle."

Files = Annotated[list[str], argument("FILE", "Sound files.", callback=filled)]
JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON lines on stdout; progress and notes stay on stderr.")]
LibraryOption = Annotated[
    Path | None,
    option(
        "--library", "-l", metavar="FOLDER", help="The library.", envvar="AURICLE_LIBRARY", parser=as_path, show_default="your own",
    ),
]  # fmt: skip
ModelOption = Annotated[str, option("--model", "-m", metavar="MODEL", help=_MODEL)]
LibraryModelOption = Annotated[str | None, option("--model", "-m", metavar="MODEL", help=_MODEL, show_default="the library's")]
TaughtOption = Annotated[
    str | None,
    option("--taught", "-t", metavar="NAME", help="Kinds of sound that `auricle teach` learned: its name, or a file.", show_default=False),
]
TaughtModelOption = Annotated[
    str | None, option("--model", "-m", metavar="MODEL", help=_MODEL, show_default="tiny-towers, or that of --taught")
]
LimitOption = Annotated[int, option("--limit", "-n", metavar="N", min=1, max=10_000, help="How many moments at most.")]
WhereOption = Annotated[
    str | None,
    option("--where", "-w", metavar="FILTER", help='Only recordings that fit, e.g. "duration > 10 and format = wav and tag ~ rain".'),
]
NotOption = Annotated[
    list[str] | None, option("--not", metavar="SOUND", help="What must not be heard; may be given several times.", show_default=False)
]
LikeOption = Annotated[
    str | None, option("--like", metavar="CLIP", help="A clip to sound like: FILE, or FILE@12-17 for its seconds 12 to 17.")
]
OverwriteFlag = Annotated[bool, typer.Option("--overwrite", help="Replace files that exist.")]
