"""Publications: `python -m benchmarks.publishing`, after `flask prepare`.

What one costs, and how soon an edit is seen. All is done to a copy of the instance: neither its
catalogue nor what it serves is touched. First the stages of publications in this process, each
after an edit; then edits with gunicorn's two workers at work: an editor saves, a reviewer approves
and opens the desk, and the directory is asked until every answer has the new word. Edits go
through the store, so the desk is opened a few times before the first, and idle again, as it is
when somebody edits there.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from time import perf_counter, process_time, sleep

import numpy as np

from benchmarks.http import SITE, Server, serve
from recommender import store
from recommender.config import Settings, load_settings
from recommender.publish import publish, warm_up
from recommender.store import Database
from recommender.store.accounts import Role, create_account, create_session
from recommender.store.listings import get_listing, list_nonprofits
from recommender.store.publications import PublicationState
from recommender.store.revisions import approve_revision, save_listing

STAGES = ("catalogue", "words", "neighbours", "lists", "questions", "files", "log and pointer")
N_ALIKE = 6
"""So many answers in a row that have an edit show that both workers do."""
N_OPENED = 8
"""So often the desk is opened before the first edit, so that both workers know of staff."""
IDLE_S = 0.02
PAUSE_S = 0.05
PATIENCE_S = 60.0


@dataclass(frozen=True, kw_only=True)
class Team:
    """Who edits, who approves, and the session of the latter."""

    editor: int
    reviewer: int
    session: str


@dataclass(frozen=True, kw_only=True)
class Seen:
    """How long an edit took to be seen, and the processors to show it; both in seconds."""

    wall_s: float
    processor_s: float


class Stopwatch:
    """Processor milliseconds of each stage, as a build tells of its progress."""

    def __init__(self) -> None:
        self.spent = dict.fromkeys(STAGES, 0.0)
        self._stage, self._since = STAGES[0], process_time()

    def __call__(self, stage: str, done: int, _: int) -> None:
        """Take the time: up to the beginning of a stage it was that of the stage before."""
        self.stop(self._stage if done == 0 else stage)
        self._stage = stage

    def stop(self, stage: str = STAGES[-1]) -> None:
        """Count what has passed to a stage."""
        now = process_time()
        self.spent[stage] += 1000 * (now - self._since)
        self._since = now


@contextmanager
def copied(settings: Settings) -> Iterator[Settings]:
    """The same settings with a copy of the instance, which is removed afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        copy = replace(settings, instance=Path(folder, "instance"))
        shutil.copytree(settings.instance, copy.instance)
        yield copy


def measure_stages(
    db: Database, settings: Settings, team: Team, slugs: Sequence[str]
) -> list[dict[str, float]]:
    """The stages of publications, each after an edit, in a process that serves staff."""
    warm_up(db, settings)
    found = []
    for number, slug in enumerate(slugs):
        edit(db, team, slug, f"alsephina{number}")
        watch = Stopwatch()
        done = publish(db, settings, progress=watch)
        watch.stop()
        if done.state is not PublicationState.PUBLISHED:
            raise RuntimeError(f"It was not published: {done.reason}")
        found.append(watch.spent)
    return found


def measure_edits(db: Database, server: Server, team: Team, slugs: Sequence[str]) -> Iterator[Seen]:
    """Edit one listing after the other, each once the last edit is seen."""
    for _ in range(N_OPENED):
        ask(server, "/staff/account", cookie=f"waymark={team.session}")
    _wait_until_idle(server)
    for number, slug in enumerate(slugs):
        word = f"zubenelgenubi{number}"
        edit(db, team, slug, word)
        started, before = perf_counter(), server.processor_s()
        ask(server, "/staff/account", cookie=f"waymark={team.session}")
        wall_s = _wait_until(partial(_is_found, server, word, slug)) - started
        yield Seen(wall_s=wall_s, processor_s=server.processor_s() - before)


