"""A real HTTP server with OpenAI's chat completions API, which fails as a test tells it to."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

from miner_server.backends.interface import PROOF


def chat(content: str | None = "Hi.", **message: Any) -> dict[str, Any]:
    return {
        "choices": [{"message": {"role": "assistant", "content": content, **message}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5, "details": {}},
    }


class ModelServer:
    """Answers what the test sets; `asked` holds the bodies and `keys` the Authorization headers.

    `statuses` are answered first, one a completion, each with `retry_after`. `models` is the list, or what stands in
    its place. While `hang` is clear, nothing is answered. The question that a backend proves itself with is answered,
    and is not among the others, unless a test says that it does not prove.
    """

    def __init__(self) -> None:
        self.models: Any = [{"id": "tiny"}]
        self.reply: Any = chat()
        self.proves = True
        self.status = 200
        self.statuses: list[int] = []
        self.retry_after = ""
        self.models_status = 200
        self.hang = Event()
        self.hang.set()
        self.asked: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.hung_up = Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                models = outer.models
                whole = models if isinstance(models, bytes | dict) else {"object": "list", "data": models}
                self.send(outer.models_status, whole)

            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
                if outer.proves and asked["messages"][-1]["content"] == PROOF.prompt:
                    self.send(200, chat("Yes."))
                    return
                outer.asked.append(asked)
                outer.keys.append(self.headers["authorization"])
                if not outer.hang.wait(0.5):
                    self.connection.settimeout(10)
                    if not self.rfile.read(1):
                        outer.hung_up.set()
                    return
                if outer.statuses and (status := outer.statuses.pop(0)) != 200:
                    if status:  # 0: the connection is closed without a word
                        self.send(status, {"error": "not now"})
                    return
                self.send(outer.status, outer.reply)

            def send(self, status: int, value: Any) -> None:
                body = value if isinstance(value, bytes) else json.dumps(value).encode()
                self.send_response(status)
                if outer.retry_after:
                    self.send_header("retry-after", outer.retry_after)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                return

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}/v1"


@contextmanager
def model_server() -> Iterator[ModelServer]:
    server = ModelServer()
    thread = Thread(target=server.http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.hang.set()
        server.http.shutdown()
        server.http.server_close()
        thread.join()
