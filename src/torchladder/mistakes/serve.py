"""Serves the page on this machine only, and stores the tags that it sends.

The address holds a random token that no other page knows; requests under another host's name, which a page
elsewhere could cause, are refused, and so are those of other origins.
"""

import json
import secrets
import sys
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock
from typing import Any

from torchladder.mistakes.tags import checked, read, write

HOST = "127.0.0.1"
BODY_MAX = 8 << 20  # bytes of tags
SECONDS = 30.0  # that a request may take


class Server(ThreadingHTTPServer):
    """The server of one page."""

    daemon_threads = True

    def __init__(self, page: str, tags: dict[str, Any], path: Path, port: int = 0) -> None:
        super().__init__((HOST, port), Handler)
        self.page, self.path, self.tags = page.encode(), path, tags
        self.token = secrets.token_urlsafe(24)
        self.lock = Lock()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a page that was left while it was answered; anything else is a defect and shown."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    @property
    def url(self) -> str:
        """Return the address to open."""
        return f"http://{HOST}:{self.server_address[1]}/{self.token}/"

    def stored(self) -> dict[str, Any]:
        """Return the tags as they are on the disk; those given at the start, as long as none are."""
        with self.lock:
            return read(self.path) if self.path.exists() else self.tags

    def store(self, tags: dict[str, Any]) -> None:
        """Write tags."""
        with self.lock:
            write(self.path, tags)


class Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    server: Server
    timeout = SECONDS
    server_version, sys_version = "torchladder", ""

    def do_GET(self) -> None:
        """Answer with the page or the tags."""
        if not self._allowed():
            return
        if self._asks_for(""):
            self._send(HTTPStatus.OK, self.server.page, "text/html; charset=utf-8")
        elif self._asks_for("tags"):
            self._guarded(lambda: self._send_json(self.server.stored()))
        else:
            self._send(HTTPStatus.NOT_FOUND)

    def do_POST(self) -> None:
        """Store the tags that are sent."""
        if not self._allowed():
            return
        if not self._asks_for("tags"):
            self._send(HTTPStatus.NOT_FOUND)
            return
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > BODY_MAX:
            self.close_connection = True
            self._send(HTTPStatus.REQUEST_ENTITY_TOO_LARGE if length.isdecimal() else HTTPStatus.LENGTH_REQUIRED)
            return
        try:
            tags = checked(json.loads(self.rfile.read(int(length))))
        except ValueError:
            self._send(HTTPStatus.BAD_REQUEST)
            return
        self._guarded(lambda: self._stored(tags))

    def _stored(self, tags: dict[str, Any]) -> None:
        self.server.store(tags)
        self._send(HTTPStatus.NO_CONTENT)

    def _guarded(self, answer: Callable[[], None]) -> None:
        """Answer, or say that the disk did not do its part."""
        from torchladder.core.errors import UsageError

        try:
            answer()
        except (OSError, UsageError):
            self._send(HTTPStatus.INTERNAL_SERVER_ERROR)

    def _allowed(self) -> bool:
        """Tell whether a request is one of our own page's, else refuse it."""
        port = self.server.server_address[1]
        hosts = {f"{HOST}:{port}", f"localhost:{port}"}
        origin = self.headers.get("Origin")
        if self.headers.get("Host") in hosts and (origin is None or origin in {f"http://{h}" for h in hosts}):
            return True
        self.close_connection = True
        self._send(HTTPStatus.FORBIDDEN)
        return False

    def _asks_for(self, name: str) -> bool:
        return secrets.compare_digest(self.path.encode(), f"/{self.server.token}/{name}".encode())

    def _send_json(self, value: Any) -> None:
        self._send(HTTPStatus.OK, json.dumps(value, ensure_ascii=True).encode(), "application/json")

    def _send(self, status: HTTPStatus, body: bytes = b"", kind: str = "text/plain") -> None:
        self.send_response(status)
        headers = {
            "Content-Type": kind,
            "Content-Length": str(len(body)),
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Referrer-Policy": "no-referrer",
        }
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Print nothing: the token is part of each line."""
