"""All nonprofits for an interest, page by page; the standard library is enough."""

import json
import time
from collections.abc import Iterator
from typing import TypedDict
from urllib.error import HTTPError
from urllib.request import Request, urlopen

API = "http://127.0.0.1:8000/api/v1"


class Match(TypedDict):
    """What is used of a match here; there is more in it."""

    name: str
    city: str | None
    url: str


class Answer(TypedDict):
    """One page of matches."""

    matches: list[Match]
    next_cursor: str | None


def ask(question: dict[str, object]) -> Answer:
    """Send a question, and again after the wait that a 429 asks for."""
    body, kind = json.dumps(question).encode(), {"Content-Type": "application/json"}
    try:
        with urlopen(Request(f"{API}/matches", body, kind)) as response:
            answer: Answer = json.load(response)
            return answer
    except HTTPError as error:
        if error.code != 429:
            raise
        time.sleep(int(error.headers["Retry-After"]))
        return ask(question)


def find_matches(text: str, place: str) -> Iterator[Match]:
    """The matches, best first."""
    question: dict[str, object] = {"text": text, "place": place, "n": 5}
    answer = ask(question)
    yield from answer["matches"]
    while answer["next_cursor"]:
        answer = ask({**question, "cursor": answer["next_cursor"]})
        yield from answer["matches"]


if __name__ == "__main__":
    for match in find_matches("legal help for asylum seekers", "Portland, ME"):
        print(match["name"], match["city"], match["url"], sep=" | ")
