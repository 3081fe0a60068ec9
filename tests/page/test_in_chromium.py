"""The page in a real Chromium, on real libraries served by the real command: one test for each file of flows in web/e2e.

Node, Chromium and web/node_modules (``npm ci``) are needed; where one is missing these are skipped, or fail if AURICLE_REQUIRE_PAGE is 1.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from auricle.demo import SOUNDS
from page import stocked

WEB = Path(__file__).parents[2] / "web"
# In this order: the ten hours are heard in the background meanwhile.
FLOWS = ["search", "listen", "recording", "events", "saying", "library", "map", "teach", "landscape", "report", "looks", "many", "night"]
SECONDS = 170  # for one file; on two quiet cores each takes 10 to 25

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
MISSING = [
    what
    for what, there in (
        ("Node", shutil.which("node")),
        ("Chromium", CHROMIUM),
        ("web/node_modules (npm ci in web/)", (WEB / "node_modules" / "playwright-core").is_dir()),
    )
    if not there
]


@pytest.fixture(scope="module", autouse=True)
def _needs():
    if MISSING:
        message = f"the page is not tested in a browser: {' and '.join(MISSING)} missing"
        if os.environ.get("AURICLE_REQUIRE_PAGE") == "1":
            pytest.fail(message)
        pytest.skip(message)


@pytest.fixture(scope="module")
def stock(tmp_path_factory):
    """Libraries and folders, made once; the ten hours go on being heard in a process of their own."""
    root = tmp_path_factory.mktemp("page")
    home = root / "home"
    model = stocked.coarse(home / "models")
    environment = {**os.environ, "AURICLE_HOME": str(home)}
    made = f"import sys; sys.path.insert(0, {str(Path(__file__).parents[1])!r}); from page import stocked; from pathlib import Path; "
    night = subprocess.Popen([sys.executable, "-c", f"{made}stocked.night(Path({str(root)!r}), {model!r})"], env=environment)
    demo = stocked.demo(root)
    stocked.many(root, demo)
    stocked.scene(root)
    stocked.reports(root, home)
    opened = root / "bin" / "xdg-open"  # writes down what it was asked to show
    opened.parent.mkdir()
    opened.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >> "{root}/revealed"\n')
    opened.chmod(0o755)
    environment["PATH"] = f"{opened.parent}{os.pathsep}{environment['PATH']}"
    told = {
        "chromium": CHROMIUM, "sounds": str(SOUNDS), "folder": str(root), "incoming": str(stocked.incoming(root)),
        "revealed": str(root / "revealed"), "model": model, "many": stocked.MANY, "bark": stocked.BARK,
    }  # fmt: skip
    yield root, told, environment, night
    if night.poll() is None:
        night.kill()
    night.wait()


@pytest.fixture(scope="module")
def served(stock):
    """The server of the page: ``auricle serve`` as a person starts it. Gives what the flows are told."""
    root, told, environment, _ = stock
    libraries = [f"--library={name}={root / name}.library" for name in ("demo", "many", "night", "scene", "fresh")]
    command = [sys.executable, "-m", "auricle.cli.main", "serve", "--port", "0", *libraries]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        before = []
        url = None
        for line in server.stderr:
            if found := re.search(r"http://\S+/\?token=\S+", line):
                url = found[0]
                break
            before.append(line)
        assert url, "the server did not start:\n" + "".join(before)
        rest = threading.Thread(target=lambda: before.extend(server.stderr), daemon=True)
        rest.start()
        try:
            yield {**told, "url": url}
        finally:
            server.terminate()
            server.wait(timeout=30)
            rest.join(timeout=5)
    assert not any("Traceback" in line for line in before), "".join(before)


@pytest.mark.parametrize("flow", FLOWS)
def test_flow(flow, served, stock):
    if flow == "night":
        assert stock[3].wait(timeout=SECONDS) == 0, "the ten hours could not be heard"
    ran = subprocess.run(
        ["node", "--test", "--test-reporter=spec", f"e2e/{flow}.test.mjs"], cwd=WEB, timeout=SECONDS, check=False, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env={**os.environ, "AURICLE_E2E": json.dumps(served)},
    )  # fmt: skip
    for line in re.findall(r"figure: (.*)", ran.stdout):
        print(line)
    assert ran.returncode == 0, ran.stdout.partition("failing tests:")[0]


def test_every_flow_is_run():
    assert sorted(FLOWS) == sorted(path.name.removesuffix(".test.mjs") for path in (WEB / "e2e").glob("*.test.mjs"))
