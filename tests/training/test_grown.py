"""A pre-trained chain of convolutions with a second end, and a text head over names."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from auricle.audio.features import YamnetFrontEnd
from auricle.errors import ModelError
from auricle.models.bundle import Bundle
from auricle.models.hub import resolve
from auricle.models.session import Session
from auricle.training.modules.convolutions import GrownEncoder, read_chain
from auricle.training.modules.names import NamesHead, keys_of, read_names


@pytest.fixture(scope="module")
def graph():
    return Bundle.open(resolve("tiny-towers@1")).graph("audio.onnx")


@pytest.fixture(scope="module")
def patches():
    noise = (np.random.default_rng(0).standard_normal(32000) / 10).astype(np.float32)
    front = YamnetFrontEnd(log_offset=1e-3)
    return front.features(noise, front.cuts(len(noise)))


def test_the_chain_is_what_the_graph_computes(graph, patches, tmp_path):
    """All 27 convolutions of YAMNet, read from the shipped int8 weights: the embedding before the classifier agrees."""
    import onnx

    model = onnx.load(str(graph))
    pooled = next(node.output[0] for node in model.graph.node if node.op_type == "Flatten")
    model.graph.output.append(onnx.helper.make_tensor_value_info(pooled, onnx.TensorProto.FLOAT, ["n", 1024]))
    onnx.save(model, tmp_path / "opened.onnx")
    expected = Session(lambda: tmp_path / "opened.onnx").run(pooled, {"patches": patches})
    links = read_chain(graph)
    assert len(links) == 27
    encoder = GrownEncoder(links, 13).eval()
    with torch.no_grad():
        found = encoder(torch.from_numpy(patches)).numpy()
    assert encoder.hidden == found.shape[1] == 2048
    assert np.allclose(found[:, :1024] ** 2, expected, atol=1e-4)
    assert np.allclose(found[:, 1024:], expected, atol=1e-4)  # the new end begins as the old one


def test_only_the_new_end_learns(graph, patches):
    encoder = GrownEncoder(read_chain(graph), 21)
    encoder(torch.from_numpy(patches[:1])).sum().backward()
    learned = {name.split(".")[0] for name, p in encoder.named_parameters() if p.grad is not None and p.grad.abs().sum() > 0}
    assert learned == {"new"}
    with pytest.raises(ValueError, match="a chain of 27 convolutions cannot share 27"):
        GrownEncoder(read_chain(graph), 27)


def test_what_is_no_chain_is_refused(tmp_path):
    (tmp_path / "bad.onnx").write_bytes(b"no graph")
    with pytest.raises(ModelError, match="no ONNX graph"):
        read_chain(tmp_path / "bad.onnx")
    with pytest.raises(ModelError, match="does not begin with convolutions"):
        read_chain(Bundle.open(resolve("tiny-towers@1")).graph("text.onnx"))


def test_names_by_hand():
    """Two kinds, two names each on the axes; a text on the first axis: cosines 1 and 0 at τ = 1, so softmax (e, 1) / (e + 1)."""
    keys = torch.eye(3)[[0, 1, 2, 2]].reshape(2, 2, 3)
    head = NamesHead(keys, 2, tau=1.0)
    with torch.no_grad():
        head.straight.weight.copy_(torch.eye(2)), head.straight.bias.zero_()
    e = np.e
    found = head(torch.tensor([[5.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 1.0]]))
    near = [(e / (e + 1)) ** 0.5, (1 / (e + 1)) ** 0.5]
    assert found.detach().numpy() == pytest.approx(np.array([near, near, near[::-1]]), abs=1e-6)


def test_keys_are_means_of_name_and_prompt():
    axes = {"dog": 0, "hound": 1, "the sound of dog": 0, "the sound of hound": 2, "rain": 2, "the sound of rain": 2}
    keys = keys_of([["dog", "hound"], ["rain"]], lambda texts: torch.eye(3)[[axes[text] for text in texts]] * 7)
    assert keys[0, 0].tolist() == [1, 0, 0]
    assert keys[0, 1].tolist() == pytest.approx([0, 0.5**0.5, 0.5**0.5])
    assert torch.equal(keys[1, 0], keys[1, 1])  # rain has one name, which stands twice


def test_bad_files_of_names(tmp_path):
    with pytest.raises(ModelError, match="Give a JSON file") as error:
        read_names(tmp_path / "none.json")
    assert error.value.hint
    (tmp_path / "odd.json").write_text(json.dumps([["dog"], []]))
    with pytest.raises(ModelError, match="not a list of lists of names"):
        read_names(tmp_path / "odd.json")
