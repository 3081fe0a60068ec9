"""Tests that need the evaluation data say so with ``@pytest.mark.data``; where it is promised, a skip is a failure."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

# A shell that starts the tests in the background has them ignore Ctrl-C, and so would every command that they start.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def data() -> Path:
    """The evaluation data folder (AURICLE_DATA)."""
    return Path(os.environ["AURICLE_DATA"])


@pytest.fixture(scope="session")
def untaught_heads(tmp_path_factory) -> Path:
    """The bundle of real two heads with random weights: they say anything, and always the same."""
    pytest.importorskip("torch")
    from tasks.speaking_models import random_heads

    return random_heads(tmp_path_factory.mktemp("heads") / "random@1")


@pytest.fixture(autouse=True)
def _own_home(tmp_path_factory, monkeypatch):
    """No test sees or touches the user's libraries and models."""
    monkeypatch.setenv("AURICLE_HOME", str(tmp_path_factory.getbasetemp() / "home"))
    monkeypatch.delenv("AURICLE_LIBRARY", raising=False)


def pytest_collection_modifyitems(items):
    if os.environ.get("AURICLE_DATA"):
        return
    if os.environ.get("AURICLE_REQUIRE_DATA"):
        raise pytest.UsageError("AURICLE_REQUIRE_DATA is set but AURICLE_DATA is not")
    for item in items:
        if item.get_closest_marker("data"):
            item.add_marker(pytest.mark.skip(reason="AURICLE_DATA is not set"))
