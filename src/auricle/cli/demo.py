"""``auricle demo``"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from auricle.cli.options import argument, examples

QUERIES = (
    "rain on a roof, no voices",
    "a dog barking",
    "thunder",
    "slow piano",
    "someone talking about the weather",
)


def register(app: typer.Typer) -> None:
    app.command(
        short_help="Try it on the sounds that come with auricle.",
        epilog=examples("auricle demo", 'auricle demo "footsteps"'),
    )(demo)


def demo(
    query: Annotated[str, argument("QUERY", "Your own question to the demo sounds, instead of the built-in ones.")] = "",
) -> None:
    """Index the sounds that come with auricle, search them and classify one, as you would your own.

    The library is made in a temporary folder and removed at the end; yours is not touched.
    """
    from auricle.cli import output
    from auricle.cli.search import show_hits
    from auricle.demo import SOUNDS
    from auricle.library.library import Library
    from auricle.tasks.classify import classify

    sounds = SOUNDS
    with tempfile.TemporaryDirectory(prefix="auricle-demo-") as folder, Library(Path(folder) / "library") as library:
        output.say(f"$ auricle index {output.short_path(str(sounds))}")
        summary = library.index([sounds])
        output.say(
            f"{summary.recordings} recordings, {summary.hours * 60:.1f} minutes, heard in {summary.seconds:.1f} s with {summary.model}.\n"
        )
        for question in (query,) if query else QUERIES:
            output.say(f'$ auricle search "{question}"')
            show_hits(library.search(question, limit=3), False, False)
            output.say("")
        if not query:
            best = library.search("a dog barking", limit=1, sources=["sound"])[0]
            labels = ["dog bark", "rain", "piano", "speech"]
            output.say(f'$ auricle classify {Path(best.path).name} --labels "{",".join(labels)}"')
            result = classify(best.path, labels, library.model)
            rows = [*result.scores.items(), *([("none of these", result.none)] if result.none is not None else [])]
            output.say(output.table([[f"  {label}", f"{p:.3f}", output.bar(p)] for label, p in rows], right=[1]))
            output.say('\nNow yours:  auricle index ~/Sounds   then   auricle search "what you hear in your head"   or   auricle ui')
