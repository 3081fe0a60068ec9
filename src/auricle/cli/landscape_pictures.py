"""``auricle landscape draw`` and ``auricle landscape page``"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from auricle.cli.options import OverwriteFlag, argument, as_path, examples, filled, option

OutOption = Annotated[Path | None, option("--out", "-o", metavar="FILE", help="The file to write.", parser=as_path, show_default="stdout")]


def register(group: typer.Typer) -> None:
    group.command(
        short_help="Draw a picture of the field, as SVG.",
        epilog=examples(
            "auricle landscape draw timeline -o timeline.svg",
            "auricle landscape draw map -o map.svg",
            "auricle landscape draw overlap -o overlap.svg",
            "auricle landscape draw lineage clotho -o clotho.svg",
        ),
    )(draw)
    group.command(
        short_help="Write the field as one interactive page.",
        epilog=examples("auricle landscape page -o landscape.html"),
    )(page)


def draw(
    kind: Annotated[str, argument("KIND", "timeline, map, overlap or lineage.", callback=filled)],
    subject: Annotated[str, argument("NAME", "lineage: the work whose lineage it is.")] = "",
    out: OutOption = None,
    overwrite: OverwriteFlag = False,
) -> None:
    """Draw the field as SVG: what came when, by kind; families by objectives and domains; which test data stand in which training data; or
    what one work comes from and what came of it.

    The picture is light, or dark where the viewer's system is; its last line says what it was made from.
    """
    from auricle import landscape
    from auricle.landscape import pictures

    field = landscape.load()
    give(pictures.draw(field, kind, subject and landscape.one(field, subject).id).svg(), out, overwrite)


def page(
    out: Annotated[Path, option("--out", "-o", metavar="FILE", help="The file to write.", parser=as_path)],
    overwrite: OverwriteFlag = False,
) -> None:
    """Write the field as one HTML file that needs no network: search, filters, records and what ties them, pictures, contamination.

    `auricle ui` serves the same page at /landscape.
    """
    from auricle import landscape
    from auricle.landscape.page import page as made

    give(made(landscape.load()), out, overwrite)


def give(text: str, out: Path | None, overwrite: bool) -> None:
    from auricle.cli import output
    from auricle.errors import UsageError

    if out is None:
        output.say(text.rstrip("\n"))
        return
    if out.exists() and not overwrite:
        raise UsageError(f"{out} exists already.", hint="Choose another name, or give --overwrite.")
    out.write_text(text, "utf-8")
    output.say(output.plain(str(out)))
