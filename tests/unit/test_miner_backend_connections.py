"""The connections to a model server, against one that writes what a test says, byte for byte."""

import asyncio
import gzip
import socket
import ssl
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from miner_server.backends import kept_connections
from miner_server.backends.kept_connections import Connections
from miner_server.errors import BackendError, BackendUnavailable
from tests.unit.engine_helpers import until

OK = b"HTTP/1.1 200 OK\r\n"
WHOLE = OK + b"content-length: 2\r\n\r\nHi"
CHUNKED = OK + b"transfer-encoding: chunked\r\n\r\n"


class Server:
    """Answers the requests in turn with `replies`, each in the pieces that it is given in; the last of them for good.

    An empty piece ends the connection. `asked` holds the requests, and `connections` how many were made.
    """

    def __init__(self, *replies: list[bytes]) -> None:
        self.replies = [*replies]
        self.asked: list[bytes] = []
        self.connections = 0
        self.open = 0
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open += 1
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                while await self._answer(reader, writer):
                    pass
        finally:
            self.open -= 1
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        _, named, length = head.partition(b"content-length: ")
        self.asked.append(head + await reader.readexactly(int(length.split(b"\r\n")[0]) if named else 0))
        for piece in self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]:
            if not piece:
                return False
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
        return True


@asynccontextmanager
async def serving(
    *replies: list[bytes], tls: ssl.SSLContext | None = None
) -> AsyncIterator[tuple[Server, Connections]]:
    server = Server(*replies)
    async with await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=tls, limit=2**20) as listening:
        server.port = listening.sockets[0].getsockname()[1]
        client = Connections(f"{'https' if tls else 'http'}://localhost:{server.port}/v1", {"x-mark": "1"})
        try:
            yield server, client
        finally:
            client.close()


async def test_a_request_is_what_it_is_and_a_connection_is_used_again() -> None:
    async with serving([WHOLE]) as (server, client):
        for _ in range(3):
            assert await client.post("/chat", b"{}") == (200, {b"content-length": b"2"}, b"Hi")
        await client.get("/models")
        fields = (
            f"host: localhost:{server.port}\r\nuser-agent: subnet-console\r\naccept-encoding: identity\r\nx-mark: 1\r\n"
        )
        assert server.asked[2].decode() == (
            f"POST /v1/chat HTTP/1.1\r\n{fields}content-type: application/json\r\ncontent-length: 2\r\n\r\n{{}}"
        )
        assert server.asked[3].decode() == f"GET /v1/models HTTP/1.1\r\n{fields}\r\n"
        assert server.connections == 1


def _bytewise(reply: bytes) -> list[bytes]:
    return [reply[at : at + 1] for at in range(len(reply))]


