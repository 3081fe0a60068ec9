"""The page of the field and its pictures as files, in a real Chromium; needs Node, Chromium and web/node_modules, as tests/page does."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from auricle import landscape
from auricle.landscape import pictures
from auricle.landscape.contamination import contamination
from auricle.landscape.page import content, page

WEB = Path(__file__).parents[2] / "web"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def test_flows(tmp_path):
    if not (CHROMIUM and shutil.which("node") and (WEB / "node_modules" / "playwright-core").is_dir()):
        if os.environ.get("AURICLE_REQUIRE_PAGE") == "1":
            pytest.fail("Node, Chromium or web/node_modules is missing")
        pytest.skip("Node, Chromium or web/node_modules is missing")
    field = landscape.load()
    made = tmp_path / "landscape.html"
    made.write_text(page(field), "utf-8")
    drawn = {}
    for kind, subject in [("timeline", ""), ("map", ""), ("overlap", ""), ("lineage", "audioset"), ("lineage", "laion-clap")]:
        path = tmp_path / f"{kind}{subject}.svg"
        path.write_text(pictures.draw(field, kind, subject).svg(), "utf-8")
        drawn[f"{kind} {subject}".strip()] = path.as_uri()
    model, benchmark = "laion-clap", "esc50"
    verdict = contamination(model, benchmark, field=field).verdict
    told = {
        "web": str(WEB), "chromium": CHROMIUM, "page": made.as_uri(), "pictures": drawn, "records": len(field.records),
        "sets": len(field.of("set")), "model": model, "benchmark": benchmark, "verdict": content(field)["words"][verdict],
    }  # fmt: skip
    ran = subprocess.run(
        ["node", "--test", "--test-reporter=spec", str(Path(__file__).with_name("flows.mjs"))], timeout=120, check=False, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env={**os.environ, "AURICLE_E2E": json.dumps(told)},
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout.partition("failing tests:")[0]
