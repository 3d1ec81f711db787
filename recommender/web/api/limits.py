"""How often one network may call, told in every answer that is made for one caller.

Header fields: draft-ietf-httpapi-ratelimit-headers-11 (May 2026). The older three fields,
`X-RateLimit-*` or not, never had one meaning, and could not name the rule that they are about.
Answers that a shared cache may keep name the rule and no count, because that is another one
for each caller.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from flask import Response, current_app, g, request
from flask.sansio.app import App

from recommender.errors import RateLimited
from recommender.web import get_settings
from recommender.web.counters import Count, Counters
from recommender.web.submissions import visitor_code

WINDOW_S = 60
MATCHES, READS = "matches", "reads"


@dataclass(frozen=True, kw_only=True)
class Policy:
    """How many requests of a kind one network may send within a minute; 0 is no limit."""

    name: str
    quota: int

    def __str__(self) -> str:
        """The item of `RateLimit-Policy`."""
        return f'"{self.name}";q={self.quota};w={WINDOW_S}'

    def left(self, count: Count) -> str:
        """The item of `RateLimit`."""
        return f'"{self.name}";r={max(self.quota - count.n, 0)};t={count.resets_in_s}'


def init_app(app: App) -> None:
    """Make the counters before the workers are forked, so that they share them."""
    app.extensions["counters"] = Counters()


def get_policies() -> dict[str, Policy]:
    """The rules by their names."""
    settings = get_settings()
    quotas = {MATCHES: settings.matches_per_minute, READS: settings.reads_per_minute}
    return {name: Policy(name=name, quota=quota) for name, quota in quotas.items()}


def check_limit() -> None:
    """Count this request.

    Raises:
        RateLimited: its network has sent as many as it may.
    """
    policy = _policy()
    if request.method == "OPTIONS" or not policy.quota:
        return
    counters = cast(Counters, current_app.extensions["counters"])
    g.count = counters.add(visitor_code(f"api {policy.name}"), window_s=WINDOW_S)
    if g.count.n > policy.quota:
        raise RateLimited("Too many requests.", retry_after_s=g.count.resets_in_s)


def tell_limit(response: Response) -> None:
    """Say what the rule is and, to this caller only, what is left."""
    policy = _policy()
    if "count" not in g:
        return
    response.headers["RateLimit-Policy"] = str(policy)
    if response.status_code >= 400 or response.cache_control.no_store:
        response.headers["RateLimit"] = policy.left(g.count)


def _policy() -> Policy:
    is_match = (request.endpoint or "").rpartition(".")[2] == "match"
    return get_policies()[MATCHES if is_match else READS]
