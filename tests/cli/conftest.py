"""The command as a person runs it, in this process (fast) or in one of its own (``spawn``)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass

import pytest

from auricle.demo import SOUNDS


@dataclass
class Ran:
    code: int
    out: str
    err: str

    @property
    def lines(self):
        return [json.loads(line) for line in self.out.splitlines()]


def spawn(*arguments, stdin="", timeout=120, **env):
    done = subprocess.run(
        [sys.executable, "-m", "auricle.cli.main", *map(str, arguments)],
        input=stdin, capture_output=True, text=True, timeout=timeout, env={**os.environ, **env}, check=False,
    )  # fmt: skip
    return Ran(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def run(capsys, monkeypatch):
    """Run ``auricle …`` in this process."""
    from auricle.cli import main

    def call(*arguments, stdin=None):
        import io

        monkeypatch.setattr(sys, "argv", ["auricle", *map(str, arguments)])
        if stdin is not None:
            monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            main.main()
        captured = capsys.readouterr()
        return Ran(stop.value.code or 0, captured.out, captured.err)

    return call


@pytest.fixture(scope="session")
def demo_library(tmp_path_factory):
    """The demo sounds, indexed once."""
    folder = tmp_path_factory.mktemp("demo") / "library"
    ran = spawn("index", SOUNDS, "--library", folder, "--json")
    assert ran.code == 0, ran.err
    return folder
