"""What must never happen in any window, whatever a test is about."""

from __future__ import annotations

from dataclasses import dataclass, field

from playwright.sync_api import BrowserContext, ConsoleMessage, Request, Response


@dataclass
class Watcher:
    """Listens to one context from its start; `problems` is empty for a site that behaves."""

    context: BrowserContext
    origin: str
    requests: list[Request] = field(default_factory=list)
    _problems: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.context.on("request", self._see_request)
        self.context.on("response", self._see_response)
        self.context.on("console", self._see_message)
        self.context.on("weberror", lambda error: self._problems.append(str(error.error)))

    def problems(self) -> list[str]:
        """Everything seen so far, and what is left in the browser."""
        state = self.context.storage_state(indexed_db=True)
        kept = [f"cookie {cookie}" for cookie in state["cookies"]]
        return [*self._problems, *kept, *(f"stored {origin}" for origin in state["origins"])]

    def _see_request(self, request: Request) -> None:
        self.requests.append(request)
        if not request.url.startswith((self.origin + "/", "data:")):
            self._problems.append(f"asked another site: {request.url}")

    def _see_response(self, response: Response) -> None:
        # A page may be an error on purpose; what a page is made of may not.
        if response.status >= 400 and not response.request.is_navigation_request():
            self._problems.append(f"{response.status} for {response.url}")

    def _see_message(self, message: ConsoleMessage) -> None:
        is_page_itself = message.text.startswith("Failed to load resource")
        if message.type in {"error", "warning"} and not is_page_itself:
            self._problems.append(f"console: {message.text}")
