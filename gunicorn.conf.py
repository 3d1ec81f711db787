"""How the site is served: `gunicorn -c gunicorn.conf.py`.

Behind the internet put a buffering proxy (nginx) in front: a threaded worker reads slow
requests to their end, and 50 half-sent ones froze it for 75 s in a trial.
"""

import errno
import os
import socket
import sys
from typing import Any

# Matching is memory-bound over small arrays: threads inside numpy only fight the workers.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

wsgi_app = "app:create_server()"
# Imported once and then forked, which halves the start; nothing is opened before a request.
preload_app = True
bind = f"{os.environ.get('HOST', '127.0.0.1')}:{os.environ.get('PORT', '8000')}"
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
worker_class = "gthread"
threads = 4
timeout = 30
max_requests = 20_000
max_requests_jitter = 2_000
control_socket_disable = True

# Request lines hold sealed profiles and addresses; errors are logged without their messages.
accesslog = None
logconfig_dict: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"private": {"()": "recommender.web.logs.PrivateFormatter"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "private"}},
    "root": {"level": "WARNING", "handlers": ["console"]},
    "loggers": {
        "gunicorn.error": {"level": "WARNING", "handlers": ["console"], "propagate": False},
        "gunicorn.access": {"level": "CRITICAL", "handlers": [], "propagate": False},
    },
}


def on_starting(server: Any) -> None:
    """End with a plain sentence where one cannot listen; gunicorn's own would be withheld."""
    if "GUNICORN_FD" in os.environ or "LISTEN_FDS" in os.environ:
        return  # the socket is handed over
    for host, port in server.cfg.address:
        try:
            family, kind, protocol, _, address = socket.getaddrinfo(
                host, port, type=socket.SOCK_STREAM
            )[0]
            with socket.socket(family, kind, protocol) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(address)
        except OSError as error:
            sys.exit(_refusal(host, port, error))


def _refusal(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} is in use. To take another one: PORT={port + 1} make serve"
    return f"Waymark cannot listen at {host}, port {port}: {error.strerror}."


def when_ready(_server: object) -> None:
    """Say where to look."""
    print(f"Waymark is at http://{bind} (stop it with Ctrl-C)", flush=True)
