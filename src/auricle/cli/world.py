"""``auricle data world``"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from auricle.cli.options import argument, as_path, examples, option

if TYPE_CHECKING:
    from auricle.data.world.scene import Scene


def register(group: typer.Typer) -> None:
    """Into ``auricle data``."""
    group.command(
        "world",
        short_help="Compose scenes with exact truth.",
        epilog=examples("auricle data world world.yaml --show 0", "auricle data world world.yaml --out scenes --scenes 1000 --stems"),
    )(world)


def world(
    config: Annotated[Path, argument("CONFIG.yaml", "What the scenes are made of, and how they are.", parser=as_path)],
    out: Annotated[Path | None, option("--out", "-o", metavar="FOLDER", help="Write scenes there.", parser=as_path)] = None,
    scenes: Annotated[int, option("--scenes", "-n", metavar="N", min=1, max=10_000_000, help="How many.")] = 100,
    split: Annotated[str, option("--split", metavar="NAME", help="Only clips of this split are used.")] = "train",
    seed: Annotated[
        int | None, option("--seed", metavar="N", min=0, help="Another seed than the configuration's.", show_default=False)
    ] = None,
    stems: Annotated[bool, typer.Option("--stems", help="Also write every event as a file of its own.")] = False,
    show: Annotated[int | None, option("--show", metavar="N", min=0, help="Print what is known of scene N instead.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="With --show: as one line of JSON.")] = False,
) -> None:
    """Compose scenes from the clips of a manifest: sounds, music and speech placed in time, with distance, room and background.

    Without --out or --show: check the clips and print how many each label has. The same configuration, seed and clips give the same
    scenes, byte by byte; an interrupted run goes on where it stopped.
    """
    from auricle.cli import output
    from auricle.data.world import gather, load, write

    made = gather(load(config), config.parent, seed=seed, split=split)
    if show is not None:
        made.check()
        scene = made.scene(show)
        if as_json:
            output.emit_document(scene.document())
        else:
            describe(scene)
    elif out is None:
        _counts(made.check())
    else:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

        console = Console(stderr=True)
        columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
            task = progress.add_task("scenes", total=scenes)
            path = write(made, out, scenes, stems=stems, told=lambda done: progress.update(task, completed=done))
        output.say(str(path))


def _counts(checked: dict[str, dict[str, int]]) -> None:
    from auricle.cli import output

    sides = list(next(iter(checked.values()), {}))
    rows = [["label", *(side or "(no split)" for side in sides)]]
    rows += [[label, *(str(counts[side]) for side in sides)] for label, counts in checked.items()]
    output.say(output.table(rows, right=range(1, len(sides) + 1)))


def describe(scene: Scene) -> None:
    """The truth of a scene, and what is said and asked about it."""
    from auricle.cli import output

    facts = scene.facts
    output.say(f"scene {facts.index} of {facts.split}: {facts.seconds:.2f} s, {scene.audio.rate} Hz, {facts.room}\n")
    rows = [["start", "end", "label", "level", "", "what"]]
    for e in facts.events:
        what = [e.transcript and f"“{e.transcript}”", e.pace, e.register, e.mode, "background" if e.bed else ""]
        rows.append([f"{e.start:.2f}", f"{e.end:.2f}", e.label, f"{e.level:.1f} dB", e.distance, ", ".join(w for w in what if w)])
    output.say(output.table(rows, right=[0, 1, 3]))
    output.say("\ncaptions")
    for caption in scene.captions:
        output.say(f"  {caption}")
    output.say("\ncounterfactuals")
    for false in scene.counterfactuals:
        output.say(f"  {false.text}  [{false.kind}]")
    output.say("\nquestions")
    for question in scene.questions:
        options = f"  ({' | '.join(question.options)})" if question.options else ""
        output.say(f"  {question.question}{options}  → {question.answer}")
