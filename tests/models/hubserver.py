"""A model hub on this machine: the API routes, HEAD with digests, GET with ranges, and ways to misbehave."""

from __future__ import annotations

import hashlib
import http.server
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Hub:
    """files: name → content. ``requests``: method, path, Range of every request, in order."""

    repo: str = "org/clap"
    files: dict[str, bytes] = field(default_factory=dict)
    listed: list[dict[str, Any]] | None = None  # instead of what `files` gives
    digests_listed: bool = True
    status: int = 200
    cut_after: int | None = None  # close the connection after so many bytes, once a file
    card: dict[str, str] = field(default_factory=lambda: {"license": "apache-2.0"})
    pause: float = 0.0  # seconds between parts of 64 KiB
    corrupt: set[str] = field(default_factory=set)
    ignore_range: bool = False
    requests: list[tuple[str, str, str | None]] = field(default_factory=list)
    cut: set[str] = field(default_factory=set)
    endpoint: str = ""

    def siblings(self) -> list[dict[str, Any]]:
        if self.listed is not None:
            return self.listed
        return [self._sibling(name, data) for name, data in self.files.items()]

    def _sibling(self, name: str, data: bytes) -> dict[str, Any]:
        if not self.digests_listed:
            return {"rfilename": name}
        item: dict[str, Any] = {"rfilename": name, "size": len(data), "blobId": git_sha1(data)}
        if is_large(name):
            item["lfs"] = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 135}
        return item

    def ranges(self, name: str) -> list[str | None]:
        """The Range of every GET of a file."""
        return [given for method, path, given in self.requests if method == "GET" and path.endswith(f"/{name}")]


def is_large(name: str) -> bool:
    return name.endswith((".onnx", ".onnx_data", ".safetensors"))


def git_sha1(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


@contextmanager
def serving(hub: Hub) -> Iterator[Hub]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(hub))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    hub.endpoint = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(hub: Hub) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None: ...

        def do_HEAD(self) -> None:
            self.answer(body=False)

        def do_GET(self) -> None:
            self.answer(body=True)

        def answer(self, body: bool) -> None:
            path = unquote(urlsplit(self.path).path)
            hub.requests.append((self.command, path, self.headers.get("Range")))
            if hub.status != 200:
                return self.plain(hub.status, b"{}")
            if path.startswith(f"/api/models/{hub.repo}/revision/"):
                document = {"sha": COMMIT, "siblings": hub.siblings(), "cardData": hub.card}
                return self.plain(200, json.dumps(document).encode())
            name = path.removeprefix(f"/{hub.repo}/resolve/{COMMIT}/")
            if name == path or name not in hub.files:
                return self.plain(404, b"{}")
            return self.file(name, hub.files[name], body)

        def plain(self, status: int, data: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

        def file(self, name: str, data: bytes, body: bool) -> None:
            etag = hashlib.sha256(data).hexdigest() if is_large(name) else git_sha1(data)
            given = None if hub.ignore_range else self.headers.get("Range")
            first = int(given.removeprefix("bytes=").rstrip("-")) if given else 0
            self.send_response(206 if given else 200)
            self.send_header("ETag", f'"{etag}"')
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("X-Linked-Etag", f'"{etag}"')
            self.send_header("Content-Length", str(len(data) - first))
            if given:
                self.send_header("Content-Range", f"bytes {first}-{len(data) - 1}/{len(data)}")
            self.end_headers()
            if body:
                self.parts(name, bytes(len(data)) if name in hub.corrupt else data, first)

        def parts(self, name: str, data: bytes, first: int) -> None:
            stop = len(data)
            if hub.cut_after is not None and is_large(name) and name not in hub.cut and stop > hub.cut_after:
                hub.cut.add(name)
                stop = hub.cut_after
            try:
                for at in range(first, stop, 1 << 16):
                    self.wfile.write(data[at : min(at + (1 << 16), stop)])
                    time.sleep(hub.pause)
            except OSError:
                pass
            self.close_connection = True

    return Handler
