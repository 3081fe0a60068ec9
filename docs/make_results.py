"""Write the tables of what was measured into the README, from the files that `make results` leaves.

    make results                                             # measures, then runs this
    python docs/make_results.py build/results/results.json [build/results/audit.json] [--check]

The lines between the two marks of README.md are this command's: nothing in them is written by hand.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from auricle.evaluation import documents
from auricle.evaluation.report.numbers import between, plain, signed

ROOT = Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- results: written by docs/make_results.py -->", "<!-- end of results -->"
HEADLINES = {  # of probes with many scores, those that the README shows
    "hallucination": 3, "invariance": 4, "counterfactuals": 3, "negation": 3, "overlap": 2, "needle": 2, "calibration": 3, "injection": 2,
}  # fmt: skip


def cell(score: dict[str, Any]) -> str:
    return f"{plain(score['value'])} ({between(score['low'], score['high'])})"


def measured(document: dict[str, Any]) -> list[str]:
    runs = document["runs"]
    models = list(dict.fromkeys(run["model"] for run in runs))
    lines = [
        "| benchmark | metric | n, sources | chance | " + " | ".join(f"`{m}`" for m in models) + " | by hearing, last model |"
    ]
    lines.append("| --- " * (5 + len(models)) + "|")
    for benchmark in dict.fromkeys(run["benchmark"] for run in runs):
        own = {run["model"]: run for run in runs if run["benchmark"] == benchmark}
        first = next(iter(own.values()))
        for place, score in enumerate(first["scores"]):
            if "hit@" in score["metric"] if benchmark == "search" else place:
                continue
            found = [next((s for s in own[m]["scores"] if s["metric"] == score["metric"]), None) if m in own else None for m in models]
            last = next((own[m] for m in reversed(models) if m in own), {})  # of the models, the last that was measured on it
            gain = last.get("audio_gain") if not place else None
            heard = f"+{cell(gain)}" if gain else "–"
            title = first["title"] + (", synthetic" if first["synthetic"] else "")
            chance = plain(score["baselines"].get("chance"))
            cells = " | ".join(cell(s) if s else "–" for s in found)
            metric = score["metric"].removeprefix(f"{benchmark} ")
            lines.append(f"| {title} | {metric} | {score['n']}, {score['sources']} | {chance} | {cells} | {heard} |")
    lines.append("")
    kept = [d for d in document["differences"] if models[-1] in (d["a"], d["b"]) and not any(d[x].startswith("random") for x in "ab")]
    told = []
    for d in kept:
        if d["metric"] != next(r["scores"][0]["metric"] for r in runs if r["benchmark"] == d.get("benchmark", r["benchmark"])):
            continue
        sign = 1 if d["a"] == models[-1] else -1
        low, high = sorted((sign * d["low"], sign * d["high"]))
        other = d["b"] if sign == 1 else d["a"]
        told.append(f"{d.get('benchmark', d['metric'])} {signed(sign * d['difference'])} ({between(low, high, signed)}) over `{other}`")
    lines.append(f"`{models[-1]}`, paired: " + "; ".join(told) + ".")
    return lines


def audited(document: dict[str, Any]) -> list[str]:
    audits = document["audits"]
    models = list(dict.fromkeys(audit["model"] for audit in audits))
    lines = ["| probe | score | beside it | " + " | ".join(f"`{m}`" for m in models) + " |", "| --- " * (3 + len(models)) + "|"]
    for probe in dict.fromkeys(audit["probe"] for audit in audits):
        own = {audit["model"]: audit for audit in audits if audit["probe"] == probe}
        first = next(iter(own.values()))
        for score in first["scores"][: HEADLINES.get(probe, 1)]:
            found = [next((s for s in own[m]["scores"] if s["metric"] == score["metric"]), None) if m in own else None for m in models]
            beside = ", ".join(f"{name} {plain(value)}" for name, value in score["baselines"].items()) or "–"
            cells = " | ".join(cell(s) if s else "–" for s in found)
            lines.append(f"| {probe}{', synthetic' if first['synthetic'] else ''} | {score['metric']} | {beside} | {cells} |")
    return lines


def section(files: list[Path]) -> str:
    read = [documents.read(file) for file in files]
    runs = [run for document in read for run in document["runs"]]
    order = sorted({run["model"] for run in runs}, key=lambda name: (not name.startswith("random"), name))
    runs.sort(key=lambda run: order.index(run["model"]))
    whole = {"runs": runs, "differences": [d for document in read for d in document["differences"]]}
    audits = {"audits": [audit for document in read for audit in document["audits"]]}
    lines = ["", *measured(whole)] if runs else []
    lines += ["", *audited(audits)] if audits["audits"] else []
    told = "; ".join(f"`{document['command']}`" for document in read)
    return "\n".join([BEGIN, *lines, "", f"{told}, {read[0]['made']}.", "", END])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--check", action="store_true", help="change nothing; 1 where the README says something else")
    arguments = parser.parse_args()
    readme = ROOT / "README.md"
    text = readme.read_text("utf-8")
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    new = before + section(arguments.files) + after
    if arguments.check:
        return int(new != text)
    readme.write_text(new, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
