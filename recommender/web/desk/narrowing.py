"""What the address of the list asks for: read, written, and told in words."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from urllib.parse import urlencode

from werkzeug.datastructures import MultiDict

from recommender.geo import STATES
from recommender.models import Basis, ListingQuery, ListingSort, Status
from recommender.web.auth import current_session
from recommender.web.desk.asked import read_number
from recommender.web.desk.labels import BASES, STATUS_LABELS
from recommender.web.desk.people import list_people
from recommender.web.vocabulary import get_vocabulary

MAX_TYPED = 200
MAX_PAGE = 10_000
ME, NOBODY = "me", "nobody"

Pair = tuple[str, str]


@dataclass(frozen=True, kw_only=True)
class Narrowing:
    """A query and the pairs of the address by which it was asked for, without the page.

    What the address misspells is not among the pairs. `is_alike` asks for look-alikes alone,
    which the store does not know.
    """

    query: ListingQuery
    pairs: tuple[Pair, ...]
    is_alike: bool = False

    @property
    def address(self) -> str:
        """The query part of an address that asks for the same."""
        return urlencode(self.pairs)

    def without(self, pair: Pair) -> str:
        """The query part without one of the pairs."""
        return urlencode([kept for kept in self.pairs if kept != pair])

    def sorted_by(self, sort: ListingSort) -> str:
        """The query part with another order."""
        kept = [pair for pair in self.pairs if pair[0] != "sort"]
        return urlencode([*kept, ("sort", sort.value)])


@dataclass(frozen=True, kw_only=True)
class Chip:
    """A condition in words, and the query part of an address without it."""

    label: str
    without: str


def read_narrowing(args: MultiDict[str, str]) -> Narrowing:
    """What an address asks for."""
    pairs = tuple(_read_pairs(args))
    given = MultiDict(pairs)
    text = given.get("q", "")
    sort = given.get("sort", _usual_sort(text))
    query = ListingQuery(
        text=text,
        statuses=tuple(map(Status, given.getlist("status"))),
        states=tuple(given.getlist("state")),
        services=tuple(given.getlist("service")),
        bases=tuple(map(Basis, given.getlist("basis"))),
        assignee_id=_assignee(given.get("assignee", "")),
        unassigned=given.get("assignee") == NOBODY,
        never_verified="never" in given,
        checked_before=given.get("before", ""),
        thin=True if "thin" in given else None,
        pending="pending" in given,
        sort=ListingSort(sort),
        page=read_number(args.get("page", ""), default=1, most=MAX_PAGE),
    )
    return Narrowing(query=query, pairs=pairs, is_alike="alike" in given)


def list_chips(narrowing: Narrowing) -> list[Chip]:
    """What the list is narrowed by, in words."""
    return [
        Chip(label=_LABELS[name](value), without=narrowing.without((name, value)))
        for name, value in narrowing.pairs
        if name in _LABELS
    ]


def list_services() -> dict[str, str]:
    """The services by slug, in the order of their labels."""
    tags = get_vocabulary().of_kind("services")
    return dict(sorted(((tag.slug, tag.label_en) for tag in tags), key=lambda pair: pair[1]))


def _usual_sort(text: str) -> str:
    return (ListingSort.RELEVANCE if text else ListingSort.NAME).value


def _assignee(value: str) -> int | None:
    if value == ME:
        return current_session().account.id
    return int(value) if value.isdigit() else None


def _read_pairs(args: MultiDict[str, str]) -> Iterable[Pair]:
    """The parts that are understood, each once, in a fixed order."""
    if text := args.get("q", "").strip()[:MAX_TYPED]:
        yield ("q", text)
    choices: dict[str, Iterable[str]] = {
        "status": set(Status),
        "state": STATES,
        "service": list_services(),
        "basis": set(Basis),
    }
    for name, known in choices.items():
        for value in dict.fromkeys(args.getlist(name)):
            if value in known:
                yield (name, value)
    assignee = args.get("assignee", "")
    if assignee in {ME, NOBODY, *(str(person.id) for person in list_people())}:
        yield ("assignee", assignee)
    yield from ((name, "1") for name in _FLAGS if args.get(name) == "1")
    if _is_day(args.get("before", "")):
        yield ("before", args["before"])
    sort = args.get("sort", "")
    if sort in set(ListingSort) and sort != _usual_sort(text):
        yield ("sort", sort)


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _name_person(value: str) -> str:
    names = {str(person.id): person.name for person in list_people()}
    return {ME: "you", NOBODY: "nobody"}.get(value) or names[value]


_FLAGS = ("thin", "alike", "pending", "never")
_LABELS: dict[str, Callable[[str], str]] = {
    "q": lambda value: f"“{value}”",
    "status": lambda value: STATUS_LABELS[Status(value)],
    "state": lambda value: f"Office in {STATES[value].en}",
    "service": lambda value: list_services()[value],
    "basis": lambda value: f"Rests on: {BASES[Basis(value)].lower()}",
    "assignee": lambda value: f"Given to {_name_person(value)}",
    "before": lambda value: f"Not checked since {value}",
    "thin": lambda _: "Thin",
    "alike": lambda _: "Look-alikes",
    "pending": lambda _: "With an edit that waits",
    "never": lambda _: "Never checked with the group",
}
"""How each part of the address is told; the order of the list is no narrowing."""
