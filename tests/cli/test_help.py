"""Help is fast, exact and the same in the documentation; completion works."""

from __future__ import annotations

import importlib.util
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path

import pytest
import typer

from auricle.cli.main import app
from cli.conftest import spawn

DOCS = Path(__file__).resolve().parents[2] / "docs"


def _make_commands():
    spec = importlib.util.spec_from_file_location("make_commands", DOCS / "make_commands.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


make_commands = _make_commands()
LEAVES = dict(make_commands.leaves(typer.main.get_command(app), ""))


def test_help_is_fast():
    """The best of three: what else the machine does is not ours."""
    times = []
    for _ in range(3):
        began = time.perf_counter()
        assert spawn("--help").code == 0
        times.append(time.perf_counter() - began)
    assert min(times) < 0.3, times


def test_help_wakes_nothing_heavy():
    heavy = ["numpy", "onnxruntime", "torch", "av", "soundfile", "faiss", "sklearn", "rich.progress", "pydantic", "sqlite3"]
    code = f"import sys, auricle.cli.main; print([m for m in {heavy} if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"


@pytest.mark.parametrize("name", LEAVES)
def test_help_of_a_command(run, name):
    for flag in ("-h", "--help"):
        ran = run(*name.split(), flag)
        assert (ran.code, ran.err) == (0, "")
    assert f"Usage: auricle {name} " in ran.out
    assert "Examples:" in ran.out
    assert not re.search(r"<(list|int|float|str|path)", ran.out.split("Options:")[1])
    command = LEAVES[name]
    assert command.short_help
    for param in command.params:
        assert param.help, param.name
        assert param.help.endswith((".", "…")), param.help


def test_the_list_of_commands_is_not_cut(run):
    ran = run("--help")
    listed = ran.out.split("Commands:\n")[1]
    assert "..." not in listed
    assert {line.split()[0] for line in listed.splitlines()} == {name.split()[0] for name in LEAVES}


@pytest.mark.parametrize("name", LEAVES)
def test_examples_are_commands(name):
    """Each example parses: its command, options and arguments exist."""
    root = typer.main.get_command(app)
    examples = LEAVES[name].epilog.split("Examples:\n")[1].splitlines()
    assert examples
    assert any(f"auricle {name}" in line for line in examples)
    for line in examples:
        for part in re.split(r" \| | > ", line.strip()):
            words = shlex.split(part)
            if words[0] != "auricle":
                continue
            group, rest = root, words[1:]
            while hasattr(group, "commands"):
                group, rest = group.commands[rest[0]], rest[1:]
            group.make_context(group.name, rest)


def test_no_arguments_show_the_help(run):
    ran = run()
    assert ran.code == 2
    assert "Commands:" in ran.out
    assert run("models").out.startswith("Usage: auricle models")


def test_version(run):
    assert re.fullmatch(r"auricle \d+\.\d+\.\d+\S*\n", run("--version").out)


def test_completion():
    shown = spawn("--show-completion", "bash", _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1")
    assert (shown.code, shown.err) == (0, "")
    assert "complete -o default -F _auricle_completion auricle" in shown.out
    assert "_AURICLE_COMPLETE=complete_bash" in shown.out
    told = spawn(_AURICLE_COMPLETE="complete_bash", COMP_WORDS="auricle se", COMP_CWORD="1")
    assert told.out.split() == ["search", "serve"]
    assert "--like" in spawn(_AURICLE_COMPLETE="complete_bash", COMP_WORDS="auricle search --l", COMP_CWORD="2").out


def test_the_pages_are_what_the_help_says():
    """``python docs/make_commands.py`` makes them."""
    made = make_commands.pages()
    assert {path.name for path in (DOCS / "commands").glob("*.md")} == set(made)
    for name, text in made.items():
        assert (DOCS / "commands" / name).read_text("utf-8") == text, f"{name} is out of date: python docs/make_commands.py"


def test_pages_name_every_option():
    made = make_commands.pages()
    for name, command in LEAVES.items():
        page = made[make_commands.file_of(name)]
        assert f"({make_commands.file_of(name)})" in made["README.md"]
        for param in command.params:
            assert param.help.replace("|", "\\|") in page
            assert all(f"`{opt}" in page for opt in param.opts if opt.startswith("-"))
