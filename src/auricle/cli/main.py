"""``auricle``: the command line. Commands live one file a group and import what they need when they run."""

from __future__ import annotations

import os
import sys

import typer

from auricle.cli import (
    adapt,
    ask,
    audit,
    caption,
    classify,
    data,
    demo,
    detect,
    embed,
    evaluate,
    export,
    index,
    inspect,
    keys,
    landscape,
    mcp,
    models,
    output,
    report,
    reproduce,
    search,
    serve,
    teach,
    train,
    watch,
)

app = typer.Typer(
    name="auricle",
    help="Hear with language: search, classify and explore sound by describing it.",
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for group in (
    index,
    search,
    classify,
    detect,
    caption,
    ask,
    teach,
    embed,
    export,
    inspect,
    watch,
    serve,
    mcp,
    keys,
    models,
    data,
    landscape,
    train,
    adapt,
    evaluate,
    audit,
    report,
    reproduce,
    demo,
):
    group.register(app)


def version(show: bool) -> None:
    if show:
        import auricle

        typer.echo(f"auricle {auricle.__version__}")
        raise typer.Exit


@app.callback()
def root(
    _version: bool = typer.Option(False, "--version", callback=version, is_eager=True, help="Print the version and exit."),
) -> None:
    """Hear with language: search, classify and explore sound by describing it."""


def main() -> None:
    """Run, and turn every expected failure into one line and an exit code (0, 1, 2, 3 or 130)."""
    if "_AURICLE_COMPLETE" in os.environ:  # the shell asks what could follow
        app(prog_name="auricle")
    output.prepare_streams()
    sys.exit(_run(sys.argv[1:]))


def _run(arguments: list[str]) -> int:
    from auricle.errors import AuricleError

    try:
        # Not ``app()``: it swallows Ctrl-C and broken pipes with exit codes of its own.
        command = typer.main.get_command(app)
        with command.make_context("auricle", arguments) as context:
            command.invoke(context)
        sys.stdout.flush()
    except AuricleError as error:
        output.report_error(error)
        return error.exit_code
    except (KeyboardInterrupt, EOFError):
        output.note("auricle: interrupted.")
        return 130
    except BrokenPipeError:
        output.discard()  # a reader such as `head` has seen enough
        return 0
    except OSError as error:
        output.discard()
        output.report_os_error(error)
        return 3
    except MemoryError:
        output.note("auricle: there is not enough memory. Close other programs, or give fewer or shorter files.")
        return 3
    except Exception as error:
        return _parser_code(error)
    return 0


def _parser_code(error: Exception) -> int:
    """Ends and usage errors of the argument parser; anything else is a defect and shows its traceback."""
    code = getattr(error, "exit_code", None)
    if code is None:
        raise error
    message = getattr(error, "format_message", None)
    if message is None:  # typer.Exit
        sys.stdout.flush()
        return int(code)
    context = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError":
        output.say(str(message()))
        return 2
    text = output.one_line(str(message()))
    end = "" if text.endswith((".", "?")) else "."
    output.note(f"auricle: {text}{end} See `{context.command_path if context else 'auricle'} --help`.")
    return 2


if __name__ == "__main__":
    main()
