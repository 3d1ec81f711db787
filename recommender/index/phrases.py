"""What the taxonomy and the term map give an index: known phrases, and words for corrections."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import chain

from recommender.index.arrays import GramIndex
from recommender.index.model import Index, Meaning
from recommender.models import Nonprofit, Tag, TagKind, TermMapping
from recommender.text import is_stop_word, phrase_key, public_words, words

PEOPLE = (f"{TagKind.POPULATION}:", f"{TagKind.COMMUNITY}:")
CONCEPT_KINDS = (TagKind.SERVICE, TagKind.POPULATION, TagKind.COMMUNITY, TagKind.LANGUAGE)


def build_phrases(
    tags: Iterable[Tag], term_map: Iterable[TermMapping]
) -> dict[str, tuple[Meaning, ...]]:
    """Phrase -> meanings; the term map wins over what the taxonomy's labels imply."""
    table: dict[str, tuple[Meaning, ...]] = {}
    concepts = [tag for tag in tags if tag.kind in CONCEPT_KINDS]
    # "somali" is a community and a language: what donors say of it means the people.
    kinds = {tag.slug: tag.kind for tag in concepts if tag.kind != TagKind.LANGUAGE}
    for tag in concepts:
        meaning = Meaning(tags=(f"{tag.kind}:{tag.slug}",), words=(), weight=1.0)
        for phrase in _spoken(tag):
            key = _key(phrase)
            table[key] = tuple(dict.fromkeys((*table.get(key, ()), meaning)))
    for entry in term_map:
        named = tuple(f"{kinds[slug]}:{slug}" for slug in entry.tags if slug in kinds)
        meaning = Meaning(tags=named, words=entry.words, weight=entry.weight)
        table[_key(entry.phrase)] = (meaning,)
    for key, meanings in list(table.items()):
        for other in _inflect(key, meanings):
            table.setdefault(other, meanings)
    return table


@lru_cache(maxsize=20_000)
def _key(phrase: str) -> str:
    """How a phrase of the taxonomy or the term map is looked up; a donor's is never kept."""
    return phrase_key(words(phrase))


def _inflect(key: str, meanings: Iterable[Meaning]) -> Iterator[str]:
    """Forms of what people are called that a plural ending does not explain.

    "Pakistanis" and "paquistaníes"; "turca" beside "turco", whichever of the two is known.
    """
    tags = [tag for meaning in meanings for tag in meaning.tags]
    if not tags or not all(tag.startswith(PEOPLE) for tag in tags):
        return
    if key.endswith("i"):
        yield from (f"{key}s", f"{key[:-1]}y")
    if key.endswith(("o", "a")):
        yield key[:-1] + ("a" if key.endswith("o") else "o")


def list_words(nonprofit: Nonprofit) -> tuple[str, ...]:
    """The words of a listing, each once."""
    described = (nonprofit.summary_en, nonprofit.summary_es, nonprofit.serves)
    texts = (nonprofit.name, *nonprofit.other_names, *described)
    return tuple({word for text in texts for word in public_words(text)})


def build_lexicon(
    said: Iterable[Iterable[str]], tags: Iterable[Tag], term_map: Iterable[TermMapping]
) -> list[str]:
    """Every word of the listings and the term map, most frequent first, for corrections.

    `said` holds the `list_words` of each listing.
    """
    counts = Counter(chain.from_iterable(said))
    known = [entry.phrase for entry in term_map] + [text for tag in tags for text in _spoken(tag)]
    for phrase in known:
        counts.update({*public_words(phrase)})
    kept = [word for word in counts if len(word) > 1 and not is_stop_word(word)]
    return sorted(sorted(kept), key=counts.__getitem__, reverse=True)


def replace_terms(index: Index, tags: Sequence[Tag], term_map: Sequence[TermMapping]) -> Index:
    """An index of the same listings as a build with another term map would make it.

    Nothing else in an index depends on the term map, so this is exact, and needs no build.
    """
    nonprofits = (index.nonprofit(row) for row in range(len(index)))
    lexicon = build_lexicon(map(list_words, nonprofits), tags, term_map)
    return replace(
        index,
        phrases=build_phrases(tags, term_map),
        lexicon=lexicon,
        lexicon_grams=GramIndex.build(lexicon),
    )


def _spoken(tag: Tag) -> tuple[str, ...]:
    """All that a tag is called."""
    return (tag.label_en, tag.label_es, *tag.synonyms_en, *tag.synonyms_es)
