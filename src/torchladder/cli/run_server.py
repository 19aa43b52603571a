"""A run's page on loopback, made anew whenever a browser asks; nothing of it touches the run."""

import http.server
import secrets
import sys
from collections.abc import Callable

EVERY = 3.0  # seconds after which the page asks again


def serve(render: Callable[[], str], *, port: int = 0) -> int:
    """Serve the page that ``render`` returns until Ctrl-C; return the exit status."""
    token = secrets.token_urlsafe(16)

    class Handler(http.server.BaseHTTPRequestHandler):
        """Answers one address, which has a secret in it."""

        def do_GET(self) -> None:
            """Send the page."""
            local = (self.headers.get("Host") or "").rpartition(":")[0] in {"127.0.0.1", "localhost"}
            if self.path != f"/{token}" or not local:
                self.send_error(404)
                return
            page = render().encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(page)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, format: str, *args: object) -> None:
            """Keep quiet."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        print(
            f"the run, live: http://127.0.0.1:{server.server_port}/{token} (Ctrl-C ends)", file=sys.stderr, flush=True
        )
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return 0
    return 0
