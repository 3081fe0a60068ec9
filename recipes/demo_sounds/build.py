#!/usr/bin/env python3
"""Builds the demo sounds: ``python recipes/demo_sounds/build.py [--check]``.

Reads ``sources.yaml`` (pinned packages, clips, licences) and ``sounds.yaml`` (what each file holds), writes the sounds, their
truth (``moments.json``), subtitles of the spoken ones (``.srt``) and ``LICENSES.md``. ``--check`` builds elsewhere and compares
what is heard (encoders put random serial numbers into Ogg pages, so bytes differ where sound does not).

Needs apt-get and dpkg-deb, fluidsynth, flite, and numpy, soundfile, soxr, pyyaml.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr
import yaml
from render import RATE, Packages, Stereo, clip_samples

HERE = Path(__file__).resolve().parent
TARGET = HERE.parents[1] / "src" / "auricle" / "demo"
CACHE = Path.home() / ".cache" / "auricle-recipes" / "demo_sounds"
LIMIT_BYTES = 3_000_000
PEAK = 0.89  # −1 dBFS, so that lossy encoders do not clip
SHARE_ALIKE = ("CC BY-SA 4.0", "CC BY-SA 3.0")  # the newest first: a mixture of both is under the newest
MODERATE = 0.95  # libsndfile compression level: about 50 kbit/s for mono Vorbis
ENCODERS: dict[str, dict[str, Any]] = {
    ".ogg": {"format": "OGG", "subtype": "VORBIS", "compression_level": MODERATE},
    ".opus": {"format": "OGG", "subtype": "OPUS", "compression_level": 0.9},
    ".mp3": {"format": "MP3", "subtype": "MPEG_LAYER_III", "compression_level": 0.8},
    ".flac": {"format": "FLAC", "subtype": "PCM_16"},
    ".wav": {"format": "WAV", "subtype": "PCM_16"},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="build elsewhere and compare with what is there")
    parser.add_argument("--cache", type=Path, default=CACHE, help="where packages are kept")
    arguments = parser.parse_args()
    if not arguments.check:
        build(TARGET, arguments.cache)
        return
    with tempfile.TemporaryDirectory() as folder:
        build(Path(folder), arguments.cache)
        compare(Path(folder), TARGET)


def build(target: Path, cache: Path) -> None:
    sources = yaml.safe_load((HERE / "sources.yaml").read_text())
    plan = yaml.safe_load((HERE / "sounds.yaml").read_text())
    clips = resolve(sources, plan)
    packages = Packages(sources["packages"], cache)
    rendered: dict[str, Stereo] = {}
    moments: list[dict[str, Any]] = []
    for sound in plan["sounds"]:
        for event in sound["events"]:
            if event["clip"] not in rendered:
                rendered[event["clip"]] = clip_samples(clips[event["clip"]], packages)
        mixed, heard = mix(sound, rendered)
        write(target / "sounds" / sound["file"], mixed, sound)
        moments += heard
        subtitle(target / "sounds" / sound["file"], sound, clips, rendered)
    text = "[\n" + ",\n".join(json.dumps(m) for m in moments) + "\n]\n"
    (target / "moments.json").write_text(text)
    (target / "LICENSES.md").write_text(licences(plan["sounds"], clips, sources))
    total = sum(p.stat().st_size for p in (target / "sounds").rglob("*") if p.is_file())
    print(f"{len(plan['sounds'])} sounds, {total:,} bytes")
    if total > LIMIT_BYTES:
        raise SystemExit(f"more than {LIMIT_BYTES:,} bytes")


def resolve(sources: dict[str, Any], plan: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Clip name → everything known of it: its own keys over those of its package; scores and voices get theirs here."""
    clips = {name: dict(clip) for name, clip in sources["clips"].items()}
    for name, score in plan["scores"].items():
        clips[name] = {"package": "fluid-soundfont-gm", "score": score["tracks"], "bpm": score["bpm"]}
    for name, clip in clips.items():
        if "voice" in clip:
            clip |= {"author": "auricle, voice of Carnegie Mellon University", "licence": "Apache-2.0"}
        else:
            clips[name] = sources["defaults"].get(clip["package"], {}) | clip
            if "score" in clip:
                clips[name]["author"] = f"auricle, instruments by {clips[name]['author']}"
    return clips


