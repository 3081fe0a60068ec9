"""Index the same files with auricle, with auricle's CLAP bundle, and with CLAP through transformers, in turn, in one run.

    python speed/index.py                        # 1×, 4× of ten minutes of sound; about ten minutes on two cores
    python speed/index.py --minutes 10 --growth 1 4 16 --json speed.json

Every system runs in a process of its own, from file to stored vectors, decoding included. CLAP has the default configuration of
``transformers.ClapConfig`` (HTSAT, unfused) with random weights, the same ones in both: speed does not depend on them. Both CLAPs
hear windows of 10 s every 5 s; auricle's default model hears 5 s every 2.5 s, twice as many. Ratios hold for one machine and one run.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil

FORMATS = ("wav", "flac", "mp3", "ogg")
RATE = 44100


def make_sounds(folder: Path, minutes: float, seed: int = 0) -> float:
    """Stereo files of one to three minutes in four formats, composed of the demo sounds; returns hours."""
    import soundfile as sf

    from auricle import audio
    from auricle.demo import SOUNDS

    sources = [p for p in sorted(SOUNDS.rglob("*")) if p.suffix in (".ogg", ".flac", ".wav", ".mp3", ".opus")]
    clips = [audio.open(p, rate=RATE, mono=True).samples[0] for p in sources]
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    total, number = 0.0, 0
    while total < minutes * 60:
        length = min(float(rng.uniform(60, 180)), max(10.0, minutes * 60 - total))
        parts, have = [], 0
        while have < length * RATE:
            parts.append(clips[int(rng.integers(len(clips)))])
            have += len(parts[-1])
        mono = np.concatenate(parts)[: int(length * RATE)]
        stereo = np.stack([mono, np.roll(mono, 7)], axis=1) * 0.7
        path = folder / f"sound_{number:04d}.{FORMATS[number % len(FORMATS)]}"
        with sf.SoundFile(path, "w", RATE, 2) as out:
            for at in range(0, len(stereo), RATE):
                out.write(stereo[at : at + RATE])
        total, number = total + length, number + 1
    return total / 3600


def clap_checkpoint(folder: Path) -> None:
    """A full-size CLAP with random weights and a byte-level tokenizer, as ``save_pretrained`` writes it."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import ClapConfig, ClapFeatureExtractor, ClapModel, PreTrainedTokenizerFast

    torch.manual_seed(0)
    ClapModel(ClapConfig()).eval().save_pretrained(folder)
    ClapFeatureExtractor(truncation="rand_trunc", padding="repeatpad").save_pretrained(folder)
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {t: i for i, t in enumerate(["<s>", "<pad>", "</s>", "<unk>", *letters])}
    tokenizer = Tokenizer(models.BPE(vocabulary, [], unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", pad_token="<pad>", unk_token="<unk>"
    ).save_pretrained(folder)


def by_auricle(sounds: Path, model: str, work: Path) -> None:
    from auricle import Library

    with Library(work / "library", model=model) as library:
        library.index([sounds])
        count = library.store.stats().windows
    print(json.dumps({"windows": count}))


def by_transformers(sounds: Path, checkpoint: str, work: Path) -> None:
    """What a careful script does: decode whole files, resample once, batch windows, keep all cores busy."""
    import soundfile as sf
    import soxr
    import torch
    from transformers import ClapFeatureExtractor, ClapModel

    torch.set_num_threads(os.cpu_count() or 1)
    model = ClapModel.from_pretrained(checkpoint).eval()
    extractor = ClapFeatureExtractor.from_pretrained(checkpoint)
    vectors: list[np.ndarray] = []
    for path in sorted(sounds.iterdir()):
        samples, rate = sf.read(path, dtype="float32", always_2d=True)
        mono = soxr.resample(samples.mean(axis=1), rate, 48000)
        windows = [mono[s : s + 480000] for s in range(0, max(1, len(mono) - 240000), 240000)]
        for at in range(0, len(windows), 8):
            inputs = extractor(windows[at : at + 8], sampling_rate=48000, return_tensors="pt")
            with torch.inference_mode():
                found: Any = model.get_audio_features(**inputs)
            found = getattr(found, "pooler_output", found)
            vectors.append(torch.nn.functional.normalize(found, dim=-1).numpy())
    stored = np.concatenate(vectors).astype(np.float16)
    np.save(work / "vectors.npy", stored)
    print(json.dumps({"windows": len(stored)}))


def timed(system: str, sounds: Path, model: str) -> dict[str, Any]:
    """One run in a fresh process: seconds, windows, peak memory of the process and of its workers."""
    with tempfile.TemporaryDirectory() as work:
        command = [sys.executable, __file__, "--run", system, str(sounds), model, work]
        start = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        seconds = time.perf_counter() - start
    if done.returncode:
        sys.exit(f"{system} failed:\n{done.stderr}")
    windows, memory = (json.loads(line) for line in done.stdout.strip().splitlines()[-2:])
    return {"system": system, "seconds": seconds, **windows, **memory}


def run_one(system: str, sounds: Path, model: str, work: Path) -> None:
    (by_transformers if system == "transformers CLAP" else by_auricle)(sounds, model, work)
    workers = [peak_mb(child.pid) for child in psutil.Process().children(recursive=True)]
    print(json.dumps({"peak_mb": peak_mb(os.getpid()), "peak_workers_mb": sum(workers)}))


def peak_mb(pid: int) -> float:
    """The largest resident size of a living process. Not ``ru_maxrss``: that of a child begins at what its parent had."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def stages(sounds: Path, models: dict[str, str]) -> list[dict[str, Any]]:
    """Seconds per hour of sound of each stage alone, one thread, in this process: what a file costs and where."""
    from auricle import audio, load
    from auricle.audio.features import front_end

    rows = []
    for name, source in models.items():
        model = load(source, threads=1)
        config = model.bundle.config["audio"]
        front = front_end(config["frontend"])
        spent, seconds = {"decode": 0.0, "mel": 0.0, "model": 0.0}, 0.0
        for path in sorted(sounds.iterdir())[:4]:
            t0 = time.perf_counter()
            sound = audio.open(path, rate=model.rate, mono=True)
            samples = sound.samples[0]
            t1 = time.perf_counter()
            starts = range(0, len(samples), int((model.windowing.hop if front.hop is None else 30.0) * model.rate))
            pieces = [samples[s : s + (front.length if front.hop is None else 30 * model.rate)] for s in starts]
            inputs = [front.features(p, front.cuts(len(p))) for p in pieces if len(p) >= model.rate]
            t2 = time.perf_counter()
            for features in inputs:
                model._raw(features)
            t3 = time.perf_counter()
            spent["decode"] += t1 - t0
            spent["mel"] += t2 - t1
            spent["model"] += t3 - t2
            seconds += sound.duration
        rows.append({"system": name, **{k: v / seconds * 3600 for k, v in spent.items()}})
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10.0, help="of sound at 1×")
    parser.add_argument("--growth", type=int, nargs="+", default=[1, 4], help="multiples of it that are indexed")
    parser.add_argument("--json", type=Path, help="write all figures here")
    parser.add_argument("--run", nargs=4, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.run:
        system, sounds, model, work = arguments.run
        run_one(system, Path(sounds), model, Path(work))
        return
    from auricle.models.pretrained.clap import convert

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        clap_checkpoint(folder / "checkpoint")
        convert(folder / "checkpoint", folder / "clap", name="random-clap")
        convert(folder / "checkpoint", folder / "clap-int8", name="random-clap-int8", precision="int8")
        systems = {
            "auricle tiny-towers": "tiny-towers",
            "auricle CLAP": str(folder / "clap"),
            "auricle CLAP int8": str(folder / "clap-int8"),
            "transformers CLAP": str(folder / "checkpoint"),
        }
        rows = []
        for factor in arguments.growth:
            sounds = folder / f"sounds_{factor}"
            hours = make_sounds(sounds, arguments.minutes * factor)
            for system, model in systems.items():
                row = {"growth": factor, "hours": hours, **timed(system, sounds, model)}
                row["hours_per_minute"] = hours / row["seconds"] * 60
                rows.append(row)
            peer = rows[-1]["seconds"]
            for row in rows[-len(systems) :]:
                row["times_peer"] = peer / row["seconds"]
                print(
                    f"{factor:3d}×  {row['system']:20s} {row['hours_per_minute']:6.2f} h/min  {row['times_peer']:5.2f}× the peer  "
                    f"{row['seconds']:7.1f} s  {row['peak_mb']:5.0f} MB + workers {row['peak_workers_mb']:4.0f} MB",
                    flush=True,
                )
        parts = stages(folder / f"sounds_{arguments.growth[0]}", {k: v for k, v in systems.items() if k != "transformers CLAP"})
        for row in parts:
            costs = ", ".join(f"{stage} {row[stage]:.2f}" for stage in ("decode", "mel", "model"))
            print(f"{row['system']:20s} seconds an hour of sound, one thread: {costs}")
        if arguments.json:
            arguments.json.write_text(json.dumps({"rows": rows, "stages": parts}, indent=2) + "\n")


if __name__ == "__main__":
    main()
