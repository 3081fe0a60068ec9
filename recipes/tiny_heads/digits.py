"""Spoken digits as scenes: one digit somewhere in a few seconds of faint noise, from the Free Spoken Digit Dataset (CC BY-SA 4.0).

    python recipes/tiny_heads/digits.py --fsdd fsdd.tar --corpus CORPUS --out runs/heads/digits_train --takes 5-44 --rounds 3
    python recipes/tiny_heads/digits.py --fsdd fsdd.tar --corpus CORPUS --out runs/heads/digits_dev --takes 45-49 [--speakers yweweler]

Takes 0 to 4 are the set's test side, and are never trained on; nor is the speaker that is held out, yweweler.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
from texts import WORDS, manifests, plain_world, texts

from auricle import audio
from auricle.audio import Audio
from auricle.data.items import Question
from auricle.data.world import World, load
from auricle.data.world.facts import Facts, SceneEvent
from auricle.data.world.grammar import number
from auricle.models import load as model_of
from auricle.models.hearing import hear

HERE = Path(__file__).parent
RATE = 16000
HELD_OUT = "yweweler"
DIGITS = tuple(number(n) if n else "zero" for n in range(10))
ASK = (
    "Which digit is spoken?",
    "What digit does the voice say?",
    "Which number is said?",
    "What number is heard?",
    "Which digit is heard?",
)
SAY = (
    "Someone says the digit {}.", "A voice says the number {}.", "the spoken digit {}", "One hears a voice saying {}.",
    "A person says {}.", "a recording of someone saying the digit {}",
)  # fmt: skip


def placed(sound: Audio, rng: random.Random, index: int, digit: str, clip: str) -> tuple[Audio, Facts]:
    """A digit at 16 kHz, louder or softer, somewhere in 1 to 5 seconds of noise that is hardly heard or not at all."""
    voice = np.asarray(sound.mono().at(RATE).samples[0])
    voice = voice / max(1e-6, float(np.abs(voice).max())) * 10 ** (rng.uniform(-24, -1) / 20)
    seconds = max(1.0, len(voice) / RATE + 0.05, rng.uniform(1.0, 5.0))
    start = rng.uniform(0, seconds - len(voice) / RATE)
    noise = np.random.default_rng(index).standard_normal(round(seconds * RATE)) * 10 ** (rng.uniform(-100, -55) / 20)
    at = min(round(start * RATE), len(noise) - len(voice))
    noise[at : at + len(voice)] += voice
    end = min(seconds, start + len(voice) / RATE)
    event = SceneEvent(start, end, "speech", clip, clip, -20.0, also=(f"digit {digit}",))
    return Audio(noise[None].astype(np.float32), RATE, f"<digit {index}>"), Facts(index, "digits", seconds, "dry", 0.0, (event,))


def told(words: World, facts: Facts, index: int, digit: str) -> dict[str, Any]:
    row = texts(words, facts, index)
    rng = random.Random(f"digit/{index}")
    row["captions"] = [form.format(digit) for form in rng.sample(SAY, 4)] + row["captions"][:4]
    wrong = rng.choice([d for d in DIGITS if d != digit])
    asked = [Question(form, digit, DIGITS, "digit") for form in rng.sample(ASK, 3)]
    which, right = rng.choice(((digit, "yes"), (wrong, "no")))
    asked.append(Question(f"Does the voice say {which}?", right, ("yes", "no"), "digit yes/no"))
    own = [q for q in row["questions"] if q["kind"] in ("presence", "speech", "music", "unanswerable") and q["q"] not in WORDS]
    row["questions"] = [{"q": q.question, "a": q.answer, "o": list(q.options), "kind": q.kind} for q in asked] + own[:6]
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fsdd", type=Path, required=True)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--takes", default="5-44", help="first-last, 5 or higher for training")
    parser.add_argument("--speakers", default="", help=f"only these; otherwise all but {HELD_OUT}")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--split", default="train", help="whose words are used")
    args = parser.parse_args()
    first, last = map(int, args.takes.split("-"))
    config = load(HERE / "scenes.yaml").model_copy(update={"manifests": manifests(args.split)})
    words, tower = plain_world(config, args.corpus, args.split), model_of("tiny-towers@2", threads=1)
    args.out.mkdir(parents=True, exist_ok=True)
    with tarfile.open(args.fsdd) as tar:
        sounds = {}
        for member in tar.getmembers():
            name = Path(member.name).stem
            digit, speaker, take = name.split("_") if name.count("_") == 2 else ("", "", "")
            wanted = speaker in args.speakers.split(",") if args.speakers else speaker != HELD_OUT
            file = tar.extractfile(member) if digit and wanted and first <= int(take) <= last else None
            if file is not None:
                sounds[name] = audio.open(io.BytesIO(file.read()))
    order = [name for _ in range(args.rounds) for name in sorted(sounds)]
    random.Random(7).shuffle(order)
    for at in range(0, len(order), 100):
        frames, envelopes, lines, starts = [], [], [], [0]
        for index, name in enumerate(order[at : at + 100], at):
            digit = DIGITS[int(name[0])]
            sound, facts = placed(sounds[name], random.Random(f"{name}/{index}"), index, digit, f"fsdd:{name}")
            heard = hear(tower, sound)
            frames.append(heard.vectors.astype(np.float16))
            envelopes.append(heard.envelopes.astype(np.float16))
            starts.append(starts[-1] + len(heard.vectors))
            lines.append(json.dumps(told(words, facts, index, digit), ensure_ascii=False))
        path = args.out / f"{at:06d}"
        path.with_suffix(".jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
        np.savez(path.with_suffix(".npz"), frames=np.concatenate(frames), envelopes=np.concatenate(envelopes), starts=np.array(starts))
    print(f"{len(order)} scenes of {len(sounds)} recordings")


if __name__ == "__main__":
    main()
