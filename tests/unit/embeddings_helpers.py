"""A real HTTP server with OpenAI's embeddings API, which fails as a test tells it to."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

from engine.judge.encoding.plain import Hashing


class EmbeddingsServer:
    """Embeds with the hashing encoder. `asked` holds the bodies, `headers` those of the last request.

    `statuses` are answered first, one a request; `refuses` says which texts are 400; `change` has the last word on an
    answer; while `hang` is clear, nothing is answered; `pieces` are sent instead of an answer.
    """

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.headers: dict[str, str] = {}
        self.statuses: list[int] = []
        self.refuses: Callable[[str], bool] = lambda _text: False
        self.change: Callable[[dict[str, Any]], object] = lambda answer: answer
        self.pieces: Callable[[], Iterator[bytes]] | None = None
        self.hang = Event()
        self.hang.set()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                outer.headers = {name.lower(): value for name, value in self.headers.items()}
                outer.asked.append(body)
                outer.hang.wait(20)
                if outer.pieces is not None:
                    self.trickle(outer.pieces())
                elif outer.statuses:
                    self.send(outer.statuses.pop(0), {"error": {"message": "not now\x1b[2J"}})
                elif any(map(outer.refuses, body["input"])):
                    self.send(400, {"error": {"message": "maximum context length exceeded"}})
                else:
                    self.send(200, outer.change(embeddings(body["input"])))

            def trickle(self, pieces: Iterator[bytes]) -> None:
                self.send_response(200)
                self.end_headers()
                self.close_connection = True
                for piece in pieces:
                    try:
                        self.wfile.write(piece)
                    except OSError:
                        return

            def send(self, status: int, value: object) -> None:
                raw = value if isinstance(value, bytes) else json.dumps(value).encode()
                self.send_response(status)
                self.send_header("location", "/elsewhere")
                self.send_header("content-length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, format: str, *args: Any) -> None:
                return

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}/v1"


def embeddings(texts: list[str]) -> dict[str, Any]:
    """The answer to these texts, the last first: only the index says what belongs to what."""
    rows = Hashing().encode(texts).tolist()
    data = [{"object": "embedding", "index": index, "embedding": row} for index, row in enumerate(rows)]
    return {"object": "list", "model": "tiny", "data": data[::-1], "usage": {"prompt_tokens": 1}}


@contextmanager
def embeddings_server() -> Iterator[EmbeddingsServer]:
    server = EmbeddingsServer()
    thread = Thread(target=server.http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.hang.set()
        server.http.shutdown()
        server.http.server_close()
        thread.join()
