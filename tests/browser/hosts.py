"""Pages of other sites: a small server of its own, under as many names as a test needs."""

from __future__ import annotations

import datetime
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import cast

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

# Names that lead to the server over TLS, and without it; the last is another port of the first.
SECURE = (
    "news.example:443",
    "sub.news.example:443",
    "other.example:443",
    "news.example:8443",
)
OPEN = ("news.example:80",)


@dataclass
class Hosts:
    """The server, which gives the same pages under every name and port.

    `pages` are the bodies and headers by path; a test may add to them at any time.
    """

    plain: int = 0
    other: int = 0
    secure: int = 0
    pages: dict[str, tuple[str, Mapping[str, str]]] = field(default_factory=dict)

    @property
    def flags(self) -> list[str]:
        """What makes Chromium find the server under its names."""
        rules = [f"MAP {name} 127.0.0.1:{self.secure}" for name in SECURE]
        rules += [f"MAP {name} 127.0.0.1:{self.plain}" for name in OPEN]
        return [f"--host-resolver-rules={','.join(rules)}", "--ignore-certificate-errors"]

    def add(self, path: str, body: str, **headers: str) -> str:
        """Put up a page; header names are written with underscores."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.pages[path] = (body, named)
        return path


@contextmanager
def serve_hosts(folder: Path) -> Iterator[Hosts]:
    """The server on two plain ports and a secure one, for as long as the block runs."""
    hosts = Hosts()
    hosts.add("/favicon.ico", "-")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body, headers = hosts.pages.get(self.path.partition("?")[0], ("", {}))
            content = body.encode()
            self.send_response(200 if body else 404)
            for name, value in {"Content-Type": "text/html; charset=utf-8", **headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_args: object) -> None:
            """Say nothing."""

    with ExitStack() as stack:
        servers = [ThreadingHTTPServer(("127.0.0.1", 0), Handler) for _ in range(3)]
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(_certificate(folder))
        servers[2].socket = context.wrap_socket(servers[2].socket, server_side=True)
        hosts.plain, hosts.other, hosts.secure = (server.server_port for server in servers)
        for server in servers:
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
            stack.callback(server.server_close)
            stack.callback(server.shutdown)
        yield hosts


@contextmanager
def hang() -> Iterator[str]:
    """The address of a server that takes every connection and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        yield f"http://127.0.0.1:{cast(int, listener.getsockname()[1])}"


def _certificate(folder: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "news.example")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path = folder / "host.pem"
    path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    return path
