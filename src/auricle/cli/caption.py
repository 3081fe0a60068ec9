"""``auricle caption``"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from auricle.cli.options import Files, JsonFlag, LibraryOption, examples, option

if TYPE_CHECKING:
    from auricle.results import Caption, Evidence

SPEAKING = "A model that speaks: tiny-heads, hf:organisation/name once pulled, openai:http://HOST/v1#MODEL, or the path of a bundle."

SpeakerOption = Annotated[str, option("--model", "-m", metavar="MODEL", help=SPEAKING)]


def register(app: typer.Typer) -> None:
    app.command(
        short_help="Say what is heard, in a sentence.",
        epilog=examples(
            "auricle caption clip.wav",
            "auricle caption night.flac --json",
            "auricle caption *.wav --store    # kept in your library, where `auricle search` finds it",
        ),
    )(caption)


def caption(
    context: typer.Context,
    files: Files,
    keep_unsupported: Annotated[
        bool, typer.Option("--keep-unsupported", help="Keep claims that no evidence supports; they are marked.")
    ] = False,
    store: Annotated[
        bool,
        typer.Option(
            "--store",
            help="Keep the captions with the texts of a library, where search finds them, instead of earlier ones; so does --library.",
        ),
    ] = False,
    library: LibraryOption = None,
    model: SpeakerOption = "tiny-heads",
    json: JsonFlag = False,
) -> None:
    """Say what is heard, in a sentence; of a long recording, a line for each piece, and a summary.

    A second listener looks for each claim in the sound. What it does not find is left out, or marked with --keep-unsupported. Evidence
    supports a claim; it proves nothing. Silence gives "nothing is heard".
    """
    from auricle.audio import prestart

    prestart()
    from auricle.cli import output
    from auricle.cli.live import Live
    from auricle.errors import AudioError, LibraryError
    from auricle.library.library import Library
    from auricle.results import Failure
    from auricle.tasks import speaking
    from auricle.tasks.caption import caption_stream, summary

    speaker = speaking.speaker(model)
    failed = False
    named = getattr(context.get_parameter_source("library"), "name", "") == "COMMANDLINE"  # not by the environment, which stores nothing
    collection = Library(library) if store or named else None
    for path in files:
        found: list[Caption] = []
        try:
            with Live() as live:
                said = caption_stream if collection is None else collection.caption_stream
                for one in said(path, speaker, keep_unsupported=keep_unsupported, told=live.told, heard=live.heard):
                    live.clear()
                    found.append(one)
                    if json:
                        output.emit(one)
                    elif len(found) > 1:  # a clip or a timeline: the second tells
                        _show(path, found[-2:] if len(found) == 2 else found[-1:], times=True)
        except AudioError as error:
            failed = True
            output.fail(output.failure_of(error), json)
        except LibraryError as error:
            if error.kind != "NotFound" or (collection is not None and not collection.exists):
                raise
            failed = True
            output.fail(Failure(path, error.message, error.kind, error.hint), json)
        if len(found) == 1 and not json:
            _show(path, found, times=found[0].end - found[0].start > (speaker.longest or speaking.WINDOW) + speaking.REST)
        if len(found) > 1:
            told = summary(found)
            if json:
                output.emit(told)
            else:
                output.say(f"  in all: {output.one_line(told.summary)}")
    if collection is not None:
        collection.close()
    if failed:
        raise typer.Exit(1)


def _show(path: str, captions: list[Caption], *, times: bool) -> None:
    from auricle.cli import output

    dash = "–" if output.shows("–") else "-"
    if len(captions) > 1 or captions[0].start == 0:
        output.say(output.short_path(path))
    for one in captions:
        when = f"{output.clock(one.start)}{dash}{output.clock(one.end)}  " if times else ""
        output.say(f"  {when}{output.one_line(one.caption)}")
        show_evidence(one.evidence, one.unsupported)


def show_evidence(spans: tuple[Evidence, ...], unsupported: tuple[str, ...]) -> None:
    """The spans below a sentence, each with its probability, and what has none."""
    from auricle.cli import output

    dash = "–" if output.shows("–") else "-"
    rows = [[output.clock(e.start), dash, output.clock(e.end), f"{e.score:.2f}", output.one_line(e.claim)] for e in spans]
    rows += [["", "", "", "?", f"{output.one_line(claim)} (no evidence)"] for claim in unsupported]
    if rows:
        output.say(output.indented(output.indented(output.table(rows, right=[0, 2]))))
