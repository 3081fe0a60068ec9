"""What there is: hours and items by kind, families and items of each label on each side, licences, packages, sizes."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from auricle.data import Item

SPLITS = ("train", "dev")


def tally(items: Sequence[Item], pinned: Mapping[str, Any], left_out: Mapping[str, Any], seconds: float, out: Path) -> dict[str, Any]:
    kinds: dict[str, dict[str, Any]] = {}
    labels: dict[str, dict[str, Any]] = {}
    seen: dict[tuple[str, str], set[str]] = defaultdict(set)
    licences: Counter[str] = Counter()
    for item in items:
        kind = kinds.setdefault(kind_of(item), {f"{what} {split}": 0 for what in ("items", "hours") for split in SPLITS})
        kind[f"items {item.split}"] += 1
        kind[f"hours {item.split}"] += (item.duration or 0.0) / 3600
        licences[item.licence or "none stated"] += 1
        for label in item.labels:
            entry = labels.setdefault(label, {f"{what} {split}": 0 for what in ("items", "clips") for split in SPLITS})
            entry[f"items {item.split}"] += 1
            seen[label, item.split].add(item.clip)
    for (label, split), clips in seen.items():
        labels[label][f"clips {split}"] = len(clips)
    packages = sorted({item.source.partition("==")[0] for item in items if "==" in item.source})
    return {
        "items": len(items),
        "hours": sum(item.duration or 0.0 for item in items) / 3600,
        "splits": {s: {"items": sum(i.split == s for i in items), "clips": len({i.clip for i in items if i.split == s})} for s in SPLITS},
        "with labels": sum(bool(i.labels) for i in items),
        "with captions": sum(bool(i.captions) for i in items),
        "with transcripts": sum("said" in i.extra for i in items),
        "kinds": {k: {n: round(v, 2) for n, v in kinds[k].items()} for k in sorted(kinds)},
        "labels": {k: labels[k] for k in sorted(labels)},
        "labels_with_5": sum(entry["clips train"] >= 5 or entry["items train"] >= 5 for entry in labels.values()),
        "labels_with_5_families": sum(entry["clips train"] >= 5 for entry in labels.values()),
        "licences": dict(licences.most_common()),
        "non-commercial": sum("NC" in item.licence for item in items),
        "packages": packages,
        "downloads": sum(source["bytes"] for source in pinned.values()),
        "left out": {"like a test sound": len(left_out["sounds"]), "copies": left_out["copies"]},
        "seconds": round(seconds),
        "bytes": sum(p.stat().st_size for p in (out / "audio").rglob("*.flac")),
    }


def kind_of(item: Item) -> str:
    """What an item is and where it is from, as the tables name it."""
    kind = str(item.extra["kind"])
    if item.id.startswith(("music:", "speech:")):
        return f"rendered {'effects' if kind == 'sound' else kind}"
    return f"packages {kind}"


def table(counts: Mapping[str, Any]) -> str:
    """The table of kinds for the README."""
    rows = ["| set | items train | items dev | hours train | hours dev |", "| --- | --: | --: | --: | --: |"]
    for kind, n in counts["kinds"].items():
        rows.append(f"| {kind} | {n['items train']} | {n['items dev']} | {n['hours train']:.2f} | {n['hours dev']:.2f} |")
    return "\n".join(rows)
