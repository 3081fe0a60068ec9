"""``auricle embed``"""

from __future__ import annotations

from typing import Annotated

import typer

from auricle.cli.options import JsonFlag, ModelOption, argument, examples, filled, option


def register(app: typer.Typer) -> None:
    app.command(
        short_help="Print the vectors of sounds and texts.",
        epilog=examples(
            "auricle embed clip.wav --json",
            'auricle embed --text "rain on a tin roof" --text thunder',
            "auricle embed long.flac --frames > frames.tsv",
        ),
    )(embed)


def embed(
    files: Annotated[list[str] | None, argument("FILE", "Sound files.", callback=filled)] = None,
    text: Annotated[
        list[str] | None,
        option("--text", "-t", metavar="TEXT", help="A text to embed; may be given several times.", show_default=False),
    ] = None,
    model: ModelOption = "tiny-towers",
    frames: Annotated[bool, typer.Option("--frames", help="One vector a frame (about half a second) instead of a window.")] = False,
    json: JsonFlag = False,
) -> None:
    """Print the vectors of sounds and texts, in one space: of unit norm, compared by dot product.

    One line a window, and one a text. Without --json, lines of tab-separated values: the path or text, start and end in seconds (empty
    for a text), and the numbers.
    """
    from auricle.audio import prestart
    from auricle.errors import UsageError

    if not files and not text:
        raise UsageError("nothing to embed.", hint="Name sound files, or give --text.")
    if files:
        prestart()
    from auricle.cli import output
    from auricle.errors import AudioError
    from auricle.models.hub import load
    from auricle.tasks.embed import embed_sound, embed_texts

    def show(result: object) -> None:
        if json:
            output.emit(result)
            return
        from auricle.results import Embedding

        assert isinstance(result, Embedding)
        what = (
            [output.plain(result.text or ""), "", ""]
            if result.path is None
            else [output.short_path(result.path), f"{result.start:.3f}", f"{result.end:.3f}"]
        )
        output.say("\t".join([*what, *(f"{v:.6f}" for v in result.vector)]))

    loaded = load(model)
    for result in embed_texts(text or [], loaded):
        show(result)
    failed = False
    for path in files or []:
        try:
            for result in embed_sound(path, loaded, frames=frames):
                show(result)
        except AudioError as error:
            failed = True
            output.fail(output.failure_of(error), json)
    if failed:
        raise typer.Exit(1)
