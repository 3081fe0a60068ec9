"""The file of a taught head: what goes in comes out, and nothing else is taken for one."""

from __future__ import annotations

import io
import pickle
import zipfile
from dataclasses import dataclass, replace

import numpy as np
import pytest

from auricle.errors import ModelError, UsageError
from auricle.models import taught
from auricle.models.taught import Example, Examples, LabelScore, Speaking, Standing, Taught


def unit(vectors):
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def head():
    draw = np.random.default_rng(0)
    items = (Example("a.wav", 0.0, 2.0, "h1", 0), Example("b\udcff.wav", 1.0, 3.0, "h2", 1))
    examples = Examples(items, np.array([[1, 0], [-1, 1]], np.int8), unit(draw.normal(size=(3, 16))), np.array([0, 0, 1]))
    return Taught(
        "my-dogs", ("bark", "whine"), draw.normal(size=(2, 16)), np.array([0.1, -0.2]), "m@1", "", "m@1:0", unit(draw.normal(size=(5, 16))),
        "5 sounds", examples, (LabelScore("bark", 1, 1), LabelScore("whine", 1, 1)), Standing(2, None, None, None),
        (Standing(2, None, None, None),), ("bark: few",),
    )  # fmt: skip


@dataclass
class Model:
    pipeline_id: str = "m@1:0"
    name: str = "m@1"

    def embed_text(self, texts):
        return unit(np.ones((len(texts), 16)))


def test_what_is_kept_comes_back(head, tmp_path):
    path = taught.save(head, tmp_path / "new" / "my-dogs.npz")
    again = taught.load(path)
    assert np.array_equal(again.weights, head.weights)
    assert np.array_equal(again.examples.truth, head.examples.truth)
    assert again.examples.items == head.examples.items
    assert (again.labels, again.scores, again.standing, again.history) == (head.labels, head.scores, head.standing, head.history)
    assert (again.warnings, again.background_of) == (head.warnings, head.background_of)
    assert np.allclose(again.examples.vectors, head.examples.vectors, atol=1e-3)
    assert np.array_equal(again.log_odds(head.background), head.log_odds(head.background))
    assert not [p for p in path.parent.iterdir() if p != path]


def test_names_and_paths(monkeypatch, tmp_path, head):
    monkeypatch.setenv("AURICLE_HOME", str(tmp_path))
    assert taught.names() == []
    assert taught.path_of("my-dogs") == tmp_path / "taught" / "my-dogs.npz"
    assert taught.path_of("./here.npz").name == "here.npz"
    taught.save(head, taught.path_of("my-dogs"))
    assert taught.names() == ["my-dogs"]
    assert taught.load("my-dogs").name == "my-dogs"
    with pytest.raises(ModelError, match="my-dogs"):
        taught.load("my-cats")
    for bad in ("", "  ", "a b", ".hidden", "x?", "a" * 99):
        with pytest.raises(UsageError):
            taught.path_of(bad)


def test_a_folder_is_no_head(tmp_path):
    with pytest.raises(ModelError, match="is a folder"):
        taught.load(str(tmp_path))


def changed(path, **arrays):
    with np.load(path) as stored:
        held = {**{name: stored[name] for name in stored.files}, **arrays}
    np.savez(path, **{name: value for name, value in held.items() if value is not None})


@pytest.mark.parametrize(
    "damage",
    [
        lambda p: p.write_bytes(b""),
        lambda p: p.write_bytes(b"RIFF no head"),
        lambda p: p.write_bytes(p.read_bytes()[:-200]),
        lambda p: p.write_bytes(pickle.dumps({"weights": 1})),
        lambda p: changed(p, weights=None),
        lambda p: changed(p, about=np.array("{")),
        lambda p: changed(p, about=np.array("[]")),
        lambda p: changed(p, weights=np.zeros((3, 16))),
        lambda p: changed(p, weights=np.full((2, 16), np.nan)),
        lambda p: changed(p, owners=np.array([0, 0, 7])),
        lambda p: changed(p, background=np.zeros((5, 8))),
        lambda p: changed(p, weights=np.array([{"an": "object"}], dtype=object)),
    ],
)
def test_damage_is_named_with_the_way_out(head, tmp_path, damage):
    path = taught.save(head, tmp_path / "x.npz")
    damage(path)
    with pytest.raises(ModelError, match="no taught head") as raised:
        taught.load(str(path))
    assert raised.value.kind == "Damaged"
    assert "auricle teach" in raised.value.hint


def test_a_bomb_is_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(taught, "_MAX_BYTES", 1000)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("weights.npy", bytes(5000))
    (tmp_path / "x.npz").write_bytes(out.getvalue())
    with pytest.raises(ModelError, match="too large"):
        taught.load(str(tmp_path / "x.npz"))


def test_another_model_is_refused(head):
    with pytest.raises(ModelError, match="taught on m@1"):
        Speaking(Model(pipeline_id="m@2:0", name="m@2"), head)
    with pytest.raises(ModelError, match="this is m@2"):
        head.check(Model(pipeline_id="m@2:0", name="m@2"))


def test_words_that_were_taught_mean_what_was_shown(head):
    model = Speaking(Model(), head)
    plain, bark, named = model.embed_text(["a dog", " Bark", "whine"])
    assert np.allclose(plain, 0.25)
    assert np.allclose(bark, head.weights[0] / np.linalg.norm(head.weights[0]), atol=1e-6)
    assert np.allclose(named, head.weights[1] / np.linalg.norm(head.weights[1]), atol=1e-6)
    assert model.name == "m@1"


def test_a_full_disk_leaves_what_was_there(head, tmp_path, monkeypatch):
    from auricle.errors import AuricleError

    path = taught.save(head, tmp_path / "x.npz")
    before = path.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(taught.os, "replace", full)
    with pytest.raises(AuricleError, match="No space"):
        taught.save(replace(head, labels=("bark", "howl")), path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["x.npz"]
