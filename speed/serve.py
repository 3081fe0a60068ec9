"""The server under load, and what batching is worth: everything on loopback, bounded in time and number.

    python speed/serve.py                          # about six minutes
    python speed/serve.py --only load --seconds 60 --clients 8
    python speed/serve.py --only batching --requests 64 --json serve.json

Load: ``auricle serve`` as a process of its own over the demo sounds and 100,000 windows of jittered embeddings; first one client alone
(the first search after the start, then warm ones), then clients that ask without a pause, a mix of everything. So many clients on few
cores wait for each other: the times are those of a crowd. Last, searches while 48 spectrograms of a long recording are being drawn.

Batching: one CLAP bundle (``transformers.ClapConfig`` as it is, random weights) behind ``/v1/embeddings``, asked by 8 clients at once
with batching and without (every request runs the model itself); and the same sounds and texts through ``transformers`` in a plain
loop, one at a time, without HTTP. The three take turns. Only ratios of one run mean something, and only on a machine that is otherwise
idle: torch's threads wait for each other, and lose most when others take the cores. Processor time is less easily disturbed.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import io
import itertools
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil
import soundfile as sf
from index import clap_checkpoint, make_sounds
from search import TEXTS, jittered

from auricle import Library
from auricle.demo import SOUNDS
from auricle.library.bulk import bulk_insert

Kind = Callable[[httpx.Client, np.random.Generator], httpx.Response]
CLAP_RATE = 48000
PEER = "transformers, one at a time"


# -- load ------------------------------------------------------------------------------------------------------------------------


def make_library(folder: Path, long: Path, windows: int) -> None:
    """The demo sounds and a long recording, really indexed, and fabricated recordings up to so many windows."""
    with Library(folder) as library:
        library.index([SOUNDS, long])
        real = np.concatenate([vectors for _, vectors in library.store.all_vectors()])
        with library.store.writing() as writer:
            for at in range(0, windows, 50_000):
                part = jittered(real, min(50_000, windows - at), seed=100 + at)
                bulk_insert(writer, part, path=lambda i, at=at: f"/fabricated/{at}/{i // 100}/recording {i}.wav")


@contextlib.contextmanager
def serving(command: list[str], home: Path) -> Iterator[tuple[str, psutil.Process]]:
    """A server as a process of its own; gives its address when it is ready, and ends it."""
    environment = {**os.environ, "AURICLE_HOME": str(home)}
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
    try:
        assert process.stderr is not None
        for line in process.stderr:
            if found := re.search(r"http://[\w.]+:(\d+)", line):
                break
            sys.stderr.write(line)
        else:
            sys.exit("the server did not start")
        threading.Thread(target=lambda: [sys.stderr.write(line) for line in process.stderr or ()], daemon=True).start()
        yield f"http://127.0.0.1:{found[1]}", psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(timeout=60)


def memory_mb(process: psutil.Process) -> float:
    """Resident size of the server and its decoders."""
    total = 0
    for one in (process, *process.children(recursive=True)):
        with contextlib.suppress(psutil.Error):
            total += one.memory_info().rss
    return total / (1 << 20)


def kinds(client: httpx.Client) -> dict[str, tuple[int, Kind]]:
    """What is asked: name → how often, and how."""
    page = client.get("/api/v1/recordings", params={"limit": 500, "folder": str(SOUNDS)}).json()
    ids = [row["id"] for row in page["data"]]
    clips = [path.read_bytes() for path in sorted(SOUNDS.rglob("*.ogg"))[:8]]
    encoded = [base64.b64encode(clip).decode() for clip in clips]

    def one(rng: np.random.Generator) -> int:
        return int(rng.choice(ids))

    def words(rng: np.random.Generator) -> str:
        return f"{TEXTS[rng.integers(len(TEXTS))]} number {rng.integers(1000)}"  # no two alike: none is remembered

    def search(c: httpx.Client, rng: np.random.Generator) -> httpx.Response:
        return c.post("/api/v1/search", json={"query": words(rng), "limit": 50})

    def upload(c: httpx.Client, rng: np.random.Generator) -> httpx.Response:
        held = c.post("/api/v1/uploads", content=clips[rng.integers(len(clips))], headers={"Content-Type": "audio/ogg"})
        return c.post("/api/v1/search", json={"like": {"upload_id": held.json()["upload_id"]}}) if held.is_success else held

    def audio(c: httpx.Client, rng: np.random.Generator) -> httpx.Response:
        first = int(rng.integers(0, 60_000))
        decoded = {"as": "wav"} if rng.random() < 0.3 else {}
        return c.get(f"/api/v1/recordings/{one(rng)}/audio", params=decoded, headers={"Range": f"bytes={first}-{first + 200_000}"})

    def spectrogram(c: httpx.Client, rng: np.random.Generator) -> httpx.Response:
        return c.get(f"/api/v1/recordings/{one(rng)}/spectrogram", params={"width": int(rng.integers(300, 1200))})

    def sound_and_text(c: httpx.Client, rng: np.random.Generator) -> httpx.Response:
        data = encoded[rng.integers(len(encoded))]
        inputs = [words(rng), {"type": "input_audio", "input_audio": {"data": data, "format": "ogg"}}]
        return c.post("/v1/embeddings", json={"model": "tiny-towers", "input": inputs})

    def export(c: httpx.Client, rng: np.random.Generator) -> httpx.Response:
        asked = {"format": str(rng.choice(["wav", "raven", "csv"])), "moments": [{"recording_id": one(rng), "start": 0.5, "end": 3.0}]}
        return c.post("/api/v1/exports", json=asked)

    return {
        "search, words": (20, search),
        "search, like a recording": (6, lambda c, r: c.post("/api/v1/search", json={"like": {"recording_id": one(r)}})),
        "upload a clip, search": (2, upload),
        "recordings, a page": (12, lambda c, r: c.get("/api/v1/recordings", params={"offset": int(r.integers(4000)), "sort": "-duration"})),
        "facets": (6, lambda c, r: c.get("/api/v1/facets", params={"min_duration": float(r.integers(60))})),
        "peaks of 30 rows": (12, lambda c, r: c.post("/api/v1/peaks", json={"items": [{"recording_id": one(r)} for _ in range(30)]})),
        "audio, a range": (16, audio),
        "spectrogram": (6, spectrogram),
        "classify": (3, lambda c, r: c.post("/api/v1/classify", json={"clip": {"recording_id": one(r)}, "labels": list(TEXTS[:5])})),
        "embeddings, words": (6, lambda c, r: c.post("/v1/embeddings", json={"model": "tiny-towers", "input": words(r)})),
        "embeddings, sound and words": (3, sound_and_text),
        "export": (3, export),
        "status": (5, lambda c, r: c.get("/api/v1/status")),
    }  # fmt: skip


def spread(seconds: list[float]) -> dict[str, float]:
    p50, p95, p99 = np.percentile(np.array(seconds) * 1e3, (50, 95, 99))
    return {"count": len(seconds), "p50_ms": float(p50), "p95_ms": float(p95), "p99_ms": float(p99)}


def crowd(url: str, process: psutil.Process, clients: int, seconds: float) -> dict[str, Any]:
    """Clients that ask without a pause; what each kind took, and the server's memory meanwhile."""
    with httpx.Client(base_url=url, timeout=60.0) as client:
        asked = kinds(client)
    names, shares = list(asked), np.array([share for share, _ in asked.values()], dtype=float)
    took: dict[str, list[float]] = defaultdict(list)
    failed: dict[str, list[str]] = defaultdict(list)
    begin = time.monotonic()

    def one(number: int) -> None:
        rng = np.random.default_rng(number)
        with httpx.Client(base_url=url, timeout=60.0) as client:
            while time.monotonic() < begin + seconds:
                name = names[rng.choice(len(names), p=shares / shares.sum())]
                at = time.perf_counter()
                try:
                    answer = asked[name][1](client, rng)
                    said = "" if answer.is_success or answer.status_code == 416 else f"{answer.status_code} {answer.text[:100]}"
                except httpx.HTTPError as error:
                    said = repr(error)
                took[name].append(time.perf_counter() - at)
                if said:
                    failed[name].append(said)

    memory: list[tuple[float, float]] = []
    with ThreadPoolExecutor(clients) as pool:
        running = [pool.submit(one, number) for number in range(clients)]
        while not all(each.done() for each in running):
            memory.append((time.monotonic() - begin, memory_mb(process)))
            time.sleep(0.5)
        for each in running:
            each.result()

    def around(part: float) -> float:
        """The median of a tenth of the time: one reading may fall into a moment of much work."""
        middle = max(part * seconds, 0.05 * seconds)
        return float(np.median([mb for at, mb in memory if abs(at - min(middle, 0.95 * seconds)) <= 0.05 * seconds + 0.5]))

    rows = {name: {**spread(took[name]), "errors": len(failed[name])} for name in names if took[name]}
    for name, row in rows.items():
        print(
            f"{name:28s} {row['count']:5d} asked, {row['errors']} errors, p50 {row['p50_ms']:5.0f} ms, p95 {row['p95_ms']:5.0f}, "
            f"p99 {row['p99_ms']:5.0f}"
        )
        for said in sorted(set(failed[name]))[:3]:
            print(f"    {said}")
    warm, middle, end = around(0.1), around(0.5), around(1.0)
    growth = end / middle - 1
    print(f"memory of server and decoders: warm {warm:.0f} MB, middle {middle:.0f}, end {end:.0f}: second half {growth:+.1%}", end="")
    print(" (flat)" if growth < 0.05 else " (GROWS)", flush=True)
    return {"kinds": rows, "memory_mb": {"warm": warm, "middle": middle, "end": end}, "growth": growth}


