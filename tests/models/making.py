"""Small real bundles for tests: ONNX graphs with random weights, a tokenizer trained on a few words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from auricle.models.bundle import Bundle
from auricle.models.card import ModelCard

DIM = 32
WORDS = "rain on a tin roof dog barking far away someone is speaking in the street music plays no voices"


def audio_graph(dim: int = DIM, seed: int = 0, batch: int | str = "n") -> bytes:
    """``patches`` [n, 1, 96, 64] → mean over time → tanh → matmul → ``frames`` [n, dim]."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(seed)
    weight = numpy_helper.from_array(rng.standard_normal((64, dim)).astype(np.float32) / 8, "weight")
    nodes = [
        helper.make_node("ReduceMean", ["patches"], ["pooled"], axes=[1, 2], keepdims=0),
        helper.make_node("Tanh", ["pooled"], ["bent"]),
        helper.make_node("MatMul", ["bent", "weight"], ["frames"]),
    ]
    graph = helper.make_graph(
        nodes,
        "audio",
        [helper.make_tensor_value_info("patches", TensorProto.FLOAT, [batch, 1, 96, 64])],
        [helper.make_tensor_value_info("frames", TensorProto.FLOAT, [batch, dim])],
        [weight],
    )
    return _serialised(onnx, helper, graph)


def text_graph(vocabulary: int, dim: int = DIM, seed: int = 1, output: str = "text") -> bytes:
    """Token embeddings averaged under the mask → ``sentence`` [n, 24] → ``output`` [n, dim]."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(seed)
    table = numpy_helper.from_array(rng.standard_normal((vocabulary, 24)).astype(np.float32), "table")
    weight = numpy_helper.from_array(rng.standard_normal((24, dim)).astype(np.float32), "weight")
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["embedded"]),
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["mask", "last"], ["mask3"]),
        helper.make_node("Mul", ["embedded", "mask3"], ["kept"]),
        helper.make_node("ReduceSum", ["kept", "axis"], ["summed"], keepdims=0),
        helper.make_node("ReduceSum", ["mask3", "axis"], ["count"], keepdims=0),
        helper.make_node("Div", ["summed", "count"], ["sentence"]),
        helper.make_node("MatMul", ["sentence", "weight"], [output]),
    ]
    axes = [numpy_helper.from_array(np.array([value], dtype=np.int64), name) for name, value in (("last", 2), ("axis", 1))]
    graph = helper.make_graph(
        nodes,
        "text",
        [helper.make_tensor_value_info(name, TensorProto.INT64, ["n", "t"]) for name in ("input_ids", "attention_mask")],
        [
            helper.make_tensor_value_info(output, TensorProto.FLOAT, ["n", dim]),
            helper.make_tensor_value_info("sentence", TensorProto.FLOAT, ["n", 24]),
        ],
        [table, weight, *axes],
    )
    return _serialised(onnx, helper, graph)


def word_tokenizer() -> tuple[bytes, int]:
    """A WordPiece tokenizer of BERT's kind, as JSON, and the size of its vocabulary."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    vocabulary = {token: i for i, token in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *dict.fromkeys(WORDS.split())])}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer.enable_padding(length=32)  # the bundle's own settings must win over what the file says
    return tokenizer.to_str().encode(), len(vocabulary)


def tiny_config(**changes: Any) -> dict[str, Any]:
    config: dict[str, Any] = {
        "format": 1,
        "architecture": "two_towers",
        "dim": DIM,
        "window": {"seconds": 5.0, "hop": 2.5},
        "audio": {"file": "audio.onnx", "frontend": {"kind": "yamnet", "hop_frames": 50}, "pool": "mean", "batch": 8},
        "text": {"file": "text.onnx", "tokenizer": "tokenizer.json", "max_length": 16, "pad_id": 0, "batch": 4, "output": "text"},
    }
    for path, value in changes.items():
        section, *rest = path.split("__")
        if rest:
            config[section] = {**config[section], rest[0]: value}
        else:
            config[section] = value
    return config


def tiny_files() -> dict[str, bytes]:
    tokenizer, size = word_tokenizer()
    return {"audio.onnx": audio_graph(), "text.onnx": text_graph(size), "tokenizer.json": tokenizer}


def tiny_bundle(path: Path, **changes: Any) -> Bundle:
    card = ModelCard(name="tiny", version="1", family="two-towers", licence="Apache-2.0", created="2026-01-01")
    return Bundle.write(path, tiny_config(**changes), card, tiny_files())


def _serialised(onnx: Any, helper: Any, graph: Any) -> bytes:
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def clap_graph(frames: int, dim: int = DIM, fused: bool = False, seed: int = 2, ballast: int = 0, batch: int | str = "n") -> bytes:
    """``input_features`` [n, channels, frames, 64] (dB) → scaled, averaged over time → matmul → ``audio_embeds`` [n, dim].

    ballast: bytes of random weights that change nothing.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(seed)
    constants = [
        numpy_helper.from_array(rng.standard_normal((64, dim)).astype(np.float32) / 8, "weight"),
        numpy_helper.from_array(np.float32(20.0), "scale"),
    ]
    if ballast:
        constants.append(numpy_helper.from_array(rng.integers(0, 256, ballast, dtype=np.uint8), "ballast"))
    nodes = [
        helper.make_node("Div", ["input_features", "scale"], ["scaled"]),
        helper.make_node("Sin", ["scaled"], ["bent"]),
        helper.make_node("ReduceMean", ["bent"], ["pooled"], axes=[1, 2], keepdims=0),
        helper.make_node("MatMul", ["pooled", "weight"], ["audio_embeds"]),
    ]
    graph = helper.make_graph(
        nodes,
        "audio",
        [helper.make_tensor_value_info("input_features", TensorProto.FLOAT, [batch, 4 if fused else 1, frames, 64])],
        [helper.make_tensor_value_info("audio_embeds", TensorProto.FLOAT, [batch, dim])],
        constants,
    )
    return _serialised(onnx, helper, graph)


def clap_bundle(path: Path, **changes: Any) -> Bundle:
    """CLAP's pipeline in small: 8 kHz, one input a window of at most 1 s; the windows are 1 s every 0.5 s."""
    front = {"kind": "clap", "rate": 8000, "n_fft": 256, "hop_length": 80, "f_max": 3500.0, "max_length": 8000}
    config = tiny_config(
        audio={"file": "audio.onnx", "frontend": {**front, "truncation": "rand_trunc"}, "pool": "unit_mean", "batch": 3},
        window={"seconds": 1.0, "hop": 0.5},
        **changes,
    )
    card = ModelCard(name="small-clap", version="1", family="two-towers", licence="Apache-2.0", created="2026-01-01")
    return Bundle.write(path, config, card, {**tiny_files(), "audio.onnx": clap_graph(101)})
