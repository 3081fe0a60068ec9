from __future__ import annotations

from pathlib import Path

import pytest

from auricle.models.bundle import Bundle

from .making import tiny_bundle


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A real bundle of the yamnet kind: small ONNX graphs, a real tokenizer."""
    pytest.importorskip("onnx")
    folder: Path = tmp_path_factory.mktemp("bundles")
    return tiny_bundle(folder / "tiny@1")