@pytest.mark.parametrize(
    ("pieces", "body", "is_kept"),
    [
        (_bytewise(WHOLE), b"Hi", True),
        (_bytewise(CHUNKED + b"1\r\nH\r\n1;x=y\r\ni\r\n0\r\nlast: 1\r\n\r\n"), b"Hi", True),
        ([CHUNKED + b"2 \r\nHi\r\n0\r\n\r\n"], b"Hi", True),
        ([OK + b"\r\nHi", b""], b"Hi", False),
        ([b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nHi", b""], b"Hi", False),
        ([OK + b"connection: close\r\ncontent-length: 2\r\n\r\nHi"], b"Hi", False),
        ([b"HTTP/1.1 204 None\r\n\r\n"], b"", True),
        ([b"HTTP/1.1 200 OK\ncontent-length: 2\n\nHi"], b"Hi", True),
        ([b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Hints\r\nlink: x\r\n\r\n", WHOLE], b"Hi", True),
        ([WHOLE + b"garbage"], b"Hi", False),
        ([WHOLE + WHOLE], b"Hi", False),
    ],
    ids=["bytewise", "chunked", "space", "end", "1.0", "close", "204", "lf", "1xx", "garbage", "two"],
)
async def test_a_reply_is_read_however_it_comes(pieces: list[bytes], body: bytes, is_kept: bool) -> None:
    async with serving(pieces) as (server, client):
        for _ in range(2):
            assert (await client.post("/chat", b"{}")).body == body
        assert server.connections == (1 if is_kept else 2)


@pytest.mark.parametrize(
    ("pieces", "words"),
    [
        ([OK + b"content-length: 3\r\n\r\nHi", b""], "it broke off"),
        ([CHUNKED + b"2\r\nHi\r\n", b""], "it broke off"),
        ([OK[:9], b""], "it broke off"),
        ([CHUNKED + b"xyz\r\nHi\r\n0\r\n\r\n"], "Invalid character in chunk size"),
        ([b"SSH-2.0-OpenSSH_9.6\r\n"], "Expected HTTP/"),
        ([b""], "it closed the connection"),
        ([OK + b"x: " + b"y" * 80_000 + b"\r\n\r\n"], "its head is longer than 65536 bytes"),
        ([b"HTTP/1.1 103 Hints\r\n\r\n" * 4000], "its head is longer than 65536 bytes"),
        ([CHUNKED, *[b"1;" + b"x" * 4096 + b"\r\nH\r\n"] * 20], "its head is longer than 65536 bytes"),
        ([b"HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n", b""], ""),
    ],
    ids=["length", "chunks", "head", "size", "ssh", "nothing", "header", "endless", "extensions", "101"],
)
async def test_an_incomplete_reply_is_reported_and_its_connection_closed(pieces: list[bytes], words: str) -> None:
    async with serving(pieces) as (server, client):
        with pytest.raises(BackendUnavailable, match=f":{server.port}/v1 does not reply in HTTP: {words}"):
            await client.post("/chat", b"{}")
        await until(lambda: not server.open)
        assert server.connections == 1


async def test_a_head_of_64_kb_and_small_chunks_are_read() -> None:
    long = OK + b"x: " + b"y" * (64 * 1024 - 100) + b"\r\ncontent-length: 2\r\n\r\nHi"
    chunks = CHUNKED + b"1\r\nH\r\n" * 50_000 + b"0\r\n\r\n"
    async with serving([long], [chunks]) as (server, client):
        assert (await client.get("/models")).body == b"Hi"
        assert (await client.get("/models")).body == b"H" * 50_000
        assert server.connections == 1


def _deflated(body: bytes) -> bytes:
    return zlib.compress(body)


@pytest.mark.parametrize(
    ("coding", "packed", "said"),
    [
        (b"gzip", gzip.compress(b"Hi"), "Hi"),
        (b"X-GZIP", gzip.compress(b"Hi"), "Hi"),
        (b"deflate", _deflated(b"Hi"), "Hi"),
        (b"identity", b"Hi", "Hi"),
        (b"br", b"Hi", "unknown encoding br"),
        (b"gzip", b"Hi", "cannot be decompressed: "),
        (b"gzip", gzip.compress(b"Hi")[:-1], "cannot be decompressed: it broke off"),
        (b"gzip", gzip.compress(b" " * 10_001), "is larger than 10000 bytes"),
        (b"gzip", gzip.compress(b" " * 10_000), " " * 10_000),
        (b"identity", b" " * 10_001, "is larger than 10000 bytes"),
    ],
    ids=range(10),
)
async def test_a_reply_is_bounded_and_unpacked(
    coding: bytes, packed: bytes, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_connections, "MAX_REPLY_BYTES", 10_000)
    head = OK + b"content-encoding: %b\r\ncontent-length: %d\r\n\r\n" % (coding, len(packed))
    async with serving([head + packed]) as (_, client):
        try:
            body = (await client.get("/models")).body.decode()
        except BackendError as error:
            assert said in str(error) and error.again_in is None
        else:
            assert body == said


@pytest.mark.order
async def test_a_connection_that_the_server_gave_up_is_replaced_once() -> None:
    async with serving([WHOLE], [b""], [WHOLE], [b""], [b""]) as (server, client):
        await client.get("/models")
        assert (await client.post("/chat", b"{}")).body == b"Hi"  # on a second connection
        with pytest.raises(BackendUnavailable, match="it closed the connection"):
            await client.post("/chat", b"{}")
        assert (server.connections, len(server.asked)) == (3, 5)


@pytest.mark.order
async def test_a_connection_that_was_closed_while_it_rested_is_not_used() -> None:
    async with serving([WHOLE, b""]) as (server, client):
        for _ in range(3):
            assert (await client.post("/chat", b"{}")).body == b"Hi"
            await until(lambda: not server.open)
        assert (server.connections, len(server.asked)) == (3, 3)


async def test_what_comes_unasked_closes_a_connection() -> None:
    async with serving([WHOLE, b"x"], [WHOLE]) as (server, client):
        await client.get("/models")
        await until(lambda: not server.open)
        assert (await client.get("/models")).body == b"Hi"
        assert server.connections == 2


async def test_a_connection_rests_for_4_seconds_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(kept_connections, "time", SimpleNamespace(monotonic=lambda: now))
    async with serving([WHOLE]) as (server, client):
        for later in (0.0, 3.9, 3.9, 4.1):
            now += later
            await client.get("/models")
        await until(lambda: server.open == 1)
        assert server.connections == 2


async def test_the_connections_that_were_not_needed_are_closed_when_they_are_old(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 100.0
    monkeypatch.setattr(kept_connections, "time", SimpleNamespace(monotonic=lambda: now))
    async with serving([WHOLE]) as (server, client):
        await asyncio.gather(*(client.get("/models") for _ in range(5)))
        assert server.open == 5
        now += 3
        await client.get("/models")
        now += 3
        await client.get("/models")
        await until(lambda: server.open == 1)
        assert server.connections == 5


@pytest.mark.order
async def test_who_gives_up_closes_the_connection() -> None:
    async with serving([OK], [WHOLE]) as (server, client):
        asking = asyncio.create_task(client.post("/chat", b"{}"))
        await until(lambda: server.asked)
        asking.cancel()
        assert (await client.get("/models")).body == b"Hi"
        await until(lambda: server.open == 1)
        assert asking.cancelled() and server.connections == 2


async def test_a_reply_before_the_whole_request_went_out_ends_the_connection() -> None:
    async def hasty(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Large\r\ncontent-length: 0\r\n\r\n")
        gone.append(len(await reader.read(-1)))
        writer.close()

    gone: list[int] = []
    async with await asyncio.start_server(hasty, "127.0.0.1", 0, limit=1024) as listening:
        client = Connections(f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}", {})
        assert (await client.post("/chat", bytes(30_000_000))).status == 413
        await until(lambda: gone)
        assert gone[0] < 30_000_000


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        (lambda port: f"http://127.0.0.1:{port}", "Connection refused"),
        (lambda port: f"http://localhost:{port}", "Connection refused"),
        (lambda _: "http://no-such-host.invalid", "not known|resolution|No address|nodename"),
    ],
    ids=["address", "name", "unknown"],
)
async def test_a_server_that_is_not_there_is_told_in_the_systems_words(
    failure: Callable[[int], str], words: str
) -> None:
    async with serving([WHOLE]) as (server, _):
        port = server.port
    with pytest.raises(BackendUnavailable, match=f"cannot be reached: .*({words})") as caught:
        await Connections(failure(port), {}).get("/models")
    assert caught.value.again_in == 0.0
    assert "Errno" not in str(caught.value)


async def test_a_server_that_accepts_no_connection_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(*_: object, **__: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(kept_connections, "CONNECT_S", 0.05)
    monkeypatch.setattr(kept_connections, "start_connection", never)
    with pytest.raises(BackendUnavailable, match=r"cannot be reached: no connection within 0\.05 s"):
        await Connections("http://127.0.0.1:9/v1", {}).get("/models")


async def test_an_address_that_does_not_answer_does_not_hold_up_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as deaf, socket.create_connection(deaf.getsockname()):
        async with serving([WHOLE]) as (server, client):
            loop = asyncio.get_running_loop()
            look_up = loop.getaddrinfo

            async def both(host: str, *rest: Any, **named: Any) -> Any:
                if host != "localhost":
                    return await look_up(host, *rest, **named)
                tcp = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "")
                return [(*tcp, deaf.getsockname()), (*tcp, ("127.0.0.1", server.port))]

            monkeypatch.setattr(loop, "getaddrinfo", both)
            monkeypatch.setattr(kept_connections, "NEXT_ADDRESS_S", 0.01)
            assert (await client.get("/models")).status == 200


async def test_nothing_is_kept_once_they_are_closed() -> None:
    async with serving([WHOLE]) as (server, client):
        await client.get("/models")
        client.close()
        await until(lambda: not server.open)
        await client.get("/models")
        await until(lambda: not server.open)


@pytest.mark.parametrize(
    ("url", "host", "path"),
    [
        ("http://127.0.0.1:{port}", "127.0.0.1:{port}", "/models"),
        ("http://LOCALHOST:{port}/a b/ä/v1", "LOCALHOST:{port}", "/a%20b/%C3%A4/v1/models"),
        ("http://127.0.0.1:{port}/a%20b", "127.0.0.1:{port}", "/a%20b/models"),
    ],
)
async def test_hosts_and_paths_are_written_as_http_has_them(url: str, host: str, path: str) -> None:
    async with serving([WHOLE]) as (server, _):
        client = Connections(url.format(port=server.port), {})
        await client.get("/models")
        client.close()
        line, host_line, *_ = server.asked[0].decode().split("\r\n")
        assert line == f"GET {path} HTTP/1.1"
        assert host_line == f"host: {host.format(port=server.port)}"


# -- TLS ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a certificate of its own for `localhost`, and its key."""
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "localhost.pem"
    pem = serialization.Encoding.PEM
    file.write_bytes(
        made.public_bytes(pem) + key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return file


async def test_a_server_behind_tls_is_asked_if_its_certificate_holds(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    with monkeypatch.context() as known:
        known.setenv("SSL_CERT_FILE", str(certificate))
        async with serving([WHOLE], [OK + b"\r\nHi", b""], [WHOLE], tls=context) as (server, client):
            for _ in range(3):
                assert (await client.post("/chat", b"{}")).body == b"Hi"
            assert server.connections == 2
    async with serving([WHOLE], tls=context) as (server, client):
        with pytest.raises(BackendUnavailable, match=r"cannot be reached: .*certificate verify failed"):
            await client.post("/chat", b"{}")
        assert server.asked == []
