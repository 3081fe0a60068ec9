"""A web server on this machine that misbehaves as the path of a URL says."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BODY = b"RIFF" + bytes(range(256)) * 40


class Handler(BaseHTTPRequestHandler):
    """Paths say what is answered."""

    protocol_version = "HTTP/1.1"
    seen: list

    def do_GET(self):
        self.server.seen.append((self.path, dict(self.headers)))
        self.close_connection = True
        kind, _, rest = self.path.lstrip("/").partition("/")
        getattr(self, f"on_{kind}", self.on_ok)(rest)

    def head(self, status=200, **headers):
        self.send_response(status)
        for name, value in {"content-type": "Audio/WAV; x=y", **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def on_ok(self, _):
        self.head(content_length=str(len(BODY)))
        self.wfile.write(BODY)

    def on_status(self, rest):
        self.head(int(rest), content_length="0")

    def on_to(self, rest):
        self.head(302, location=rest, content_length="0")

    def on_again(self, rest):
        n = int(rest)
        self.head(307, location=f"/again/{n - 1}" if n > 1 else "/ok", content_length="0")

    def on_nowhere(self, _):
        self.head(302, content_length="0")

    def on_promise(self, rest):
        self.head(content_length=rest)
        self.wfile.write(BODY)

    def on_endless(self, _):
        self.head()
        while True:
            self.wfile.write(b"x" * 65536)

    def on_chunked(self, rest):
        self.head(transfer_encoding="chunked")
        self.wfile.write(b"5\r\nhello\r\n")
        if rest != "cut":
            self.wfile.write(b"0\r\n\r\n")

    def on_packed(self, _):
        self.head(content_encoding="gzip", content_length="3")
        self.wfile.write(b"abc")

    def on_drip(self, _):
        self.head(content_length="1000")
        for _ in range(1000):
            self.wfile.write(b"x")
            self.wfile.flush()
            time.sleep(0.05)

    def on_headers(self, _):
        self.wfile.write(b"HTTP/1.1 200 OK\r\n")
        for n in range(1000):
            self.wfile.write(f"x-{n}: ".encode())
            self.wfile.flush()
            time.sleep(0.05)

    def on_continue(self, _):
        while True:
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            time.sleep(0.01)

    def on_garbage(self, _):
        self.wfile.write(b"\x00\xff" * 1000)

    def log_message(self, *_):
        pass


class Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        pass  # clients that leave are what is tested


@contextmanager
def serving(context=None):
    server = Quiet(("127.0.0.1", 0), Handler)
    server.seen = []
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
