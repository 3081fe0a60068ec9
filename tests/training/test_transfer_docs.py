"""docs/transfer.md knows every method; each method's file gives paper and equation; the command of the table is one that runs."""

from __future__ import annotations

import re
import shlex
from importlib import import_module
from pathlib import Path

import pytest

from auricle.training.transfer import adapter, probe
from auricle.training.transfer.methods import METHODS
from auricle.training.transfer.prompts import TEMPLATES

DOCS = (Path(__file__).parents[2] / "docs" / "transfer.md").read_text("utf-8")


@pytest.mark.parametrize("name", METHODS)
def test_every_method_is_told(name):
    row = next(line for line in DOCS.splitlines() if line.startswith(f"| `{name}` |"))
    assert METHODS[name].makes in row
    assert ("towers in PyTorch" in row) == METHODS[name].towers


@pytest.mark.parametrize("name", ["prompts", "probe", "adapter", "residual", "context", "lora", "full", "tuning"])
def test_every_file_gives_paper_and_equation(name):
    text = import_module(f"auricle.training.transfer.{name}").__doc__
    assert re.search(r"arXiv \d{4}\.\d{5}", text)
    assert re.search(r"^    .*(=|→|←|minimise)", text, re.MULTILINE)


def test_the_numbers_that_are_given_are_those_in_the_code():
    alpha, beta = adapter.ONE_SHOT
    assert f"C = {probe.ONE_SHOT:g}, α = {alpha:g}, β = {beta:g}" in DOCS
    assert len(TEMPLATES) == 12
    assert "by twelve templates" in DOCS


def test_the_measured_command_names_options_that_there_are():
    from auricle.cli.main import app

    typer = pytest.importorskip("typer")
    command = typer.main.get_command(app).commands["adapt"]
    known = {name for parameter in command.params for name in parameter.opts}
    code = DOCS[DOCS.index("CORPUS=") :].replace("\\\n", "")
    words = shlex.split(code[code.index("auricle adapt") : code.index("```")])
    assert {word for word in words if word.startswith("-")} <= known
    assert len(words[words.index("--labels") + 1].split(",")) == 18
