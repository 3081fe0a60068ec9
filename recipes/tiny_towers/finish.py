"""The run's bundle → tiny-towers@2: constants of detection, a calibration of frames, a card that names all that is inside.

    python recipes/tiny_towers/detection.py --bundle runs/blended --manifest CORPUS/dev.jsonl \\
        --frames runs/frames.npz > runs/detection.json
    python recipes/tiny_towers/finish.py runs/blended --detection runs/detection.json --frames runs/frames.npz \\
        --out "src/auricle/models/bundles/tiny-towers@2"
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from auricle.models.bundle import Bundle
from auricle.models.card import LicenceLink
from auricle.models.heads import Calibration

HERE = Path(__file__).parent
BUDGET = 30e6  # bytes
FRAMES = "frames.npz"

DESCRIPTION = (
    "YAMNet and MiniLM in one space. YAMNet keeps its ears and has grown a second end, which learned from labelled sounds, rendered "
    "music and speech, and from a teacher of sound effects; beside what was learned stands what YAMNet says by itself. Texts are read by "
    "the names of 916 kinds of sound. Sounds, and frames of half a second, meet words. Runs on a laptop's CPU without torch."
)
LIMITS = (
    "It knows what AudioSet and the training corpus name; a text far from any of these names lands on the nearest ones. A window is the "
    "mean of its frames: order and count are not in it. Much of the music and speech that it heard was rendered. Probabilities are "
    "calibrated on short clips, one label in five right."
)


def chain(made: tuple[LicenceLink, ...]) -> tuple[LicenceLink, ...]:
    """What is inside, the teachers, and the data by licence."""
    packages = yaml.safe_load((HERE / "sources.yaml").read_text("utf-8"))
    counts: Counter[str] = Counter()
    scenes = 0
    for link in made:
        if " items of " in link.what:
            number = int(link.what.split(" ", 1)[0])
            if link.source == "world":
                scenes += number  # composed of the sounds that are counted already
            else:
                counts[link.licence] += number
    data = (LicenceLink(f"{n} training sounds", licence, "recipes/corpus") for licence, n in counts.most_common())
    return (
        *(LicenceLink(p["gives"], p["licence"], f"{p['package']}=={p['version']}", p["sha256"]) for p in packages),
        LicenceLink("the names of the 521 AudioSet classes", "CC BY-SA 4.0", "audioset/ontology"),
        *data,
        LicenceLink(f"{scenes} scenes composed of these sounds", "those of the sounds", "recipes/tiny_towers/scenes.yaml"),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--detection", type=Path, required=True)
    parser.add_argument("--frames", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    made = Bundle.open(arguments.bundle)
    config: dict[str, Any] = {**made.config, "detection": json.loads(arguments.detection.read_text("utf-8"))}
    files: dict[str, Path | bytes] = {name: made.file(name) for name in made.card.files if name != "config.json"}
    if arguments.frames is not None and arguments.frames.is_file():
        calibration = Calibration.load(arguments.frames)
        calibration.save(arguments.out.with_suffix(".npz"))
        files[FRAMES] = arguments.out.with_suffix(".npz").read_bytes()
        arguments.out.with_suffix(".npz").unlink()
    card = replace(
        made.card, description=DESCRIPTION, limits=LIMITS, chain=chain(made.card.chain), measured=("speech", "music", "sound"),
        data=f"YAMNet: AudioSet. MiniLM: 1.17 billion sentence pairs. Trained here: {made.card.data}", files={},
    )  # fmt: skip
    bundle = Bundle.write(arguments.out, config, card, files, overwrite=True)
    size = sum(path.stat().st_size for path in bundle.path.rglob("*") if path.is_file())
    print(f"{bundle.pipeline_id}: {size / 1e6:.1f} MB")
    if size > BUDGET:
        raise SystemExit(f"{size} bytes are more than the budget of {BUDGET:.0f}")


if __name__ == "__main__":
    main()
