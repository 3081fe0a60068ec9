"""A recipe says what is wrong with it, where, and what would be right."""

from __future__ import annotations

import pytest

from auricle.errors import UsageError
from auricle.training.recipe import load

GOOD = """\
name: small
data:
  manifests:
    - {path: a.jsonl, weight: 2}
  seconds: 1.0
model:
  dim: 16
  audio: {kind: cnn, width: 8}
  text:
    kind: transformer
    width: 16
objectives:
  - kind: infonce
  - kind: captioning
    weight: 0.5
    width: 32
optimiser: {rate: 1e-3}
budget: {steps: 10, batch: 4}
evaluate: {every: 5, on: []}
"""


def written(tmp_path, text=GOOD, *settings):
    path = tmp_path / "recipe.yaml"
    path.write_text(text)
    return load(path, settings)


def test_a_good_recipe(tmp_path):
    recipe = written(tmp_path)
    assert recipe.optimiser.rate == 0.001
    assert recipe.objectives[1].options == {"width": 32}
    assert recipe.path("a.jsonl") == tmp_path / "a.jsonl"
    assert recipe.evaluate.on == []


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("seconds: 1.0", "secunds: 1.0", 5, "unknown key 'secunds'. Did you mean 'seconds'?"),
        ("width: 8", "widht: 8", 8, "unknown key 'widht'. Did you mean 'width'?"),
        ("    width: 16", "    wide: 16", 11, "unknown key 'wide'"),
        ("name: small", "nam: small", 1, "unknown key 'nam'. Did you mean 'name'?"),
        ("weight: 2", "weight: -2", 4, "data.manifests.0.weight: input should be greater than 0"),
        ("kind: cnn", "kind: cmm", 8, "cnn"),
        ("dim: 16", "dim: 17", 7, "multiple of 16"),
        ("steps: 10, ", "steps: 10, epochs: 2, ", 18, "either steps or epochs"),
        ("  - kind: infonce", "  - weight: 1", 13, "objectives.0.kind is missing"),
        ("batch: 4", "batch: many", 18, "budget.batch"),
        ("dim: 16", "dim: 16\n  dim: 32", 8, "'dim' is given twice"),
        ("dim: 16", "dim: [16", 8, "not YAML"),
    ],
)
def test_mistakes_name_file_and_line(tmp_path, old, new, line, message):
    with pytest.raises(UsageError) as caught:
        written(tmp_path, GOOD.replace(old, new, 1))
    assert str(caught.value).startswith(f"{tmp_path / 'recipe.yaml'}:{line}: "), caught.value
    assert message in str(caught.value)
    assert caught.value.exit_code == 2


def test_settings_override(tmp_path):
    recipe = written(tmp_path, GOOD, "budget.steps=3", "objectives.1.weight=2", "model.context.kind=conv", "seed=7")
    assert (recipe.budget.steps, recipe.objectives[1].weight, recipe.model.context.kind, recipe.seed) == (3, 2.0, "conv", 7)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("budget.stepps=3", "--set budget.stepps=3: unknown key 'stepps'. Did you mean 'steps'?"),
        ("budget.steps", "write it as KEY=VALUE"),
        ("objectives.7.weight=1", "there is no '7'"),
        ("name.x=1", "there is no 'x'"),
        ("budget.steps=[", "is no value"),
    ],
)
def test_wrong_settings_are_named(tmp_path, setting, message):
    with pytest.raises(UsageError, match=r"--set") as caught:
        written(tmp_path, GOOD, setting)
    assert message in str(caught.value)


def test_the_hash_is_of_what_decides_the_weights(tmp_path):
    base = written(tmp_path).hash
    assert written(tmp_path, GOOD, "budget.save_every=3", "data.workers=0", "out=elsewhere").hash == base
    for setting in ("seed=1", "budget.steps=11", "optimiser.rate=0.01", "objectives.0.weight=2", "objectives.1.width=16"):
        assert written(tmp_path, GOOD, setting).hash != base


def test_no_recipe_there(tmp_path):
    with pytest.raises(UsageError, match="No such file"):
        load(tmp_path / "none.yaml")
    (tmp_path / "list.yaml").write_text("- a\n")
    with pytest.raises(UsageError, match="mapping"):
        load(tmp_path / "list.yaml")


def test_recipes_of_the_project_are_good():
    from pathlib import Path

    found = sorted((Path(__file__).parents[2] / "recipes" / "towers_from_scratch").glob("*.yaml"))
    assert found
    for path in found:
        assert load(path).name