def alone(url: str) -> dict[str, Any]:
    """One client, one search after another: the first of all, then warm ones, as the page asks."""
    with httpx.Client(base_url=url, timeout=60.0) as client:

        def ask(text: str) -> float:
            at = time.perf_counter()
            assert client.post("/api/v1/search", json={"query": text, "limit": 50}).raise_for_status().json()["data"]
            return time.perf_counter() - at

        first = ask("a dog barking")
        warm = spread([ask(f"{text}, take {turn}") for turn in range(3) for text in TEXTS])
    said = f"the first after the start {first * 1e3:.0f} ms, then p50 {warm['p50_ms']:.0f} ms, p95 {warm['p95_ms']:.0f}"
    print(f"search, one client alone: {said}", flush=True)
    return {"first_ms": first * 1e3, **warm}


def beside_pictures(url: str, recording: str) -> dict[str, Any]:
    """Searches while 48 spectrograms of a long recording wait to be drawn."""
    with httpx.Client(base_url=url, timeout=120.0) as client:
        identity = client.get("/api/v1/recordings", params={"name": recording}).json()["data"][0]["id"]
        drawn = threading.Event()

        def picture(width: int) -> None:
            if not drawn.is_set():
                client.get(f"/api/v1/recordings/{identity}/spectrogram", params={"width": width}).raise_for_status()

        with ThreadPoolExecutor(48) as pool:
            pictures = [pool.submit(picture, 400 + i) for i in range(48)]
            time.sleep(0.5)
            took = []
            for number, text in enumerate(TEXTS[:10]):
                at = time.perf_counter()
                client.post("/api/v1/search", json={"query": f"{text}, {number}", "limit": 50}).raise_for_status()
                took.append(time.perf_counter() - at)
            left = sum(not each.done() for each in pictures)
    found = {**spread(took), "pictures_left": left}
    print(f"search beside 48 spectrograms: p50 {found['p50_ms']:.0f} ms, p95 {found['p95_ms']:.0f} ({left} still to draw)", flush=True)
    return found


