"""Captions of held-out scenes, by the bundle that ships: which sounds they name, how many of those are there, and how many are told.

    python recipes/tiny_heads/captions.py runs/heads/tiny-heads@1 --scenes runs/heads/dev --most 200 [--shuffled] [--out FILE]

A sound is named where one of the world's ways to say its label stands in the caption and no “no” before it; the longest way wins. It is
true where the scene has that label, or one that is said so too. Recall is over the kinds of sound in the foreground. The first ten
captions are printed as they come.
"""

from __future__ import annotations

import argparse
import json
import re
import time
from pathlib import Path

import numpy as np

from auricle.data.world.grammar import going
from auricle.data.world.lexicon import instrument, related, words_for
from auricle.evaluation.statistics import bootstrap
from auricle.models import load
from auricle.models.hearing import BANDS, STEPS, FrameSequence
from auricle.models.two_heads import TwoHeads
from auricle.training.speaking.scenes import SceneTexts, read_scenes

PROMPT = "Describe the recording."
DENIAL = re.compile(r"\b(?:no|not|without|nothing but silence|neither|never)\b[^,;.]*$")


class Names:
    """Ways to say each label."""

    def __init__(self, labels: set[str]) -> None:
        self.ways: dict[str, set[str]] = {}
        for label in labels:
            for words in (words_for(label), instrument(label)):
                ways = [label, *words.names, *(f"{subject} {form}" for subject, verb in words.says for form in (verb, going(verb)))]
                for way in ways:
                    plain = re.sub(r"^(?:an?|the|some|something|someone) ", "", way.lower()).strip()
                    if len(plain) > 2:
                        self.ways.setdefault(plain, set()).add(label)
        self.pattern = re.compile(r"\b(?:" + "|".join(re.escape(w) for w in sorted(self.ways, key=len, reverse=True)) + r")\b")

    def found(self, caption: str) -> list[set[str]]:
        text = caption.lower()
        return [self.ways[m[0]] for m in self.pattern.finditer(text) if not DENIAL.search(text[: m.start()])]


def there(labels: set[str], scene: SceneTexts) -> set[str]:
    return {own for own in scene.labels for label in labels if own == label or related(own, label)}


def as_heard(scene: SceneTexts) -> FrameSequence:
    frames = scene.frames.astype(np.float32)
    edge = frames.shape[1] - STEPS * BANDS
    return FrameSequence(frames[:, :edge], frames[:, edge:], scene.times.astype(np.float64))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle")
    parser.add_argument("--scenes", type=Path, required=True)
    parser.add_argument("--most", type=int, default=200)
    parser.add_argument("--shuffled", action="store_true", help="the control: each scene with the sound of another")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    model = load(args.bundle)
    assert isinstance(model, TwoHeads)
    every = read_scenes(args.scenes)
    scenes = every[: args.most]
    names = Names({label for scene in every for label in scene.labels})
    right, told, clusters, recalled, pieces, begun = [], [], [], [], 0, time.perf_counter()
    for place, scene in enumerate(scenes):
        sound = scenes[(place + len(scenes) // 2) % len(scenes)] if args.shuffled else scene
        said = list(model.generate_heard(as_heard(sound), PROMPT, max_tokens=80))
        pieces += len(said)
        caption, clip = "".join(said), (scene.clips or ("",))[0]
        claims = [there(labels, scene) for labels in names.found(caption)]
        right += [float(bool(claim)) for claim in claims]
        clusters += [clip] * len(claims)
        covered = set().union(*claims) if claims else set()
        told += [float(label in covered) for label in scene.labels]
        recalled += [clip] * len(scene.labels)
        if place < 10:
            print(f"{scene.labels}\n    {caption}")
    print(f"{pieces / (time.perf_counter() - begun):.0f} tokens a second")
    results = []
    for name, values, of in (("precision", right, clusters), ("recall", told, recalled)):
        found = bootstrap(np.array(values), clusters=of)
        print(f"claim {name}: {found.value:.3f} [{found.low:.3f}–{found.high:.3f}], n={len(values)}")
        results.append({"metric": f"claim {name}", "value": found.value, "low": found.low, "high": found.high, "n": len(values)})
    if args.out:
        args.out.write_text(json.dumps({"results": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
