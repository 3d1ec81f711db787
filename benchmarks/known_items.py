"""Whether a known name comes first: `python -m benchmarks.known_items`.

Every listing of the directory is asked for by its names, its acronym, misspelt, in part and
with its city, of the matching (`recommend`) and of the directory (`search`). Listings that
what was typed does not tell apart (the same name, the same two words) are all right answers.
"""

from __future__ import annotations

import argparse
import re
import string
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from recommender.config import load_settings
from recommender.index import Index, load_current
from recommender.models import DonorProfile, Nonprofit, SearchQuery
from recommender.pipeline import recommend, search
from recommender.text import fold, initials, is_stop_word, name_key, words

TYPOS_EACH = 4
EXTRA_WORDS = ("the", "inc", "of", "and")
HEADER = "| asked by | asked | recommend | search |\n|---|---|---|---|"

Engine = Callable[[str], str]
"""What was typed -> the slug of the first listing, "" where there is none."""


@dataclass(frozen=True, kw_only=True)
class Item:
    """One thing typed, in what way it names a listing, and the slugs that it may mean."""

    way: str
    text: str
    right: frozenset[str]


class Directory:
    """Which listings share a name, an acronym or a word of a name."""

    def __init__(self, listings: Sequence[Nonprofit]) -> None:
        self.listings = listings
        self.named: defaultdict[str, set[str]] = defaultdict(set)
        self.abbreviated: defaultdict[str, set[str]] = defaultdict(set)
        self.has_word: defaultdict[str, set[str]] = defaultdict(set)
        for item in listings:
            for name in (item.name, *item.other_names):
                self.named[name_key(name)].add(item.slug)
                self.abbreviated[fold(name)].add(item.slug)
                self.abbreviated[initials(name)].add(item.slug)
                for word in words(name):
                    self.has_word[word].add(item.slug)

    def items(self, random: Random) -> Iterator[Item]:
        """Every way to ask for every listing."""
        for item in self.listings:
            yield self._item("name", item.name, item)
            yield self._item("lower case without accents", fold(item.name), item)
            for name in item.other_names:
                way = "stated acronym" if is_acronym(name) else "another name"
                yield self._item(way, name, item)
            yield from self._by_initials(item)
            for edit in (insert, delete, replace, swap):
                yield self._item(f"typo: {edit.__name__}", edit(item.name, random), item)
            yield self._item("a word too many", add_word(item.name, random), item)
            yield from self._by_missing_word(item, random)
            yield from self._by_city(item)
            yield from self._by_rarest_words(item)

    def _item(self, way: str, text: str, item: Nonprofit) -> Item:
        """Misspelt or not, what is meant are the namesakes of the listing."""
        names = {name_key(text), name_key(item.name)} if way != "another name" else {name_key(text)}
        right = {item.slug}.union(*(self.named.get(name, ()) for name in names))
        return Item(way=way, text=text, right=frozenset(right))

    def _by_initials(self, item: Nonprofit) -> Iterator[Item]:
        for letters in dict.fromkeys(map(initials, (item.name, *item.other_names))):
            if letters and self.abbreviated[letters] == {item.slug} and letters not in self.named:
                yield Item(way="initials", text=letters.upper(), right=frozenset({item.slug}))

    def _by_missing_word(self, item: Nonprofit, random: Random) -> Iterator[Item]:
        typed = item.name.split()
        small = [at for at, word in enumerate(typed) if is_stop_word(fold(word))]
        if small:
            del typed[random.choice(small)]
            yield self._item("a small word missing", " ".join(typed), item)

    def _by_city(self, item: Nonprofit) -> Iterator[Item]:
        city = next((place.city for place in item.shown_locations if place.city), "")
        if city and fold(city) not in fold(item.name):
            namesakes = self.named[name_key(item.name)]
            there = {
                other.slug
                for other in self.listings
                if other.slug in namesakes
                and any(place.city == city for place in other.shown_locations)
            }
            yield Item(way="name and city", text=f"{item.name} {city}", right=frozenset(there))

    def _by_rarest_words(self, item: Nonprofit) -> Iterator[Item]:
        typed = [word for word in dict.fromkeys(words(item.name)) if not is_stop_word(word)]
        rarest = sorted(typed, key=lambda word: len(self.has_word[word]))[:2]
        if 2 <= len(rarest) < len(typed):
            text = " ".join(word for word in typed if word in rarest)
            right = self.has_word[rarest[0]] & self.has_word[rarest[1]]
            yield Item(way="its two rarest words", text=text, right=frozenset(right))


