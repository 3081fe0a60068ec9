"""Small tensors: threads would cost more than they give."""

from __future__ import annotations

import pytest
import torch


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    """Before each test and its fixtures, too: a model that was opened may have asked for more, and sums differ by their order."""
    torch.set_num_threads(1)