def edit(db: Database, team: Team, slug: str, word: str) -> None:
    """Add a word to a summary as an editor, and approve it as a reviewer."""
    listing = get_listing(db, slug)
    summary = f"{listing.nonprofit.summary_en} {word.capitalize()}."
    record = replace(listing.nonprofit, summary_en=summary)
    saved = save_listing(db, record, by=team.editor, expected_revision=listing.revision)
    approve_revision(db, slug, saved.number, by=team.reviewer)


def ask(server: Server, path: str, *, cookie: str = "") -> str:
    """What a page says."""
    with closing(HTTPConnection("127.0.0.1", server.port)) as connection:
        connection.request("GET", path, headers={"Cookie": cookie} if cookie else {})
        response = connection.getresponse()
        body = response.read().decode()
    if response.status != 200:
        raise RuntimeError(f"{path} was answered with {response.status}.")
    return body


def _is_found(server: Server, word: str, slug: str) -> bool:
    return f'"{slug}"' in ask(server, f"/api/v1/nonprofits?q={word}")


def _wait_until(is_seen: Callable[[], bool]) -> float:
    """When the first of enough answers in a row came that have what is waited for."""
    alike: list[float] = []
    started = perf_counter()
    while len(alike) < N_ALIKE:
        alike = [*alike, perf_counter()] if is_seen() else []
        if perf_counter() - started > PATIENCE_S:
            raise RuntimeError("An edit was not published.")
        sleep(PAUSE_S)
    return alike[0]


def _wait_until_idle(server: Server) -> None:
    """Until the workers have done what opening the desk begins."""
    spent, before = server.processor_s(), -1.0
    while spent - before > IDLE_S:
        sleep(1)
        spent, before = server.processor_s(), spent


def add_team(db: Database) -> Team:
    """An editor, a reviewer, and the reviewer's session."""
    editor = create_account(db, "editor@example.org", Role.EDITOR)
    reviewer = create_account(db, "reviewer@example.org", Role.REVIEWER)
    return Team(editor=editor.id, reviewer=reviewer.id, session=create_session(db, reviewer))


def _print_stages(rounds: Sequence[dict[str, float]]) -> None:
    print("| stage | first | later, median |\n|---|---|---|")
    first, later = rounds[0], rounds[1:] or rounds
    for stage in STAGES:
        print(f"| {stage} | {first[stage]:.0f} | {np.median([r[stage] for r in later]):.0f} |")
    total = np.median([sum(each.values()) for each in later])
    print(f"| **all** | {sum(first.values()):.0f} | {total:.0f} |\n", flush=True)


def _print_edits(seen: Sequence[Seen]) -> None:
    print("| from approval to seen, seconds | p50 | p95 | slowest |\n|---|---|---|---|")
    for name in ("wall_s", "processor_s"):
        values = [getattr(each, name) for each in seen]
        p50, p95 = np.percentile(values, (50, 95))
        label = "by the clock" if name == "wall_s" else "processor time of both workers"
        print(f"| {label} | {p50:.2f} | {p95:.2f} | {max(values):.2f} |")


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="publications in this process")
    parser.add_argument("--edits", type=int, default=30, help="edits that are waited for")
    chosen = parser.parse_args()
    with copied(load_settings()) as settings, closing(store.connect(settings.database)) as db:
        slugs = [item.slug for item in list_nonprofits(db)]
        print(f"{len(slugs):,} listings. Processor milliseconds of a publication:\n")
        team = add_team(db)
        _print_stages(measure_stages(db, settings, team, _spread(slugs, chosen.rounds)))
        os.environ["WAYMARK_INSTANCE"] = str(settings.instance)
        with serve(SITE) as server:
            edited = _spread(slugs, chosen.edits)
            _print_edits([*measure_edits(db, server, team, edited)])


def _spread(slugs: Sequence[str], n: int) -> Sequence[str]:
    """So many of the listings, at even steps."""
    return slugs[:: max(1, len(slugs) // n)][:n]


if __name__ == "__main__":
    main()
