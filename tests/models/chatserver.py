"""A server of the OpenAI chat kind on this machine, and the ways in which such servers fail."""

from __future__ import annotations

import http.server
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

WORDS = ("A dog", " barks", " twice", ".")


@dataclass
class Chat:
    """``script``: how the next requests are answered, the last for ever: a name below, or (status, headers, document)."""

    script: list[Any] = field(default_factory=lambda: ["well"])
    words: tuple[str, ...] = WORDS
    end: str = "stop"
    logprobs: Any = None
    bodies: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    address: str = ""
    over: threading.Event = field(default_factory=threading.Event)

    def name(self, model: str = "ears/one") -> str:
        return f"openai:{self.address}/v1#{model}"


def chunk(text: str | None, end: str | None = None) -> bytes:
    delta = {"role": "assistant"} if text is None else {"content": text}
    return b"data: " + json.dumps({"choices": [{"index": 0, "delta": delta, "finish_reason": end}]}).encode() + b"\n\n"


@contextmanager
def chatting(chat: Chat) -> Iterator[Chat]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(chat))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    chat.address = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield chat
    finally:
        chat.over.set()
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(chat: Chat) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None: ...

        def do_POST(self) -> None:
            chat.paths.append(self.path)
            chat.headers.append(dict(self.headers))
            chat.bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            step = chat.script.pop(0) if len(chat.script) > 1 else chat.script[0]
            self.close_connection = True
            try:
                if isinstance(step, tuple):
                    self.plain(*step)
                else:
                    getattr(self, step)()
            except OSError:
                pass  # who asked has hung up

        def plain(self, status: int, headers: dict[str, str], document: Any) -> None:
            data = document if isinstance(document, bytes) else json.dumps(document).encode()
            self.send_response(status)
            for key, value in {"Content-Type": "application/json", **headers, "Content-Length": str(len(data))}.items():
                self.send_header(key, value)
            self.end_headers()
            self.wfile.write(data)

        def stream(self, *parts: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream; charset=utf-8")
            self.end_headers()
            for part in parts:
                self.wfile.write(part)
                self.wfile.flush()

        def well(self) -> None:
            if not chat.bodies[-1].get("stream"):
                choice = {"message": {"content": "".join(chat.words)}, "finish_reason": chat.end, "logprobs": chat.logprobs}
                return self.plain(200, {}, {"choices": [choice]})
            usage = b'data: {"choices": [], "usage": {}}\n\n'
            words = [chunk(word) for word in chat.words]
            return self.stream(b": hello\n\n", chunk(None), *words, chunk("", chat.end), usage, b"data: [DONE]\n\n")

        def whole(self) -> None:
            """An answer at once where pieces were asked for."""
            self.plain(200, {}, {"choices": [{"message": {"content": "".join(chat.words)}, "finish_reason": "stop"}]})

        def cut(self) -> None:
            self.stream(chunk(None), chunk(chat.words[0]))

        def cut_before(self) -> None:
            self.stream(chunk(None))

        def hang_up(self) -> None:
            self.connection.close()

        def silent(self) -> None:
            chat.over.wait(5)

        def falls_silent(self) -> None:
            self.stream(chunk(chat.words[0]))
            chat.over.wait(5)

        def only_comments(self) -> None:
            self.stream()
            while not chat.over.wait(0.05):
                self.wfile.write(b": still here\n\n")

        def drips(self) -> None:
            while not chat.over.wait(0.1):
                self.wfile.write(b"H")

        def nonsense(self) -> None:
            self.stream(b"data: {not json\n\n")

        def page(self) -> None:
            self.plain(200, {"Content-Type": "text/html"}, b"<html>a page</html>")

        def gives_up(self) -> None:
            self.stream(chunk(chat.words[0]), b'data: {"error": {"message": "out of\\u001b[31m memory"}}\n\n')

        def huge(self) -> None:
            self.stream()
            part = chunk("word " * 2000)
            while not chat.over.is_set():
                self.wfile.write(part)

        def huge_line(self) -> None:
            self.stream(b"data: ")
            while not chat.over.is_set():
                self.wfile.write(b"x" * 65536)

        def slowly(self) -> None:
            self.stream(chunk(None))
            for word in chat.words:
                time.sleep(0.05)
                self.wfile.write(chunk(word))
            self.wfile.write(chunk("", "stop"))

    return Handler
