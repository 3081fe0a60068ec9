"""Sets in their official layouts whose sounds are tones: what they are can be heard."""

from __future__ import annotations

import csv
from pathlib import Path

import soundfile
from toy_models import PITCHES, RATE, tone

LABELS = tuple(PITCHES)


def put(path, label, seconds=0.5, seed=0):
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, tone(label, seconds, seed), RATE)


def table(path, head, rows):
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter="\t" if path.suffix == ".tsv" else ",")
        writer.writerow(head)
        writer.writerows(rows)


def esc50(top, folds=3, each=2):
    """``folds`` × ``each`` clips of every label; two takes of one source lie in one fold."""
    rows = []
    for fold in range(1, folds + 1):
        for number, label in enumerate(LABELS):
            for take in range(each):
                source = 100 * fold + number
                name = f"{fold}-{source}-{'AB'[take]}-{number}.wav"
                put(Path(top) / "audio" / name, label, seed=len(rows))
                rows.append([name, fold, number, label, "False", source, "AB"[take]])
    table(Path(top) / "meta/esc50.csv", ["filename", "fold", "target", "category", "esc10", "src_file", "take"], rows)
    return top


def urbansound8k(top, each=3):
    rows = []
    for fold in range(1, 11):
        for number, label in enumerate(LABELS):
            for take in range(each if fold < 3 else 1):
                name = f"{1000 * fold + number}-{number}-0-{take}.wav"
                put(Path(top) / f"audio/fold{fold}/{name}", label, seed=len(rows))
                rows.append([name, 1000 * fold + number, 0.0, 0.5, 1, fold, number, label])
    table(
        Path(top) / "metadata/UrbanSound8K.csv", ["slice_file_name", "fsID", "start", "end", "salience", "fold", "classID", "class"], rows
    )
    return top


def fsd50k(top, n=12):
    rows = []
    for k in range(n):
        own = [LABELS[k % 4]] + ([LABELS[(k + 1) % 4]] if k % 3 == 0 else [])
        path = Path(top) / f"FSD50K.eval_audio/{k}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, sum(tone(label, seed=k) for label in own) / len(own), RATE)
        rows.append([k, ",".join(label.capitalize() for label in own), "/m/x"])
    table(Path(top) / "FSD50K.ground_truth/eval.csv", ["fname", "labels", "mids"], rows)
    table(Path(top) / "FSD50K.ground_truth/dev.csv", ["fname", "labels", "mids", "split"], [["900", "Bell", "/m/x", "train"]])
    put(Path(top) / "FSD50K.dev_audio/900.wav", "bell")
    return top


def fsdd(top, takes=8, speakers=("anna", "ben", "carl")):
    """Digits 0 to 3; takes 0 to 4 are asked."""
    for digit, label in enumerate(LABELS):
        for speaker in speakers:
            for take in range(takes):
                put(Path(top) / f"recordings/{digit}_{speaker}_{take}.wav", label, seed=take + 100 * speakers.index(speaker))
    return top


def desed(top, n=12):
    import numpy as np

    rows = []
    for k in range(n):
        name = f"Y{k:011d}_0.000_10.000.wav"
        first, second = LABELS[k % 4], LABELS[(k + 1) % 4]
        quiet = np.zeros(RATE, np.float32)
        sound = np.concatenate([quiet, tone(first, 3.0, k), quiet, quiet, tone(second, 2.0, k), quiet])
        path = Path(top) / "audio/eval/public" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, sound, RATE)
        rows += [[name, 1.0, 4.0, first.capitalize()], [name, 6.0, 8.0, second.capitalize()]]
    table(Path(top) / "metadata/eval/public.tsv", ["filename", "onset", "offset", "event_label"], rows)
    return top
