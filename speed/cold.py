"""What a person waits for when nothing is warm: the help, one classification of ten seconds, and the same by a script over transformers.

    python speed/cold.py                 # about two minutes

Each figure is that of a whole process, from start to exit, the median of several; auricle's and the peer's runs take turns. The peer
is what ``transformers`` documents for zero-shot audio classification: load a CLAP checkpoint (full size, random weights) and its
processor, read the file, score the labels.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile as sf
from index import make_sounds

LABELS = ("dog bark", "rain", "piano", "speech", "engine")

PEER = """
import sys
import soundfile as sf
import torch
from transformers import ClapFeatureExtractor, ClapModel, PreTrainedTokenizerFast
folder, path, *labels = sys.argv[1:]
model = ClapModel.from_pretrained(folder).eval()
samples, rate = sf.read(path, dtype="float32")
sound = ClapFeatureExtractor.from_pretrained(folder)(samples, sampling_rate=rate, return_tensors="pt")
text = PreTrainedTokenizerFast.from_pretrained(folder)(labels, padding=True, return_tensors="pt")
with torch.inference_mode():
    scores = model(**text, **sound).logits_per_audio.softmax(-1)[0]
print(dict(zip(labels, scores.tolist())))
"""


def once(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    auricle = [sys.executable, "-m", "auricle.cli.main"]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        make_sounds(folder / "sounds", 1.0)
        samples, _ = sf.read(next((folder / "sounds").glob("*.wav")), dtype="float32", frames=44100 * 10)
        clip = folder / "clip.wav"
        sf.write(clip, samples.mean(axis=1).repeat(2)[: 48000 * 10], 48000)  # what matters here is ten seconds at CLAP's own rate
        subprocess.run([sys.executable, "-c", f"import index; index.clap_checkpoint(index.Path({str(folder / 'clap')!r}))"],
                       check=True, cwd=Path(__file__).parent, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
        commands = {
            "auricle --help": [*auricle, "--help"],
            "auricle classify": [*auricle, "classify", str(clip), "--labels", ",".join(LABELS)],
            "transformers CLAP": [sys.executable, "-c", PEER, str(folder / "clap"), str(clip), *LABELS],
        }
        spent: dict[str, list[float]] = {name: [] for name in commands}
        for turn in range(arguments.runs + 1):
            for name, command in commands.items():
                seconds = once(command)
                if turn:  # the first turn fills the disk's cache
                    spent[name].append(seconds)
    for name, seconds in spent.items():
        print(f"{name:18s} {statistics.median(seconds):6.2f} s  (min {min(seconds):.2f}, max {max(seconds):.2f})")
    ratio = float(np.median(np.array(spent["transformers CLAP"]) / np.array(spent["auricle classify"])))
    print(f"a cold classification of ten seconds takes the peer {ratio:.1f}× as long")
    if arguments.json:
        arguments.json.write_text(json.dumps({"seconds": spent, "ratio": ratio}, indent=2) + "\n")


if __name__ == "__main__":
    main()
