"""``auricle classify``"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from auricle.cli.options import Files, JsonFlag, TaughtModelOption, TaughtOption, examples, option

LABELS = 'Words or phrases with commas between them ("dog barking,rain"), or a text file with one a line (# starts a comment).'


def register(app: typer.Typer) -> None:
    app.command(
        short_help="Say how well labels describe sounds.",
        epilog=examples(
            'auricle classify clip.wav --labels "dog barking,rain,speech"',
            "auricle classify *.flac --labels labels.txt --json",
            "auricle classify yard.wav --taught my-dogs",
        ),
    )(classify)


def classify(
    files: Files,
    labels: Annotated[str | None, option("--labels", "-L", metavar="LABELS", help=LABELS, show_default=False)] = None,
    taught: TaughtOption = None,
    model: TaughtModelOption = None,
    exclusive: Annotated[bool, typer.Option("--exclusive", help="Exactly one label, or none, is true: all sum to 1.")] = False,
    json: JsonFlag = False,
) -> None:
    """Say how well each label describes each file, and how likely it is none of these.

    Each label is judged on its own, so that several may be true; with --exclusive exactly one is, or none. A model without calibration
    gives similarities instead of probabilities, and this says so. Kinds of sound that were taught are judged beside the labels.
    """
    from auricle.audio import prestart

    prestart()
    from auricle.cli import output
    from auricle.errors import AudioError, UsageError
    from auricle.models.heads import check_labels
    from auricle.models.taught import load_both
    from auricle.tasks.classify import classify as run

    if labels is None and taught is None:
        raise UsageError("there are no labels.", hint='Name them like --labels "dog,rain", or give --taught NAME.')
    words = check_labels(read_labels(labels)) if labels is not None else []
    loaded, head = load_both(model, taught)
    if hasattr(loaded, "warm"):
        loaded.warm(text=bool(words))  # both towers are read while the sound is
    failed = False
    for path in files:
        try:
            result = run(path, words, loaded, exclusive=exclusive, head=head)
        except AudioError as error:
            failed = True
            output.fail(output.failure_of(error), json)
            continue
        if json:
            output.emit(result)
            continue
        rows = [[label, f"{score:.3f}", output.bar(score) if result.calibrated else ""] for label, score in result.scores.items()]
        if result.none is not None:
            rows.append(["none of these", f"{result.none:.3f}", output.bar(result.none)])
        output.say(output.short_path(result.path))
        output.say(output.indented(output.table(rows, right=[1])))
        if not result.calibrated:
            output.note(f"  {result.model} is not calibrated: these are similarities, not probabilities.")
    if failed:
        raise typer.Exit(1)


def read_labels(value: str) -> list[str]:
    """A file's lines when it names one, else words between commas."""
    from auricle.errors import UsageError

    path = Path(value).expanduser()
    try:
        if path.is_file():
            lines = [line.strip() for line in path.read_text("utf-8-sig").splitlines()]
            return [line for line in lines if line and not line.startswith("#")]
        if value and path.is_dir() and os.sep in value:
            raise UsageError(f"{value} is a folder.", hint='Give labels like "dog,rain", or a text file with one a line.')
    except UnicodeDecodeError:
        raise UsageError(f"the labels in {value} are not UTF-8 text.", hint="Give a text file with one label a line.") from None
    except OSError as error:
        raise UsageError(f"the labels in {value} cannot be read: {error.strerror}.", hint="Check the path.") from None
    except ValueError:  # what no path can be is still a label
        return value.split(",")
    if value.endswith(".txt") and "," not in value:
        raise UsageError(f"there is no file {value}.", hint='Give labels like "dog,rain", or a file with one a line.')
    return value.split(",")