# ------------------------------------------------------------------------------------------------------------ mixing


def mix(sound: dict[str, Any], rendered: dict[str, Stereo]) -> tuple[Stereo, list[dict[str, Any]]]:
    """The events of one sound added up, peak-limited by gain; and the moments that are named."""
    pieces = [(event, at, piece(event, rendered)) for event in sound["events"] for at in times(event)]
    ends = [at + len(samples) / RATE for _, at, samples in pieces]
    seconds = sound.get("seconds", max(ends) + sound.get("tail", 0.0))
    out = np.zeros((round(seconds * RATE), 2), dtype=np.float32)
    spans: dict[str, list[float]] = {}
    for (event, at, samples), end in zip(pieces, ends, strict=True):
        first = round(at * RATE)
        room = max(0, len(out) - first)
        out[first : first + len(samples)] += samples[:room]
        if "as" in event:
            span = spans.setdefault(event["as"], [at, end])
            span[1] = max(span[1], end)
    peak = float(np.abs(out).max())
    heard = [
        {"file": sound["file"], "start": round(a, 2), "end": round(min(b, seconds), 2), "what": what} for what, (a, b) in spans.items()
    ]
    return out * min(1.0, PEAK / peak), heard


def times(event: dict[str, Any]) -> list[float]:
    return [event.get("at", 0.0) + k * event.get("every", 0.0) for k in range(event.get("times", 1))]


