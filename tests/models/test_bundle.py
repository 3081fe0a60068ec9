"""The folder is the unit: whole or not at all, and nothing in it leads outside."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from auricle.errors import ModelError
from auricle.models.bundle import Bundle
from auricle.models.card import LicenceLink, ModelCard, Result
from auricle.models.onnxfile import external_files

from .making import audio_graph, tiny_bundle, tiny_config, tiny_files

CARD = ModelCard(name="tiny", version="1", family="two-towers")


@pytest.fixture
def copied(tiny: Bundle, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny.path, tmp_path / "copied"))


def rewrite(path: Path, change: Any) -> None:
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


def opening_fails(path: Path, kind: str, words: str) -> ModelError:
    with pytest.raises(ModelError, match=words) as caught:
        Bundle.open(path)
    assert caught.value.kind == kind
    assert caught.value.hint
    return caught.value


def test_written_and_opened_again(tiny: Bundle) -> None:
    again = Bundle.open(tiny.path, verify=True)
    assert again.config == tiny_config()
    assert again.name == "tiny@1"
    assert again.dim == 32
    assert set(again.card.files) == {"audio.onnx", "config.json", "text.onnx", "tokenizer.json"}
    assert again.pipeline_id == tiny.pipeline_id
    name, _, digest = again.pipeline_id.partition(":")
    assert name == "tiny@1"
    assert len(digest) == 12
    assert int(digest, 16) >= 0


def test_pipeline_id_follows_weights_and_preprocessing_alone(tiny: Bundle, tmp_path: Path) -> None:
    def made(name: str, config: dict[str, Any], files: dict[str, bytes], card: ModelCard = CARD) -> str:
        return Bundle.write(tmp_path / name, config, card, dict(files)).pipeline_id

    files = tiny_files()
    same = made("same", tiny_config(), {**files, "extra.json": b"{}"}, replace(CARD, description="other words"))
    assert same == tiny.pipeline_id
    assert made("order", dict(reversed(tiny_config().items())), files) == tiny.pipeline_id
    assert made("weights", tiny_config(), {**files, "audio.onnx": audio_graph(seed=9)}) != tiny.pipeline_id
    front = {"kind": "yamnet", "hop_frames": 25}
    assert made("mel", tiny_config(audio__frontend=front), files) != tiny.pipeline_id


def test_what_exists_is_not_written_over(tiny: Bundle, tmp_path: Path) -> None:
    target = tmp_path / "here"
    first = tiny_bundle(target)
    with pytest.raises(ModelError, match="exists already"):
        tiny_bundle(target)
    Bundle.write(target, tiny_config(window={"seconds": 4.0, "hop": 2.0}), CARD, dict(tiny_files()), overwrite=True)
    assert Bundle.open(target, verify=True).pipeline_id != first.pipeline_id
    assert os.listdir(tmp_path) == ["here"]


def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ModelError):
        Bundle.write(tmp_path / "new", tiny_config(dim=30), CARD, dict(tiny_files()))
    with pytest.raises(FileNotFoundError):
        Bundle.write(tmp_path / "new", tiny_config(), CARD, {**tiny_files(), "x.npy": tmp_path / "absent"})
    assert os.listdir(tmp_path) == []


def test_linked_files_share_and_verify(tiny: Bundle, tmp_path: Path) -> None:
    files = {name: tiny.file(name) for name in tiny.card.files if name != "config.json"}
    made = Bundle.write(tmp_path / "linked", tiny.config, tiny.card, dict(files), link=True)
    made.verify()
    assert made.pipeline_id == tiny.pipeline_id


def test_no_bundle_there(tmp_path: Path) -> None:
    opening_fails(tmp_path / "nowhere", "Missing", "no model bundle")
    opening_fails(tmp_path, "Missing", "no model bundle")


def test_damaged_documents(copied: Path) -> None:
    (copied / "config.json").write_text("{")
    opening_fails(copied, "Damaged", r"config\.json is not JSON")
    (copied / "config.json").write_text("[]")
    opening_fails(copied, "Damaged", "format")
    (copied / "card.json").write_text("nonsense")
    opening_fails(copied, "Damaged", r"card\.json is not JSON")
    (copied / "card.json").write_text("[]")
    opening_fails(copied, "Damaged", "object")


def test_a_newer_format_asks_for_an_upgrade(copied: Path) -> None:
    rewrite(copied / "config.json", lambda d: d.update(format=2))
    assert "Upgrade" in opening_fails(copied, "Unsupported", "newer").hint


@pytest.mark.parametrize("dim", [0, 17, 521, "32", None])
def test_a_dim_that_does_not_fit_the_index(copied: Path, dim: object) -> None:
    rewrite(copied / "config.json", lambda d: d.update(dim=dim))
    opening_fails(copied, "Damaged", "dim")


def test_a_missing_file(copied: Path) -> None:
    (copied / "text.onnx").unlink()
    opening_fails(copied, "Damaged", r"lacks text\.onnx")


def test_a_file_that_the_card_does_not_know(copied: Path) -> None:
    rewrite(copied / "card.json", lambda d: d["files"].pop("audio.onnx"))
    opening_fails(copied, "Damaged", "not in card")


@pytest.mark.parametrize("name", ["../outside.onnx", "/etc/passwd", "a/../../b", "..\\b", "", "\0"])
def test_names_that_lead_outside(copied: Path, name: str) -> None:
    rewrite(copied / "card.json", lambda d: d["files"].update({name: "0" * 64}))
    opening_fails(copied, "Damaged", "outside")


def test_a_link_that_leads_outside(copied: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.json"
    secret.write_text("{}")
    (copied / "tokenizer.json").unlink()
    (copied / "tokenizer.json").symlink_to(secret)
    opening_fails(copied, "Damaged", "outside")


def test_verify_finds_a_flipped_bit(copied: Path) -> None:
    data = bytearray((copied / "audio.onnx").read_bytes())
    data[len(data) // 2] ^= 1
    (copied / "audio.onnx").write_bytes(data)
    bundle = Bundle.open(copied)
    with pytest.raises(ModelError, match=r"audio\.onnx differs from its card"):
        bundle.verify()


# ---------------------------------------------------------------------------------------------------------------- external data


def graph_with_external_data(location: str, nested: bool = False) -> bytes:
    from onnx import TensorProto, helper

    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[4], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value=location)
    tensor.external_data.add(key="length", value="16")
    output = helper.make_tensor_value_info("y", TensorProto.FLOAT, [4])
    if nested:
        branch = helper.make_graph([helper.make_node("Identity", ["w"], ["b"])], "b", [], [output], [tensor])
        nodes = [helper.make_node("If", ["c"], ["y"], then_branch=branch, else_branch=branch)]
        graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("c", TensorProto.BOOL, [])], [output])
    else:
        graph = helper.make_graph([helper.make_node("Identity", ["w"], ["y"])], "g", [], [output], [tensor])
    return bytes(helper.make_model(graph).SerializeToString()) + b""


@pytest.mark.parametrize("nested", [False, True])
def test_external_data_is_found_wherever_it_stands(tmp_path: Path, nested: bool) -> None:
    pytest.importorskip("onnx")
    path = tmp_path / "g.onnx"
    path.write_bytes(graph_with_external_data("weights.data", nested))
    assert external_files(path) == {"weights.data"}


@pytest.mark.parametrize("location", ["../../etc/passwd", "/etc/passwd", "elsewhere.data"])
def test_external_data_outside_the_bundle_is_refused(tmp_path: Path, location: str) -> None:
    pytest.importorskip("onnx")
    with pytest.raises(ModelError, match="not a file of the bundle"):
        Bundle.write(tmp_path / "b", tiny_config(), CARD, {**tiny_files(), "audio.onnx": graph_with_external_data(location)})


def test_external_data_inside_is_welcome(tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    files = {**tiny_files(), "audio.onnx": graph_with_external_data("audio.onnx_data")}
    made = Bundle.write(tmp_path / "b", tiny_config(), CARD, {**files, "audio.onnx_data": np.zeros(4, np.float32).tobytes()})
    assert made.graph("audio.onnx").is_file()
    other = Bundle.write(tmp_path / "c", tiny_config(), CARD, {**files, "audio.onnx_data": np.ones(4, np.float32).tobytes()})
    assert other.pipeline_id != made.pipeline_id


@pytest.mark.parametrize("data", [b"", b"location of nothing", b"\x0a\xff\xff\xff\xff\x0flocation", b"\xff" * 40 + b"location"])
def test_what_is_no_protobuf(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "g.onnx"
    path.write_bytes(data)
    with pytest.raises(ValueError):
        external_files(path)


# ---------------------------------------------------------------------------------------------------------------- card


def test_a_card_survives_its_json() -> None:
    card = replace(
        CARD,
        licence="Apache-2.0",
        chain=(LicenceLink("weights", "MIT", "a==1", "0" * 64),),
        trained=("sound",),
        results=(Result("nDCG@10", 0.61, 0.55, 0.66, 80, "search", "make x"), Result("R@1", 0.4)),
        files={"a.onnx": "f" * 64},
    )
    assert ModelCard.from_json(card.to_json()) == card
    shown = card.render("tiny@1:000000000000")
    for words in ("tiny@1", "weights: MIT", "nDCG@10 0.61 [0.550–0.660]", "n = 80", "make x", "trained on: sound"):
        assert words in shown


def test_a_newer_card_may_say_more() -> None:
    document = {**CARD.as_dict(), "energy": 3, "chain": [{"what": "w", "licence": "l", "more": 1}]}
    assert ModelCard.from_dict(document).chain == (LicenceLink("w", "l"),)


@pytest.mark.parametrize(
    "change",
    [
        {"name": ""},
        {"name": "../x"},
        {"name": "a b"},
        {"version": "1/2"},
        {"family": ""},
        {"licence": 3},
        {"chain": {}},
        {"chain": [{"what": "w"}]},
        {"results": [{"metric": "m"}]},
        {"results": [{"metric": "m", "value": "much"}]},
        {"files": []},
        {"files": {"a": "short"}},
    ],
)
def test_broken_cards(change: dict[str, Any]) -> None:
    with pytest.raises(ModelError) as caught:
        ModelCard.from_dict({**CARD.as_dict(), **change})
    assert caught.value.kind == "Damaged"
