"""A model that speaks and gives no vectors, where vectors are needed: one clear line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from auricle.audio.types import Audio
from auricle.errors import ModelError
from auricle.library.library import Library
from auricle.models import hub
from auricle.tasks.classify import classify
from auricle.tasks.embed import embed_sound, embed_texts

NAME = "openai:http://127.0.0.1:1/v1#ears"
TONE = Audio(np.sin(np.arange(16000, dtype=np.float32) / 9), 16000)


def test_it_is_told_who_gives_vectors(tmp_path: Path) -> None:
    model = hub.load(NAME)
    asked = (
        lambda: classify(TONE, ["dog", "cat"], model),
        lambda: list(embed_sound(TONE, model)),
        lambda: list(embed_texts(["rain"], model)),
        lambda: Library(tmp_path / "library", model=NAME).model,
    )
    for ask in asked:
        with pytest.raises(ModelError, match=r"gives no vectors.*tiny-towers") as caught:
            ask()
        assert caught.value.kind == "Capability"
    assert not (tmp_path / "library").exists()