def piece(event: dict[str, Any], rendered: dict[str, Stereo]) -> Stereo:
    """The part of a clip that an event asks for, at its level, faded."""
    samples = rendered[event["clip"]]
    last = round(event["end"] * RATE) if "end" in event else None
    samples = samples[round(event.get("start", 0.0) * RATE) : last]
    if "speed" in event:
        samples = np.asarray(soxr.resample(samples, RATE * event["speed"], RATE), dtype=np.float32)
    if "loop" in event:
        samples = looped(samples, round(event["loop"] * RATE))
    rms = float(np.sqrt(np.mean(samples.astype(np.float64) ** 2)))
    samples = samples * (10 ** (event.get("level", -20) / 20) / rms)
    n = min(round(event.get("fade", 0.01) * RATE), len(samples) // 2)
    ramp = np.linspace(0, 1, n, dtype=np.float32)[:, None]
    samples[:n] *= ramp
    samples[len(samples) - n :] *= ramp[::-1]
    return samples


def looped(samples: Stereo, n: int) -> Stereo:
    """Repeated to ``n`` samples, each seam an equal-power cross-fade of up to half a second."""
    seam = min(RATE // 2, len(samples) // 4)
    rise = np.sin(np.linspace(0, np.pi / 2, seam, dtype=np.float32))[:, None]
    out = samples
    while len(out) < n:
        joint = out[-seam:] * rise[::-1] + samples[:seam] * rise
        out = np.concatenate([out[:-seam], joint, samples[seam:]])
    return out[:n].copy()


# ----------------------------------------------------------------------------------------------------------- writing


def write(path: Path, samples: Stereo, sound: dict[str, Any]) -> None:
    data = samples if sound.get("channels") == 2 else samples.mean(axis=1)
    rate = 48_000 if path.suffix == ".opus" else sound.get("rate", RATE)
    if rate != RATE:
        data = soxr.resample(data, RATE, rate)
    path.parent.mkdir(parents=True, exist_ok=True)
    encode(path, data, rate)
    overshoot = float(np.abs(soundfile.read(path)[0]).max())
    if overshoot > PEAK:  # resampling and lossy coding ring above the peak that went in
        encode(path, data * (PEAK * PEAK / overshoot), rate)


def encode(path: Path, data: Stereo, rate: int) -> None:
    with soundfile.SoundFile(path, "w", rate, 1 if data.ndim == 1 else data.shape[1], **ENCODERS[path.suffix]) as out:
        for block in np.array_split(data, max(1, len(data) // rate)):  # libvorbis overflows its stack on minutes in one call
            out.write(block)


def subtitle(path: Path, sound: dict[str, Any], clips: dict[str, dict[str, Any]], rendered: dict[str, Stereo]) -> None:
    """An .srt beside a sound in which someone speaks known words."""
    spoken = [(e["at"], e["clip"]) for e in sound["events"] if "text" in clips[e["clip"]]]
    blocks = []
    for number, (at, clip) in enumerate(spoken, 1):
        end = at + len(rendered[clip]) / RATE
        blocks.append(f"{number}\n{clock(at)} --> {clock(end)}\n{clips[clip]['text']}\n")
    if blocks:
        path.with_suffix(".srt").write_text("\n".join(blocks))


def clock(seconds: float) -> str:
    milliseconds = round(seconds * 1000)
    return f"{milliseconds // 3600000:02}:{milliseconds // 60000 % 60:02}:{milliseconds // 1000 % 60:02},{milliseconds % 1000:03}"


def licences(sounds: list[dict[str, Any]], clips: dict[str, dict[str, Any]], sources: dict[str, Any]) -> str:
    lines = [
        "# Licences of the demo sounds",
        "",
        "Made by `recipes/demo_sounds/build.py`; do not edit. Changes made to every clip: cut, level, fades, mixed as listed, encoded.",
        "The `.srt` beside a sound and `moments.json` (what is heard when) are auricle's own, Apache-2.0.",
        "",
        "| file | licence | made from (package: author, licence) |",
        "| --- | --- | --- |",
    ]
    for sound in sounds:
        used = list(dict.fromkeys(event["clip"] for event in sound["events"]))
        origins = dict.fromkeys(origin(clips[name]) for name in used)
        lines.append(f"| `{sound['file']}` | {licence_of([clips[n]['licence'] for n in used])} | {'; '.join(origins)} |")
    lines += ["", "## Packages", "", "| Debian package | version | sha256 |", "| --- | --- | --- |"]
    lines += [f"| {name} | {pin['version']} | `{pin['sha256']}` |" for name, pin in sources["packages"].items()]
    lines += [
        "",
        "## Texts",
        "",
        "CC0 1.0: <https://creativecommons.org/publicdomain/zero/1.0/> · CC BY 3.0: <https://creativecommons.org/licenses/by/3.0/> ·",
        "CC BY-SA 3.0: <https://creativecommons.org/licenses/by-sa/3.0/> · CC BY-SA 4.0: <https://creativecommons.org/licenses/by-sa/4.0/>",
        "",
        (HERE / "fluid_licence.txt").read_text().strip(),
        "",
    ]
    return "\n".join(lines)


def origin(clip: dict[str, Any]) -> str:
    if "voice" in clip:
        return f"spoken by flite, voice {clip['voice']}: {clip['author']}, {clip['licence']}"
    where = clip.get("origin", "")
    return f"{clip['package']}: {clip['author']}{f' ({where})' if where else ''}, {clip['licence']}"


def licence_of(parts: list[str]) -> str:
    """The licence of a mixture: share-alike wins, the newer version of it; else every licence that is in it."""
    for strong in SHARE_ALIKE:
        if strong in parts:
            return strong
    return " and ".join(dict.fromkeys(parts))


def compare(built: Path, shipped: Path) -> None:
    bad = []
    for path in sorted(p for p in built.rglob("*") if p.is_file()):
        other = shipped / path.relative_to(built)
        if path.suffix in ENCODERS:
            same = other.exists() and np.array_equal(soundfile.read(path)[0], soundfile.read(other)[0])
        else:
            same = other.exists() and path.read_bytes() == other.read_bytes()
        if not same:
            bad.append(str(path.relative_to(built)))
    print(f"differ: {', '.join(bad)}" if bad else "the same")
    if bad:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
