"""Write ``docs/world.md``'s example, a scene made of the demo sounds, and its picture: ``python docs/make_world.py [INDEX]``."""

from __future__ import annotations

import contextlib
import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from auricle.audio import SUFFIXES
from auricle.audio.spectrogram import plan, png, spectrogram
from auricle.cli.world import describe
from auricle.data.items import Item
from auricle.data.world import World
from auricle.data.world.config import parse
from auricle.demo import SOUNDS

FOLDER = Path(__file__).parent
PAGE, PICTURE = FOLDER / "world.md", FOLDER / "images" / "world.png"
INDEX = 0
MUSIC = {"acoustic guitar": "acoustic guitar", "slow piano": "piano", "fast_piano": "piano", "violin solo": "violin", "tabla": "tabla"}
BETWEEN = ("<!-- the scene -->", "<!-- end of the scene -->")


def demo_items() -> Iterator[Item]:
    """The demo sounds of one kind each; speech by its subtitles. Every kind has one or two clips: enough to show, not to train."""
    for path in sorted(SOUNDS.rglob("*")):
        if path.suffix.lower() not in SUFFIXES or path.parent.name == "field":
            continue
        name = path.relative_to(SOUNDS).as_posix()
        common = {"audio": name, "split": "train", "set": "demo", "source": f"auricle/demo/sounds/{name}", "licence": "see LICENSES.md"}
        lines = path.with_suffix(".srt")
        if path.parent.name == "speech":
            said = re.sub(r"^\d+\n[\d:,]+ --> [\d:,]+\n", "", lines.read_text("utf-8").strip()).replace("\n", " ")
            yield Item(name, labels=("speech",), extra={"transcript": said}, **common)
        elif path.stem in MUSIC:
            yield Item(name, labels=("music",), extra={"instrument": MUSIC[path.stem]}, **common)
        else:
            yield Item(name, labels=(path.stem,), **common)


def world() -> World:
    config = {"short_labels": "allow", "seconds": [9, 10], "sounds": [3, 3], "background": 1, "speech": 1, "event_seconds": [0.1, 4]}
    return World(demo_items(), parse(config), folder=SOUNDS)


def main(index: int) -> None:
    scene = world().scene(index)
    with contextlib.redirect_stdout(io.StringIO()) as shown:
        describe(scene)
    text = PAGE.read_text("utf-8")
    before, after = text.partition(BETWEEN[0])[0], text.partition(BETWEEN[1])[2]
    PAGE.write_text(f"{before}{BETWEEN[0]}\n```\n{shown.getvalue().rstrip()}\n```\n{BETWEEN[1]}{after}", "utf-8")
    PICTURE.parent.mkdir(exist_ok=True)
    layout = plan(scene.audio.rate, 0.0, scene.facts.seconds, 720)
    PICTURE.write_bytes(png(spectrogram([scene.audio], layout, 160)))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else INDEX)
