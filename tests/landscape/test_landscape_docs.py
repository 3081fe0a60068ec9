"""What README and docs/landscape.md show is what the command prints, and what they name is there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer

from auricle import landscape
from auricle.cli import landscape_text
from auricle.cli.main import app

ROOT = Path(__file__).resolve().parents[2]
README, DOCS = ((ROOT / name).read_text("utf-8") for name in ("README.md", "docs/landscape.md"))


def test_the_example_of_the_readme_is_what_is_printed():
    shown = re.search(r"\$ auricle landscape contamination (\S+) (\S+)\n(.*?)\n```", README, re.DOTALL)
    assert shown[3] == landscape_text.report(landscape.contamination(shown[1], shown[2]))


def test_the_numbers_of_the_page_are_those_of_the_records():
    counts = landscape.stats()
    text = " ".join(DOCS.split())
    assert f"{counts['models']} models, {counts['sets']} data sets and {counts['benchmarks']} benchmarks" in text
    assert abs(counts["facts"] - 2700) < 150


@pytest.mark.parametrize("line", re.findall(r"^auricle landscape (?:[^#\n]+)", DOCS, re.MULTILINE))
def test_every_command_of_the_page_is_one(line):
    words = shlex.split(line)[1:]
    command = typer.main.get_command(app)
    context = command.make_context("auricle", words)  # parses, runs nothing
    group = command.commands["landscape"]
    group.commands[words[1]].make_context(words[1], words[2:], parent=context)
