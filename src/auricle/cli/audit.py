"""``auricle audit``"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from auricle.cli.options import JsonFlag, argument, as_path, examples, filled, option

if TYPE_CHECKING:
    from auricle.evaluation.corpus import Half
    from auricle.evaluation.probes.base import Audit

MODEL = "As --model elsewhere. Without it: the probes there are."


def register(app: typer.Typer) -> None:
    app.command(
        short_help="Probe what a model does where benchmarks do not look.",
        epilog=examples(
            "auricle audit tiny-towers --sounds corpus/ --write audit.json",
            "auricle audit tiny-towers --probe overlap --probe calibration --sounds corpus/",
            "auricle audit tiny-towers --probe membership --sounds corpus/ --members train.jsonl",
        ),
    )(audit)


def audit(
    models: Annotated[list[str] | None, argument("MODEL", MODEL)] = None,
    probe: Annotated[
        list[str] | None,
        option("--probe", metavar="NAME", help="A probe; may be given several times.", show_default="all", callback=filled),
    ] = None,
    sounds: Annotated[
        Path | None,
        option(
            "--sounds",
            metavar="PLACE",
            help="Held-out sounds: the folder of a search benchmark, or a manifest.",
            parser=as_path,
            show_default="the demo's",
        ),
    ] = None,
    half: Annotated[
        str | None,
        option("--half", metavar="dev|test", help="Which side of them.", show_default="a benchmark's test, a manifest's dev"),
    ] = None,
    members: Annotated[
        Path | None,
        option("--members", metavar="MANIFEST", help="What the model was trained on, for membership.", parser=as_path, show_default=False),
    ] = None,
    seed: Annotated[int, option("--seed", metavar="N", min=0, help="Of everything that is drawn.")] = 0,
    write: Annotated[
        Path | None, option("--write", metavar="FILE", help="Also write everything to FILE, as JSON.", parser=as_path, show_default=False)
    ] = None,
    json: JsonFlag = False,
) -> None:
    """Probe models: sounds that are not there, captions false in one thing, “no”, changes that must not matter, several sounds at once, one
    sound in an hour, calibration and the unknown, orders that are spoken, wording, synthetic speech, linked speakers, membership. Every
    number has an interval, and chance or a control beside it.
    """
    import shlex
    import sys

    from auricle.cli import output
    from auricle.errors import UsageError
    from auricle.evaluation import probes

    if half not in (None, "dev", "test"):
        raise UsageError(f"there is no half {half!r}.", hint="Give dev or test.")
    asked = [probes.get(name) for name in probe or probes.NAMES]
    if not models:
        if json:
            for one in asked:
                output.emit_document({"probe": one.name, "title": one.title})
        else:
            output.say(output.table([[one.name, one.title] for one in asked]))
        return
    import auricle
    from auricle.audio import prestart
    from auricle.evaluation import documents
    from auricle.evaluation.probes.audit import audited
    from auricle.evaluation.probes.sounds import sounds as sounds_of

    given = sounds_of(sounds, half=cast("Half | None", half), members=members)
    loaded = [auricle.load(name) for name in filled(models)]
    prestart()
    output.note(output.plain(f"on {given.held.name}: {len(given.held.items)} clips"))
    written = []
    for model in loaded:
        for found in audited(model, given, probe or (), seed=seed, told=lambda line: output.note(output.plain(line))):
            if found.audit is None:
                output.note(output.plain(f"{model.name}: {found.probe} was not asked: {found.reason}"))
                continue
            document = found.audit.document(model)
            written.append(document)
            if json:
                output.emit_document(document)
            else:
                _show(model.name, found.audit)
    if write is not None:
        documents.write(write, documents.document(audits=written, command=shlex.join(["auricle", *sys.argv[1:]])))
        output.note(f"wrote {output.short_path(str(write))}")


def _show(model: str, found: Audit) -> None:
    from auricle.cli import output

    output.say(f"\n{model}: {found.title}")
    rows = []
    for score in found.scores:
        beside = ", ".join(f"{name} {value:.3f}" for name, value in score.baselines.items())
        rows.append([score.metric, f"{score.value:.3f} ({score.low:.3f}–{score.high:.3f})", f"n = {score.n}/{score.clusters}", beside])
    output.say(output.table(rows))
    for curve in found.curves:
        points = ", ".join(f"{x:.3g}: {y:.3f}" for x, y in zip(curve.x, curve.y, strict=True))
        output.say(output.plain(f"{curve.name} ({curve.x_label}: {curve.y_label or 'value'}): {points}"))
    for note in dict.fromkeys([*found.notes, *(note for score in found.scores for note in score.notes)]):
        output.say(output.plain(note))