def is_acronym(name: str) -> bool:
    """Whether a name is written as an acronym: CARECEN, HIAS, RAICES."""
    return re.fullmatch(r"[A-Z][A-Z0-9&.-]+", name) is not None


def insert(text: str, random: Random) -> str:
    """A letter too many."""
    at = random.randrange(1, len(text) + 1)
    return text[:at] + random.choice(string.ascii_lowercase) + text[at:]


def delete(text: str, random: Random) -> str:
    """A letter too few."""
    at = _letter(text, random)
    return text[:at] + text[at + 1 :]


def replace(text: str, random: Random) -> str:
    """Another letter."""
    at = _letter(text, random)
    others = [letter for letter in string.ascii_lowercase if letter != fold(text[at])]
    return text[:at] + random.choice(others) + text[at + 1 :]


def swap(text: str, random: Random) -> str:
    """Two different letters of a word in the wrong order."""
    pairs = [at for at in range(1, len(text) - 1) if _differ(text[at : at + 2])]
    at = random.choice(pairs)
    return text[:at] + text[at + 1] + text[at] + text[at + 2 :]


def _letter(text: str, random: Random) -> int:
    return random.choice([at for at, letter in enumerate(text) if letter.isalpha()])


def _differ(pair: str) -> bool:
    return pair.isalpha() and fold(pair[0]) != fold(pair[1])


def add_word(text: str, random: Random) -> str:
    """A small word in front, inside or behind."""
    typed = text.split()
    typed.insert(random.randrange(len(typed) + 1), random.choice(EXTRA_WORDS))
    return " ".join(typed)


def engines(index: Index) -> Mapping[str, Engine]:
    """The form and the directory, as they are asked without a place."""

    def from_form(text: str) -> str:
        found = recommend(DonorProfile(text=text), index, n=1).matches
        return found[0].nonprofit.slug if found else ""

    def from_directory(text: str) -> str:
        found = search(SearchQuery(text=text, page_size=1), index).matches
        return found[0].nonprofit.slug if found else ""

    return {"recommend": from_form, "search": from_directory}


@dataclass(frozen=True, kw_only=True)
class Miss:
    """An item that was not first with one engine, and what was."""

    engine: str
    item: Item
    first: str


def find_misses(items: Iterable[Item], asked: Mapping[str, Engine]) -> list[Miss]:
    """Ask every engine for every item."""
    return [
        Miss(engine=name, item=item, first=first)
        for item in items
        for name, engine in asked.items()
        if (first := engine(item.text)) not in item.right
    ]


def format_table(items: Sequence[Item], misses: Sequence[Miss]) -> str:
    """How many of each way come first, and of all with one letter wrong."""
    asked = Counter(item.way for item in items)
    missed = Counter((miss.engine, miss.item.way) for miss in misses)
    rows = [HEADER]
    for way, n in asked.items():
        shares = (f"{1 - missed[engine, way] / n:.1%}" for engine in ("recommend", "search"))
        rows.append(f"| {way} | {n:,} | {' | '.join(shares)} |")
    return "\n".join(rows)


def main() -> None:
    """Print the table, and what was not first."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--misses", type=int, default=20, help="how many of each way to show")
    parser.add_argument("--every", type=int, default=1, help="ask for each so many-th listing")
    chosen, index = parser.parse_args(), load_current(load_settings().index)
    directory = Directory([index.nonprofit(row) for row in range(len(index))])
    asked = {item.slug for item in directory.listings[:: chosen.every]}
    items = [item for item in directory.items(Random(5)) if item.right & asked]
    misses = find_misses(items, engines(index))
    print(format_table(items, misses))
    shown: Counter[tuple[str, str]] = Counter()
    for miss in sorted(misses, key=lambda miss: miss.item.way):
        shown[miss.engine, miss.item.way] += 1
        if shown[miss.engine, miss.item.way] <= chosen.misses:
            right = ", ".join(sorted(miss.item.right)[:3])
            print(f"{miss.item.way}, {miss.engine}: {miss.item.text!r} → {miss.first}, not {right}")


if __name__ == "__main__":
    main()
