"""A small training set out of the sounds that come with auricle: a manifest with a caption a moment.

    python recipes/towers_from_scratch/manifest.py small.jsonl

Every moment of the demo sounds becomes an item with its phrase as caption, said in a few ways, and the licence of its sound. The sounds
are linked beside the manifest, under ``sounds/``. Nothing is held out: the field recordings hold the same clips as the rest, which
``auricle train`` would find and refuse to measure on.
"""

from __future__ import annotations

import argparse
import os
import re
from pathlib import Path

from auricle import audio
from auricle.data.items import Item
from auricle.data.manifest import write
from auricle.demo import SOUNDS, moments

LICENCES = SOUNDS.parent / "LICENSES.md"
WAYS = ("{}", "the sound of {}", "{} can be heard", "a recording of {}")


def items(longest: float) -> list[Item]:
    licences = dict(re.findall(r"^\| `([^`]+)` \| ([^|]+?) \|", LICENCES.read_text("utf-8"), re.MULTILINE))
    found = []
    for number, moment in enumerate(moments()):
        path, start, end = SOUNDS / moment["file"], float(moment["start"]), float(moment["end"])
        what = moment["what"]
        found.append(
            Item(
                id=f"demo-{number:03d}",
                audio=f"sounds/{moment['file']}",
                start=start,
                end=min(end, start + longest),
                duration=round(min(end, start + longest) - start, 3),
                labels=(what,),
                captions=tuple(way.format(what) for way in WAYS),
                split="train",
                set="auricle demo sounds",
                clip=moment["file"],
                source=f"auricle/demo/{moment['file']}",
                licence=licences[moment["file"]],
                hash=audio.content_hash(path),
            )
        )
    return found


def main(target: Path, longest: float) -> int:
    target.parent.mkdir(parents=True, exist_ok=True)
    sounds = target.parent / "sounds"
    if not sounds.exists():
        os.symlink(SOUNDS, sounds, target_is_directory=True)
    return write(target, items(longest))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--longest", type=float, default=20.0, help="seconds of one item at most")
    arguments = parser.parse_args()
    print(f"{arguments.manifest}: {main(arguments.manifest, arguments.longest)} items")