def load(folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    long = folder / "long.wav"
    make_sounds(folder / "parts", 3.0)
    blocks = [sf.read(path, dtype="int16", always_2d=True)[0][:, :1] for path in sorted((folder / "parts").iterdir())]
    sf.write(long, np.concatenate([*blocks] * 4), 44100, "PCM_16")
    make_library(folder / "sounds.library", long, arguments.windows)
    command = [sys.executable, "-m", "auricle.cli.main", "serve", "--library", str(folder / "sounds.library"), "--port", "0"]
    with serving(command, folder / "home") as (url, process):
        start = memory_mb(process)
        figures: dict[str, Any] = {"windows": arguments.windows, "alone": alone(url)}
        print(f"memory at the start {start:.0f} MB; {arguments.clients} clients without a pause for {arguments.seconds:g} s:")
        figures["crowd"] = {"start_mb": start, **crowd(url, process, arguments.clients, arguments.seconds)}
        figures["beside_pictures"] = beside_pictures(url, long.name)
    return figures


# -- batching --------------------------------------------------------------------------------------------------------------------


def serve_child(library: str, batching: bool) -> None:
    """What ``auricle serve`` does, with a choice that it does not offer."""
    import uvicorn

    from auricle.service.app import create_app
    from auricle.service.config import ServiceConfig
    from auricle.service.running import listen

    config = ServiceConfig(port=0, libraries={"clap": Path(library)}, token="speed")
    sockets = listen(config)
    print(f"http://127.0.0.1:{config.port}", file=sys.stderr, flush=True)
    uvicorn.Server(uvicorn.Config(create_app(config, batching=batching), log_level="error", access_log=False)).run(sockets=sockets)


def windows_of(folder: Path, n: int) -> list[bytes]:
    """WAV files of ten seconds."""
    made = []
    for number, path in zip(range(n), itertools.cycle(sorted(folder.iterdir())), strict=False):
        samples, file = sf.read(path, dtype="float32", always_2d=True)[0].mean(axis=1), io.BytesIO()
        sf.write(file, np.roll(samples, 1000 * number)[: 10 * CLAP_RATE], CLAP_RATE, format="WAV", subtype="PCM_16")
        made.append(file.getvalue())
    return made


def cpu_seconds(process: psutil.Process) -> float:
    """Spent so far by a process and those it started."""
    return sum(sum(one.cpu_times()[:2]) for one in (process, *process.children(recursive=True)))


def asking(url: str, inputs: list[Any], clients: int) -> float:
    """Seconds until all are answered, each a request of its own, so many at once."""
    with httpx.Client(base_url=url, timeout=300.0) as client, ThreadPoolExecutor(clients) as pool:
        begin = time.perf_counter()
        for answer in pool.map(lambda item: client.post("/v1/embeddings", json={"model": "random-clap@1", "input": item}), inputs):
            assert len(answer.raise_for_status().json()["data"]) == 1
        return time.perf_counter() - begin


def transformers_loop(checkpoint: Path) -> tuple[Callable[[list[bytes]], float], Callable[[list[str]], float]]:
    import torch
    from transformers import ClapFeatureExtractor, ClapModel, PreTrainedTokenizerFast

    torch.set_num_threads(os.cpu_count() or 1)
    model = ClapModel.from_pretrained(checkpoint).eval()
    extractor, tokenizer = ClapFeatureExtractor.from_pretrained(checkpoint), PreTrainedTokenizerFast.from_pretrained(checkpoint)

    def sounds(files: list[bytes]) -> float:
        begin = time.perf_counter()
        for file in files:
            samples, rate = sf.read(io.BytesIO(file), dtype="float32")
            with torch.inference_mode():
                model.get_audio_features(**extractor(samples, sampling_rate=rate, return_tensors="pt"))
        return time.perf_counter() - begin

    def texts(lines: list[str]) -> float:
        begin = time.perf_counter()
        for line in lines:
            with torch.inference_mode():
                model.get_text_features(**tokenizer([line], return_tensors="pt"))
        return time.perf_counter() - begin

    return sounds, texts


def batching(folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    from auricle import load as load_model
    from auricle.models.pretrained.clap import convert

    clap_checkpoint(folder / "checkpoint")
    convert(folder / "checkpoint", folder / "clap", name="random-clap")
    make_sounds(folder / "batching", 1.0)
    with Library(folder / "clap.library", model=load_model(folder / "clap")) as library:
        library.index([sorted(SOUNDS.rglob("*.ogg"))[0]])
    files = windows_of(folder / "batching", arguments.requests)
    sounds = [{"type": "input_audio", "input_audio": {"data": base64.b64encode(file).decode(), "format": "wav"}} for file in files]
    texts = [f"{TEXTS[i % len(TEXTS)]} far away, take {i}" for i in range(2 * arguments.requests)]
    by_peer = transformers_loop(folder / "checkpoint")
    spent: dict[str, dict[str, list[tuple[float, float]]]] = {"sounds": defaultdict(list), "texts": defaultdict(list)}
    child = [sys.executable, __file__, "--serve", str(folder / "clap.library")]
    with serving([*child, "on"], folder / "home") as (on, with_it), serving([*child, "off"], folder / "home") as (off, without):
        for turn in range(arguments.turns + 1):
            for what, inputs, plain, peer in (("sounds", sounds, files, by_peer[0]), ("texts", texts, texts, by_peer[1])):
                given, bare = (inputs, plain) if turn else (inputs[:8], plain[:8])  # the first turn loads the models
                runs: dict[str, tuple[psutil.Process, Callable[[], float]]] = {
                    "auricle, batching": (with_it, partial(asking, on, given, arguments.clients)),
                    "auricle, no batching": (without, partial(asking, off, given, arguments.clients)),
                    PEER: (psutil.Process(), partial(peer, bare)),  # type: ignore[arg-type]
                }
                for name, (process, run) in runs.items():
                    before = cpu_seconds(process) if name != PEER else time.process_time()
                    seconds = run()
                    cpu = (cpu_seconds(process) if name != PEER else time.process_time()) - before
                    if turn:
                        spent[what][name].append((len(given) / seconds, cpu / len(given)))
                        print(f"    turn {turn}: {what}, {name}: {len(given)} in {seconds:.1f} s", file=sys.stderr, flush=True)
    figures: dict[str, Any] = {}
    for what, by_name in spent.items():
        peer_rates = np.array(by_name[PEER])[:, 0]
        for name, turns in by_name.items():
            rates, costs = np.array(turns).T
            rate, ratio, cost = (float(np.median(v)) for v in (rates, rates / peer_rates, costs * 1e3))
            figures.setdefault(what, {})[name] = {"requests_per_s": rate, "times_peer": ratio, "cpu_ms": cost, "turns": turns}
            print(f"{what:7s} {name:28s} {rate:7.2f} requests/s  {ratio:5.2f}× the peer  {cost:6.0f} ms of processor each", flush=True)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=("load", "batching"))
    parser.add_argument("--windows", type=int, default=100_000)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=60.0, help="of load")
    parser.add_argument("--requests", type=int, default=32, help="sounds a turn, and twice as many texts")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--serve", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve_child(arguments.serve[0], arguments.serve[1] == "on")
        return
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as temporary:
        for name, measure in (("load", load), ("batching", batching)):
            if arguments.only in (None, name):
                figures[name] = measure(Path(temporary), arguments)
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
