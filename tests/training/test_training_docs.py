"""docs/training.md knows every key and objective; its example of a new objective works; the recipes' README tells what runs."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from training_making import outputs, sizes, towers

from auricle.training.modules.layers import masked_mean
from auricle.training.objectives import KINDS, Loss, Objective, of_kind
from auricle.training.recipe import Recipe, load
from auricle.training.schema import Augment, Budget, Data, Evaluate, Export, Model, Optimiser

ROOT = Path(__file__).parents[2]
DOCS = (ROOT / "docs" / "training.md").read_text("utf-8")
README = (ROOT / "recipes" / "towers_from_scratch" / "README.md").read_text("utf-8")


@pytest.mark.parametrize("part", [Recipe, Data, Augment, Model, Optimiser, Budget, Evaluate, Export])
def test_every_key_is_told(part):
    words = set(re.findall(r"\w+", " ".join(re.findall(r"`[^`]+`", DOCS[DOCS.index("## Keys") : DOCS.index("## Objectives")]))))
    assert not set(part.model_fields) - words


def test_every_objective_is_told_with_its_source():
    for kind in KINDS:
        assert f"| `{kind}` |" in DOCS
        assert re.search(r"(19|20)\d\d", of_kind(kind).__doc__), kind
        assert "L = " in of_kind(kind).__doc__ or "L_k = " in of_kind(kind).__doc__, kind


def test_the_example_of_an_objective_works():
    code = DOCS[DOCS.index("```python\nclass Brightness") + 10 :]
    space = {"Objective": Objective, "Loss": Loss, "nn": nn, "np": np, "masked_mean": masked_mean}
    exec(code[: code.index("```")], space)
    objective, item = space["Brightness"](), {"mel": np.ones((4, 4))}
    objective.build(sizes())
    objective.prepare(item, np.random.default_rng(0), sizes())
    model = towers()
    batch = objective.dummy(3, sizes()) | {"brightness": torch.full((3,), float(item["brightness"]))}
    assert objective(model, batch, outputs(model, objective, batch)).value.isfinite()


def test_the_commands_name_what_there_is():
    for path in re.findall(r"recipes/towers_from_scratch/\w+\.\w+", DOCS + README):
        assert (ROOT / path).is_file(), path


def test_every_way_to_name_an_encoder_is_a_recipe(tmp_path):
    recipe = (ROOT / "recipes" / "towers_from_scratch" / "any_encoders.yaml").read_text("utf-8")
    found = re.findall(r"(audio|text): (\{kind: [^`#\n]+\})", README + recipe)
    assert len(found) >= 8
    (tmp_path / "r.yaml").write_text(recipe)
    for tower, written in found:
        assert load(tmp_path / "r.yaml", [f"model.{tower}={written.strip()}"]).model
