"""A real server on loopback for tests: uvicorn in a thread, the demo sounds indexed once, a client without browser headers."""

from __future__ import annotations

import contextlib
import shutil
import threading
import time
from dataclasses import dataclass

import httpx
import uvicorn

import auricle
from auricle.demo import SOUNDS
from auricle.service.app import Service, create_app
from auricle.service.config import ServiceConfig
from auricle.service.running import listen

TOKEN = "launch-token-of-this-test"


@dataclass
class Server:
    url: str
    service: Service
    client: httpx.Client

    def ids(self, **params):
        rows = self.client.get("/api/v1/recordings", params={"limit": 500, **params}).json()["data"]
        return {row["name"]: row["id"] for row in rows}

    def job(self, answer, timeout=60.0):
        """Wait for the job that an answer began; gives its last state."""
        assert answer.status_code == 202, answer.text
        until = time.monotonic() + timeout
        while True:
            job = self.client.get(answer.headers["location"]).json()
            if job["state"] not in ("queued", "running"):
                return job
            assert time.monotonic() < until, job
            time.sleep(0.05)


def index_demo(folder):
    with auricle.Library(folder) as library:
        library.index([SOUNDS])
    return folder


@contextlib.contextmanager
def serving(libraries, **options):
    config = ServiceConfig(port=0, libraries=libraries, token=TOKEN, **options)
    sockets = listen(config)
    service = create_app(config)
    server = uvicorn.Server(uvicorn.Config(service, log_level="error", lifespan="on", timeout_graceful_shutdown=2))
    thread = threading.Thread(target=server.run, kwargs={"sockets": sockets})
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            time.sleep(0.01)
        url = f"http://127.0.0.1:{config.port}"
        with httpx.Client(base_url=url, timeout=60.0) as client:
            yield Server(url, service, client)
    finally:
        service.closing()
        server.should_exit = True
        thread.join(timeout=30)


def copied(source, target):
    shutil.copytree(source, target)
    return target
