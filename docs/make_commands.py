"""Write ``docs/commands/``, a page a command, from the help of the commands: ``python docs/make_commands.py``."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from auricle.cli.main import app

FOLDER = Path(__file__).parent / "commands"
COMMON = """\
## Exit codes

| code | meaning |
| --- | --- |
| 0 | done; to find nothing is done too |
| 1 | some inputs failed, each is named with the reason; the rest is done |
| 2 | the call was wrong; nothing was done |
| 3 | it could not run: a missing model, a damaged library, a full disk |
| 130 | interrupted; what was done is kept |

## Output

Results go to stdout, everything else to stderr. With `--json` every result is one line of JSON; times are seconds. Keys are added, never
renamed, and each result names the `model` and the `pipeline_id` that made it.

| command | keys of a line |
| --- | --- |
| `index` | last line: `recordings`, `windows`, `hours`, `skipped`, `failed`, `seconds`, … |
| `search`, `similar` | `path`, `start`, `end`, `score`, `parts`, … |
| `classify` | `path`, `scores`, `none`, … |
| `detect` | `path`, `start`, `end`, `label`, `score`, … |
| `teach` | `name`, `path`, `labels` (each with `score`, `low`, `high`, `found`, `false_alarms`), `score`, `warnings`, … |
| `adapt` | `method`, `shots`, `accuracy`, `low`, `high`, `spread`, `map`, `n`, `missing`, …; last line: `labels`, `tested`, `saved`, … |
| `embed` | `path` or `text`, `start`, `end`, `vector`, … |
| `duplicates` | `kind`, `similarity`, `paths`, `durations`, … |
| `evaluate` | a run a line: `benchmark`, `model`, `scores`, `columns`, `controls`, `audio_gain`, …; then a line a `difference` |
| `audit` | a probe a line: `probe`, `model`, `scores`, `curves`, `notes`, … |
| `reproduce` | a figure a line: `claimed`, `by`, `source`, `protocol_known`, `measured`, `gap`, `inside`, `refused`, … |
| an input that failed | `path`, `error`, `kind`, `hint` |

A path that is not UTF-8 is made readable in `path`, and adds `path_bytes`: its bytes in base64.

## Environment

| variable | meaning |
| --- | --- |
| `AURICLE_LIBRARY` | the library that commands use when `--library` names none |
| `AURICLE_HOME` | the folder of that library and of pulled models, instead of the user's data folder |
| `AURICLE_DATA` | the folder below which `evaluate` looks for sets |
| `AURICLE_THREADS` | how many cores to use, instead of all |

## Shell completion

`auricle --install-completion` installs it for the shell you are in (bash, zsh, fish, PowerShell); `auricle --show-completion` prints it.
"""


def pages() -> dict[str, str]:
    """File name → Markdown."""
    root = typer.main.get_command(app)
    commands = dict(leaves(root, ""))
    rows = [[f"[`auricle {name}`]({file_of(name)})", command.get_short_help_str(200)] for name, command in commands.items()]
    index = f"# Commands\n\n{table(['command', 'what it does'], rows)}\n\n{COMMON}"
    return {"README.md": index, **{file_of(name): page(name, command) for name, command in commands.items()}}


def leaves(group: Any, above: str) -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from leaves(command, f"{above}{name} ")
        else:
            yield above + name, command


def file_of(name: str) -> str:
    return f"{name.replace(' ', '-')}.md"


def page(name: str, command: Any) -> str:
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    options = [p for p in command.params if p.param_type_name == "option"]
    parts = [f"# auricle {name}", paragraphs(command.help), f"```\n{usage(name, arguments)}\n```"]
    if arguments:
        parts += ["## Arguments", table(["argument", "meaning"], [[f"`{placed(p)}`", p.help] for p in arguments])]
    parts += ["## Options", table(["option", "meaning", "default"], [[spelled(p), p.help, default(p)] for p in options])]
    examples = textwrap.dedent(command.epilog.split("Examples:\n", 1)[1])
    parts += ["## Examples", f"```sh\n{examples}\n```", "[All commands, exit codes, output](README.md)"]
    return "\n\n".join(parts) + "\n"


def usage(name: str, arguments: list[Any]) -> str:
    return " ".join([f"auricle {name}", "[OPTIONS]", *map(placed, arguments)])


def placed(argument: Any) -> str:
    text = argument.metavar if argument.required else f"[{argument.metavar}]"
    return text + ("..." if argument.nargs == -1 else "")


def spelled(option: Any) -> str:
    value = "" if option.is_flag else f" {option.metavar}"
    return ", ".join(f"`{name}{value}`" for name in sorted(option.opts, key=len, reverse=True))


def default(option: Any) -> str:
    """What holds when the option is not given, and the environment variable that may say it."""
    if option.required:
        return "required"
    shown = option.show_default if isinstance(option.show_default, str) else ""
    if not shown and option.show_default is not False and not option.is_flag and option.default is not None:
        shown = f"`{option.default}`"
    return shown + (f" (or `{option.envvar}`)" if option.envvar else "")


def paragraphs(text: str) -> str:
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    made = pages()
    for old in FOLDER.glob("*.md"):
        if old.name not in made:
            old.unlink()
    for name, text in made.items():
        (FOLDER / name).write_text(text, "utf-8")
        print(FOLDER.name + "/" + name)


if __name__ == "__main__":
    main()
