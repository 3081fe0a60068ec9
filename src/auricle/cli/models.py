"""``auricle models``"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from auricle.cli.options import JsonFlag, argument, as_path, examples, filled, option

HELP = """List, fetch, check, describe and convert models.

Only `pull` uses the network. A model of a server, openai:http://HOST/v1#MODEL, is named wherever a model that speaks is: the sounds that
you ask about then go to that server, and nowhere else.
"""
group = typer.Typer(help=HELP, no_args_is_help=True, rich_markup_mode=None)
PRECISIONS = ("float32", "int8")
NAMED = "A name that `auricle models list` shows, or the path of a bundle."


def register(app: typer.Typer) -> None:
    app.add_typer(group, name="models")


@group.command("list", short_help="List the models on this machine.", epilog=examples("auricle models list"))
def list_(json: JsonFlag = False) -> None:
    """List the models on this machine: name, family, dimensions, size, licence."""
    from auricle.cli import output
    from auricle.models import hub

    rows = []
    for model in hub.installed():
        if json:
            output.emit_document(output.as_document(model))
        else:
            rows.append([model.name, model.family, f"{model.dim} d", f"{model.bytes / 1e6:.1f} MB", model.error or model.licence])
    if not json:
        output.say(output.table(rows, right=[2, 3]))


@group.command(
    short_help="Fetch a model.",
    epilog=examples("auricle models pull hf:Xenova/clap-htsat-unfused", "auricle models pull hf:Qwen/Qwen2-Audio-7B-Instruct"),
)
def pull(
    name: Annotated[str, argument("NAME", "hf:organisation/name, or hf:organisation/name@revision.")],
    endpoint: Annotated[
        str | None, option("--endpoint", metavar="URL", envvar="HF_ENDPOINT", help="Another hub.", show_default="huggingface.co")
    ] = None,
    precision: Annotated[str, option("--precision", metavar="KIND", help="float32 or int8, where the repository has both.")] = "float32",
    force: Annotated[bool, typer.Option("--force", help="Fetch again what is there.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
) -> None:
    """Fetch a model: an auricle bundle, a CLAP in the layout of transformers.js, or a checkpoint of Qwen2-Audio or Audio Flamingo 3 for
    transformers, of which only safetensors are fetched, no pickle and no code. To run such a checkpoint needs: pip install "auricle[hf]".

    Every file is verified by sha256. Interrupted, it goes on where it stopped. Prints the path of the bundle, and on stderr a warning where
    its licence, as the hub or the landscape states it, is not for commercial use or unclear.
    """
    from auricle import landscape
    from auricle.cli import output
    from auricle.landscape import asked
    from auricle.models import hub
    from auricle.models.bundle import Bundle

    check_precision(precision)
    known = asked.about_model(landscape.load(), name)
    warned = known is not None and warn(asked.licence_warning(name, known))
    with output.download_progress(quiet) as show:
        path = hub.pull(name, endpoint=endpoint, precision=precision, force=force, progress=show)
    if not warned:
        warn(asked.licence_warning(name, known, Bundle.open(path).card.licence))
    output.say(str(path))


def warn(sentence: str) -> bool:
    from auricle.cli import output

    if sentence:
        output.note(f"auricle: {output.one_line(sentence)}")
    return bool(sentence)


@group.command(short_help="Check the files of a model.", epilog=examples("auricle models verify tiny-towers"))
def verify(name: Annotated[str, argument("NAME", NAMED, callback=filled)]) -> None:
    """Check every file of a model against its sha256."""
    from auricle.cli import output
    from auricle.models import hub

    for file, digest in sorted(hub.verify(name).items()):
        output.say(f"{digest[:16]}  {file}  ok")


@group.command(
    short_help="Print a model's card.", epilog=examples("auricle models show tiny-towers", "auricle models show ./bundle --json")
)
def show(name: Annotated[str, argument("NAME", NAMED, callback=filled)] = "tiny-towers", json: JsonFlag = False) -> None:
    """Print a model's card: what it is, where it comes from, what it was measured on, its limits; and what the landscape knows of it: what
    it was trained and evaluated on, and its traps. A model that is not on this machine has only the latter.
    """
    from auricle import landscape
    from auricle.cli import output
    from auricle.errors import ModelError
    from auricle.landscape import asked
    from auricle.models import hub
    from auricle.models.bundle import Bundle

    field = landscape.load()
    known = asked.about_model(field, name)
    try:
        bundle = Bundle.open(hub.resolve(name))
    except ModelError as error:
        if known is None or error.kind != "Missing":
            raise
        bundle = None
    known = known or (asked.about_model(field, bundle.card.name) if bundle else None)
    if json:
        card = {"pipeline_id": bundle.pipeline_id, **output.as_document(bundle.card)} if bundle else {"name": name}
        output.emit_document({**card, **({"landscape": output.as_document(known)} if known else {})})
        return
    if bundle:
        output.say(bundle.card.render(bundle.pipeline_id))
    else:
        output.note(f"auricle: {name} is not on this machine. This is what the landscape knows.")
    if known:
        title = "\nIn the landscape\n" if bundle else ""
        output.say(f"{title}{output.indented(asked.render(field, known))}")


@group.command(
    short_help="Turn a CLAP of transformers into a bundle.",
    epilog=examples(
        "auricle models convert clap-htsat-unfused/ clap-bundle/ --precision int8", "auricle index Sounds --model clap-bundle/"
    ),
)
def convert(
    source: Annotated[str, argument("CHECKPOINT", "A folder with a CLAP checkpoint of transformers.", callback=filled)],
    folder: Annotated[Path, argument("BUNDLE", "The folder to make.", parser=as_path)],
    precision: Annotated[str, option("--precision", metavar="KIND", help="float32 or int8.")] = "float32",
    json: JsonFlag = False,
) -> None:
    """Turn a CLAP checkpoint of transformers into a bundle that runs without torch. To convert needs: pip install "auricle[hf]"."""
    from auricle.cli import output
    from auricle.models.pretrained.clap import convert as run

    check_precision(precision)
    report = run(source, folder, precision=precision)
    if json:
        output.emit_document(output.as_document(report))
    else:
        output.say(report.render())


def check_precision(precision: str) -> None:
    from auricle.errors import UsageError

    if precision not in PRECISIONS:
        raise UsageError(f"there is no precision {precision!r}.", hint="Choose float32 or int8.")
