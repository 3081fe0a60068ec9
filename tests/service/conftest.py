from __future__ import annotations

import pytest

from service.serving import index_demo, serving


@pytest.fixture(scope="session")
def demo_folder(tmp_path_factory):
    """A library of the demo sounds, indexed once; not to be changed."""
    return index_demo(tmp_path_factory.mktemp("service") / "demo.library")


@pytest.fixture(scope="module")
def server(demo_folder, tmp_path_factory, monkeypatch_module):
    """A server of its own for each file of tests, over a copy."""
    from service.serving import copied

    folder = copied(demo_folder, tmp_path_factory.mktemp("served") / "demo.library")
    empty = folder.with_name("empty.library")
    monkeypatch_module.setenv("AURICLE_HOME", str(folder.parent / "home"))
    with serving({"demo": folder, "empty": empty}) as running:
        yield running


@pytest.fixture(scope="module")
def monkeypatch_module():
    with pytest.MonkeyPatch.context() as patch:
        yield patch
