"""A trained stage → the bundle tiny-heads.

python recipes/tiny_heads/export.py runs/heads/instructing --out runs/heads/tiny-heads@1
"""

from __future__ import annotations

import argparse
import datetime
from pathlib import Path

from auricle.models import load
from auricle.models.card import LicenceLink, ModelCard
from auricle.models.two_towers import FrameTowers
from auricle.training.speaking.exporting import export
from auricle.training.speaking.stage import open_run

SECONDS = 12.0  # the longest scene that it was trained on


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--version", default="1")
    parser.add_argument("--tower", default="tiny-towers@2")
    parser.add_argument("--variant", choices=("plain", "audiocaps"), default="plain")
    args = parser.parse_args()
    tower = load(args.tower)
    assert isinstance(tower, FrameTowers)
    model, tokenizer = open_run(args.run)
    bundle, worst = export(model, tokenizer, tower, card(args, tower), args.out, seconds=SECONDS)
    size = sum(path.stat().st_size for path in bundle.path.iterdir())
    print(f"{bundle.pipeline_id}: {size / 1e6:.2f} MB, logits of the float32 graphs within {worst:.1e} of the module")


DESCRIPTION = "Says what is heard: captions and short answers about up to 12 seconds of sound."
DATA = "scenes composed from the training corpus of tiny-towers (recipes/tiny_heads)"
LIMITS = "English of a narrow kind. Trained on composed scenes; it hears no words of speech, and what it says may be wrong."


def card(args: argparse.Namespace, tower: FrameTowers) -> ModelCard:
    chain = [
        LicenceLink(f"the frames of {tower.name}", tower.card.licence, tower.name), *tower.card.chain,
        LicenceLink("Free Spoken Digit Dataset, takes 5-44 of five speakers", "CC BY-SA 4.0", "Jakobovski/free-spoken-digit-dataset"),
    ]  # fmt: skip
    name, licence = "tiny-heads", tower.card.licence
    if args.variant == "audiocaps":
        terms = "MIT per LICENSE; academic use per its form"
        chain.append(LicenceLink("AudioCaps captions, train split, text only", terms, "cdjkim/audiocaps"))
        name, licence = "tiny-heads-audiocaps", "academic use"
    return ModelCard(
        name, args.version, "two-heads", DESCRIPTION, licence, tuple(chain), ("speech", "music", "sound"), (), DATA, (), LIMITS,
        created=datetime.datetime.now(datetime.UTC).date().isoformat(),
    )  # fmt: skip


if __name__ == "__main__":
    main()
