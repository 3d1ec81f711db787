"""Logs that can be handed over: where something went wrong, never what a person typed.

Messages of errors quote their input (a word, an address, a path with a sealed profile), and
so do request lines. What is kept: our own messages, the place in the code, the kind of error.
"""

from __future__ import annotations

import logging
import traceback

from flask import Flask

_OUR_LOGGERS = {"recommender"}


class PrivateFormatter(logging.Formatter):
    """One line a record; an exception is its type and its frames, without its message."""

    def format(self, record: logging.LogRecord) -> str:
        """Describe a record without anything a visitor sent."""
        head = f"{self.formatTime(record)} {record.levelname} {record.name}: {_message(record)}"
        return "\n".join([head, *_frames(record)])


def init_app(app: Flask) -> None:
    """Log this application's errors through the private formatter, and no request lines."""
    handler = logging.StreamHandler()
    handler.setFormatter(PrivateFormatter())
    app.logger.handlers = [handler]
    app.logger.propagate = False
    logging.getLogger("werkzeug").addFilter(_is_no_request_line)


def _is_no_request_line(record: logging.LogRecord) -> bool:
    """Werkzeug's lines of requests hold the visitor's address and what was asked for."""
    return " - - [" not in str(record.msg)


def _message(record: logging.LogRecord) -> str:
    ours = record.name.partition(".")[0] in _OUR_LOGGERS
    if ours or (record.levelno < logging.WARNING and not record.exc_info):
        return record.getMessage()
    return f"at {record.module}.{record.funcName}:{record.lineno}"


def _frames(record: logging.LogRecord) -> list[str]:
    if not record.exc_info or record.exc_info[0] is None:
        return []
    kind, _, trace = record.exc_info
    frames = traceback.extract_tb(trace)
    return [
        *(f"  {frame.filename}:{frame.lineno} in {frame.name}" for frame in frames),
        f"  {kind.__name__}",
    ]
