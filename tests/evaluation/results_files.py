"""A results document as `auricle evaluate` and `auricle audit` write it, from models that are simulated and sounds that are real."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from auricle.demo import SOUNDS
from auricle.evaluation.score import How, Mean, difference, difference_document, measured

CLASSES = {
    "esc10": ["chainsaw", "clock tick", "crackling fire", "crying baby", "dog", "helicopter", "rain", "rooster", "sea waves", "sneezing"],
    "fsdd": ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"],
    "mmau": ["A", "B", "C", "D"],
}
TITLES = {
    "esc10": ("ESC-10, zero-shot", "zero_shot", False),
    "fsdd": ("FSDD, spoken digits, speaker held out", "few_shot", False),
    "mmau": ("MMAU on a stand-in", "answering", True),
}


@dataclass(frozen=True)
class Model:
    name: str
    pipeline_id: str
    skill: dict[str, float]
    sureness: float
    megabytes: float
    seconds: float
    deaf: bool = False


MODELS = (
    Model("tiny-towers@2", "tt2-6f1c09ab", {"esc10": 0.93, "fsdd": 0.71, "mmau": 0.46}, 1.1, 28.4, 9.1),
    Model("tiny-towers@1", "tt1-0d77e2c4", {"esc10": 0.88, "fsdd": 0.62, "mmau": 0.44}, 1.3, 27.9, 8.7),
    Model("tiny-heads", "th1-93bb51ff", {"esc10": 0.79, "fsdd": 0.83, "mmau": 0.52}, 0.8, 17.2, 21.5),
    Model("deaf-choir", "deaf-00000000", {"esc10": 0.11, "fsdd": 0.12, "mmau": 0.41}, 1.8, 610.0, 412.0, True),
)


def simulated(benchmark, model, n, rng):
    """Truth, answer, confidence and source of each item; some sorts are taken for one another."""
    k = len(CLASSES[benchmark])
    truth = np.arange(n) % k
    hard = np.linspace(0.12, -0.16, k)[truth]
    right = rng.random(n) < model.skill[benchmark] + (0 if model.deaf else hard)
    near = (truth + rng.choice([1, 2, k - 1], n, p=[0.6, 0.2, 0.2])) % k
    answer = np.where(right, truth, near)
    if model.deaf:
        answer = np.where(rng.random(n) < 0.8, 2, answer)
    confidence = np.clip(rng.beta(5, 2, n) * model.sureness * np.where(answer == truth, 1.05, 0.8), 0.02, 0.99)
    return truth, answer, confidence, [f"source-{i // 2}" for i in range(n)]


def curve(truth, scores):
    order = np.argsort(-scores)
    hits = np.cumsum(truth[order])
    recall, precision = hits / max(1, truth.sum()), hits / np.arange(1, len(truth) + 1)
    steps = np.flatnonzero(np.diff(np.concatenate([[0], hits])))
    return [[round(float(recall[i]), 4), round(float(precision[i]), 4)] for i in steps]


def run_of(benchmark, model, *, n=200, seed=0):
    """The document of a run, and its headline score."""
    rng = np.random.default_rng([seed, len(model.name), n, len(benchmark)])
    classes = CLASSES[benchmark]
    title, kind, synthetic = TITLES[benchmark]
    truth, answer, confidence, sources = simulated(benchmark, model, n, rng)
    status = np.full(n, "ok", dtype=object)
    if kind == "answering":
        for name, share in (("unparsed", 0.06), ("refused", 0.02)):
            status[rng.random(n) < share * (2 if model.deaf else 1)] = name
    right = (truth == answer) & (status == "ok")
    ids = [f"{benchmark}-{i:04d}" for i in range(n)]
    how = How(
        title, f"{benchmark}, {n} items", "5b1e77c0a9d2", "accuracy", {"prompt": "the sound of {}", "classes": classes, "rate": 16000}
    )
    chance = {"chance": 1 / len(classes)}
    score = measured("accuracy", Mean.of(right, ids, sources), how, model, baselines=chance, rounds=200)
    top = measured("accuracy at 3", Mean.of(right | (rng.random(n) < 0.6), ids, sources), how, model, rounds=200)
    controls, best = {}, None
    for name, share in (("silence", 0.0), ("noise", 0.02), ("other", 0.03), ("none", 0.0)):
        blind = rng.random(n) < (score.value if model.deaf else 1 / len(classes) + share)
        controls[name] = measured("accuracy", Mean.of(blind, ids, sources), how, model, rounds=200)
        best = name if best is None or controls[name].value > controls[best].value else best
    gain = difference(score, controls[best])
    matrix = np.zeros((len(classes), len(classes) + 1), int)
    np.add.at(matrix, (truth, np.where(status == "ok", answer, len(classes))), 1)

    def on(kept):
        """The score on some of the items."""
        return measured("accuracy", Mean.of(right[kept], np.array(ids)[kept], np.array(sources)[kept]), how, model, rounds=200)

    per_class = [
        {"class": name, "n": (s := on(truth == c)).n, "value": s.value, "low": s.low, "high": s.high} for c, name in enumerate(classes)
    ]
    bins = []
    for low in np.arange(0, 1, 0.1):
        inside = (confidence >= low) & (confidence < low + 0.1)
        mean = {"confidence": float(confidence[inside].mean()), "accuracy": float(right[inside].mean())} if inside.any() else {}
        bins.append({"low": round(low, 1), "high": round(low + 0.1, 1), "n": int(inside.sum()), **mean})
    shortest = sorted(SOUNDS.rglob("*.ogg"), key=lambda path: (path.stat().st_size, path.name))[:5]
    files = [str(path.relative_to(SOUNDS)) for path in shortest]
    clean = np.ones(n, bool)
    clean[::40] = benchmark != "esc10"
    parts = {"all": np.ones(n, bool), "clean": clean, "flagged": ~clean}
    leak = {name: on(kept).document() for name, kept in parts.items() if kept.any()}
    counts = {name: int((status == name).sum()) for name in ("ok", "unparsed", "refused", "skipped", "truncated", "failed")}
    ranked = {name: np.where(answer == c, confidence, rng.random(n) * 0.4) for c, name in enumerate(classes)}
    document = {
        "benchmark": benchmark, "title": title, "kind": kind, "model": model.name, "pipeline_id": model.pipeline_id,
        "protocol": how.document(), "protocol_hash": how.hash, "synthetic": synthetic,
        "scores": [score.document(), top.document()],
        "columns": {"n": n, **counts},
        "seconds": {"given": 5.0 * n, "heard": 5.0 * n if model.name != "tiny-heads" else 4.2 * n},
        "controls": {name: found.document() for name, found in controls.items()},
        "audio_gain": {"value": gain.value, "low": gain.low, "high": gain.high, "best_control": best},
        "alarms": ["deaf: it answers as well without the sound; the score says nothing of hearing"] if model.deaf else [],
        "lint": [{"level": "warning", "rule": "longest-option", "message": "the longest option is right in 41 % of the questions"}]
        if kind == "answering" else [],
        "leakage": {**leak, "ids": {ids[i]: ["same sound by fingerprint"] for i in np.flatnonzero(~clean)},
                    "levels": {"ids": 0, "captions": 0, "sound": int((~clean).sum())}} if benchmark == "esc10" else None,
        "cost": {"seconds_per_audio_hour": model.seconds, "peak_memory_bytes": model.megabytes * 4e6, "model_bytes": model.megabytes * 1e6,
                 "cached_items": 0},
        "details": {
            "classes": classes, "confusion": matrix.tolist(), "reliability": bins,
            "per_class": per_class,
            "precision_recall": {name: curve(truth == c, ranked[name]) for c, name in enumerate(classes)},
        },
        "folder": str(SOUNDS),
        "items": [{"id": ids[i], "audio": files[i % len(files)] if i % 17 else f"gone/{ids[i]}.wav", "truth": classes[truth[i]],
                   "answer": classes[answer[i]] if status[i] == "ok" else None, "status": status[i], "value": float(right[i]),
                   "confidence": round(float(confidence[i]), 3)} for i in range(n)],
    }  # fmt: skip
    return document, score


def audit_of(model, seed=0):
    rng = np.random.default_rng([seed, len(model.name)])
    how = How("invariance", "60 clips that ship, rendered again", "77aa01c2f3d4", "agreement", {"seed": 0})
    skill = model.skill["esc10"]
    values = rng.random(60) < skill
    ids = [f"clip-{i}" for i in range(60)]
    score = measured("agreement at 0 dB", Mean.of(values, ids, ids), how, model, rounds=200)
    few = measured("stereo", Mean.of(values[:8], ids[:8], ids[:8]), how, model, rounds=200)
    ratios = [-10, -5, 0, 5, 10, 20, 30]
    y = [round(skill / (1 + np.exp(-(r - 2) / 6)), 3) for r in ratios]
    curves = [
        {"name": "noise", "x_label": "signal over noise, dB", "y_label": "agreement", "x": ratios, "y": y,
         "low": [max(0, v - 0.06) for v in y], "high": [min(1, v + 0.06) for v in y]},
        {"name": "codec", "x_label": "codec", "y_label": "agreement", "x": ["opus 64k", "opus 16k", "mp3 128k", "mp3 32k"],
         "y": [skill, skill - 0.04, skill, skill - 0.05], "low": [skill - 0.03] * 4, "high": [min(1, skill + 0.03)] * 4},
    ]  # fmt: skip
    return {
        "probe": "invariance", "title": "Invariance: what must not change the answer", "model": model.name,
        "pipeline_id": model.pipeline_id, "synthetic": True, "scores": [score.document(), few.document()], "curves": curves,
        "notes": ["60 clips that ship with auricle; noise is white"], "protocol_hash": how.hash,
    }  # fmt: skip


def document(benchmarks=tuple(CLASSES), models=MODELS, *, n=200):
    runs, compared = [], []
    for benchmark in benchmarks:
        scores = []
        for model in models:
            found, score = run_of(benchmark, model, n=n)
            runs.append(found)
            scores.append(score)
        compared += [difference_document(scores[0], other, difference(scores[0], other)) for other in scores[1:]]
    return {
        "kind": "auricle results", "version": 1, "auricle": "0.1.0", "made": "2026-11-25T15:00:00",
        "command": f"auricle evaluate {' '.join(m.name for m in models)} --on {' --on '.join(benchmarks)} --write results.json",
        "runs": runs, "differences": compared, "audits": [audit_of(model) for model in models],
    }  # fmt: skip
