"""Profile -> query: what a donor's words and choices mean to the index."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from math import log

from recommender.everyday import is_everyday
from recommender.floor import NOTHING_SAID, Standing, weigh_phrase, weigh_word
from recommender.index import Index, Meaning
from recommender.index.model import PhraseTree
from recommender.models import Correction, DonorProfile, Language, TagKind
from recommender.text import (
    detect_language,
    edit_distance,
    is_content,
    is_stop_word,
    singular,
    spellings,
    stem,
    words,
)

WORD_WEIGHT = 1.0
CHIP_WEIGHT = 2.0
CONCEPT_WEIGHT = 1.5
IN_PHRASE_WEIGHT = 0.5
"""A word counts half beside the concept its phrase surely means, more where that is less sure."""
EXPANSION_WEIGHT = 0.3
SURE = 0.5
"""From this weight on a phrase without a tag is read by its further words, not by its own."""
TYPED_SHARE = 0.5
"""What of a Spanish word's weight stays with it where its English counterpart is known."""

MAX_UNITS = 24
"""A pasted article is reduced to this many themes; the rest of its vocabulary is noise."""
LONG_TEXT_WORDS = 40
LONG_TEXT_WORD_WEIGHT = 0.3
"""In an article the concepts carry the meaning; its other words only tip the scales."""
MAX_WORD_IMPORTANCE = 4.0
"""So that one rare word of a question cannot outweigh all the rest of it in coverage."""
SHORTEST_CORRECTED = 5
N_CORRECTIONS = 7_000
"""Only so many of the most frequent words stand in for a mistyped one."""
N_SURE = 400
"""An everyday word is the slip of one of these or none: "layers" of "lawyers", but never "bride"
of "bridge". Of 41,000 everyday words that no listing uses 29 are so read."""
_SAME_SOUND = str.maketrans("vzsj", "bccg")
"""Initials that Spanish spells both ways: "bivienda", "siudadanía"."""


@dataclass(frozen=True, kw_only=True)
class Unit:
    """One thing that was asked for: a concept of the taxonomy, or a word of its own.

    `terms` maps index terms to query weights; `importance` is about what this unit adds
    to a score, and what it weighs in coverage. A unit without terms is unknown here.
    `concept` is the index term of the concept itself, None for a word or an unused concept.
    """

    label: str
    kind: str
    sources: tuple[str, ...]
    terms: Mapping[int, float]
    importance: float
    concept: int | None = None


@dataclass(frozen=True, kw_only=True)
class Query:
    """What a profile means to the index; `standing` weighs its words, if they are few."""

    units: tuple[Unit, ...]
    corrections: tuple[Correction, ...] = ()
    unknown_words: tuple[str, ...] = ()
    is_long: bool = False
    concept_share: float = 1.0
    standing: Standing = NOTHING_SAID

    @property
    def importance(self) -> float:
        """The sum over units, unknown words included."""
        return sum(unit.importance for unit in self.units)

    def term_weights(self) -> dict[int, float]:
        """The query vector."""
        weights: dict[int, float] = {}
        for unit in self.units:
            for term, weight in unit.terms.items():
                weights[term] = weights.get(term, 0.0) + weight
        return weights


def understand(profile: DonorProfile, index: Index) -> Query:
    """Read a profile's words and chips as units of the index's vocabulary."""
    query = _Reader(profile, index).read()
    typed = spellings(profile.text)
    return _spelled(query, typed) if typed else query


def _spelled(query: Query, typed: Mapping[str, str]) -> Query:
    """A query that quotes the donor with accents: folded words look mistyped in Spanish."""
    units = (
        replace(
            unit,
            label=_spell(unit.label, typed) if unit.kind == "word" else unit.label,
            sources=tuple(_spell(source, typed) for source in unit.sources),
        )
        for unit in query.units
    )
    return replace(
        query,
        units=tuple(units),
        corrections=tuple(replace(c, typed=_spell(c.typed, typed)) for c in query.corrections),
        unknown_words=tuple(_spell(word, typed) for word in query.unknown_words),
    )


def _spell(phrase: str, typed: Mapping[str, str]) -> str:
    return " ".join(typed.get(word, word) for word in phrase.split(" "))


Label = str | int
"""What a unit is about: a tag as `kind:slug`, or the term of a word."""


class _Reader:
    """Collects units from one profile; phrases first, then what words remain."""

    def __init__(self, profile: DonorProfile, index: Index) -> None:
        self.profile = profile
        self.index = index
        self.concepts: dict[Label, dict[int, float]] = {}
        self.spoken: dict[Label, dict[str, int]] = {}
        self.corrections: dict[str, str] = {}
        self.guessed: Set[str] = frozenset()
        self.unknown: dict[str, int] = {}
        self.standing = NOTHING_SAID
        self.place_words = frozenset(words(profile.place.label)) if profile.place else frozenset()

    def read(self) -> Query:
        self._read_chips()
        typed = words(self.profile.text)
        if self.place_words:
            typed = [word for word in typed if word not in self.place_words]
        counts = Counter(typed)
        language = _find_language(counts, self.profile.language, self.index)
        is_long = len(typed) > LONG_TEXT_WORDS
        known = typed if is_long else [self._corrected(word, language) for word in typed]
        # What was typed as well is no guess.
        self.guessed = {*self.corrections.values()} - counts.keys()
        spans = [*find_phrases(known, self.index)]
        phrases = [" ".join(known[start:stop]) for start, stop, _ in spans]
        meanings = dict(zip(phrases, [found for *_, found in spans], strict=True))
        said = Counter(phrases)
        for phrase, found in meanings.items():
            if _is_concept(found):
                self._read_concept(phrase, said[phrase], found, language)
        if not (is_long and self._has_enough()):
            segments = Counter(_segment(known, spans))
            self._read_words(segments, meanings, language)
            if not is_long:
                self._weigh_segments(segments, meanings)
        return self._query(counts)

    def _read_chips(self) -> None:
        for kind in TagKind:
            for slug in getattr(self.profile, kind.value):
                tag = f"{kind.value}:{slug}"
                self._add_term(tag, self.index.vocabulary.get(tag), CHIP_WEIGHT)

    def _corrected(self, word: str, language: Language) -> str:
        if word in self.corrections:
            return self.corrections[word]
        if len(word) < SHORTEST_CORRECTED or word.isdigit() or self._is_known(word):
            return word
        better = correct(word, self.index, language)
        if not better or not self._is_likely(word, better):
            return word
        self.corrections[word] = better
        return better

    def _is_known(self, word: str) -> bool:
        return (
            word in self.index.known_words
            or f"initials:{word}" in self.index.tag_of
            or not is_content(word)
            or bool(self.index.terms_of(word))
        )

    def _is_likely(self, word: str, better: str) -> bool:
        """Whether a word is rather the slip of a better known one than what was meant."""
        is_phrase = singular(better) in self.index.phrases
        is_sure = is_phrase and better in self.index.lexicon[:N_SURE]
        return not is_everyday(word) or (is_sure and edit_distance(word, better, 1) <= 1)

    def _read_concept(
        self, phrase: str, times: int, meanings: tuple[Meaning, ...], language: Language
    ) -> None:
        """Read a phrase that stands for concepts and was said so many times."""
        labels = list(dict.fromkeys(tag for meaning in meanings for tag in meaning.tags))
        for meaning in meanings:
            for tag in meaning.tags:
                self._speak(tag, phrase, times)
                self._add_term(tag, self.index.vocabulary.get(tag), CONCEPT_WEIGHT * meaning.weight)
                self._add_expansion(tag, meaning)
        for word in filter(is_content, phrase.split(" ")):
            # The words of a phrase only shade what it surely means.
            self._add_word(labels[0], word, language, _own_weight(meanings))

    def _has_enough(self) -> bool:
        """Whether so many concepts are above any word that none comes into the themes."""
        weighed = [self._weigh(label, True)[0] for label in self.concepts]
        return sum(weight > MAX_WORD_IMPORTANCE for weight in weighed) >= MAX_UNITS

    def _read_words(
        self,
        segments: Mapping[str, int],
        meanings: Mapping[str, tuple[Meaning, ...]],
        language: Language,
    ) -> None:
        """Read what stands for no concept: words, and those of phrases that say so."""
        for segment, times in segments.items():
            found = meanings.get(segment)
            if found is None:
                if is_content(segment):
                    self._read_word(segment, times, language)
            elif not _is_concept(found):
                for word in filter(is_content, _other_words(found) or segment.split(" ")):
                    self._read_word(word, times, language, _own_weight(found))

    def _read_word(
        self, word: str, times: int, language: Language, weight: float = WORD_WEIGHT
    ) -> None:
        """Read a word that belongs to no concept; what was typed itself counts too."""
        term = self._term(word, language)
        if term is None:
            self.unknown[word] = self.unknown.get(word, 0) + times
            return
        meant = self._translated(term, language)
        self._speak(meant, word, times)
        self._add_word(meant, word, language, weight)

    def _add_word(self, label: Label, word: str, language: Language, weight: float) -> None:
        """Give a word's weight to its term, and a share of it to the English counterpart."""
        term = self._term(word, language)
        meant = self._translated(term, language) if term is not None else None
        if meant == term:
            self._add_term(label, term, weight)
        else:
            self._add_term(label, meant, (1 - TYPED_SHARE) * weight)
            self._add_term(label, term, TYPED_SHARE * weight)

    def _weigh_segments(
        self, segments: Mapping[str, int], meanings: Mapping[str, tuple[Meaning, ...]]
    ) -> None:
        for segment, times in segments.items():
            content = [w for w in segment.split(" ") if w in self.guessed or is_content(w)]
            if segment in meanings:
                weighed = weigh_phrase(meanings[segment], max(1, len(content)))
            else:
                weighed = sum(map(self._weigh_word, content), NOTHING_SAID)
            self.standing += weighed * times

    def _weigh_word(self, word: str) -> Standing:
        if word in self.guessed:
            # "mattress" read as "matters": only a concept makes a guess believable.
            return Standing(foreign=1, n_words=1)
        return weigh_word(self.index.terms_of(word), self.index)

    def _translated(self, term: int, language: Language) -> int:
        """The English term for a Spanish one, where one is known, so that both ask the same."""
        counterpart = self.index.counterparts.item(term) if language is Language.ES else -1
        return counterpart if counterpart >= 0 else term

    def _term(self, word: str, language: Language) -> int | None:
        """The term of a word by its stem in one language, or else in the other."""
        terms = self.index.terms_of(word)
        return terms[-1 if language is Language.ES else 0] if terms else None

    def _add_term(self, label: Label, term: int | None, weight: float) -> None:
        weights = self.concepts.setdefault(label, {})
        if term is not None:
            weights[term] = max(weights.get(term, 0.0), weight)

    def _add_expansion(self, label: str, meaning: Meaning) -> None:
        weights = self.concepts.setdefault(label, {})
        for term in self.index.expand(meaning.words):
            weights.setdefault(term, EXPANSION_WEIGHT * meaning.weight)

    def _speak(self, label: Label, spoken: str, times: int) -> None:
        said = self.spoken.setdefault(label, {})
        said[spoken] = said.get(spoken, 0) + times

    def _query(self, counts: Counter[str]) -> Query:
        n_content = sum([times for word, times in counts.items() if is_content(word)])
        is_long = counts.total() > LONG_TEXT_WORDS
        # Units are made of the most important labels only: an article has hundreds.
        weighed = [(*self._weigh(label, is_long), label) for label in self.concepts]
        weighed.sort(key=lambda each: -each[0])
        units = [self._unit(*each) for each in weighed[:MAX_UNITS]]
        if not is_long:
            units += [self._unknown_unit(word) for word in self.unknown]
            units.sort(key=lambda unit: -unit.importance)
        return Query(
            units=tuple(units[:MAX_UNITS]),
            corrections=tuple(Correction(typed=a, used=b) for a, b in self.corrections.items()),
            unknown_words=() if is_long else tuple(self.unknown),
            is_long=is_long,
            concept_share=self._n_concept_words() / n_content if n_content else 1.0,
            standing=self.standing,
        )

    def _n_concept_words(self) -> int:
        """How many of the words were said as part of a concept."""
        spoken = {
            (phrase, times)
            for label, said in self.spoken.items()
            if isinstance(label, str)
            for phrase, times in said.items()
        }
        return sum((phrase.count(" ") + 1) * times for phrase, times in spoken)

    def _weigh(self, label: Label, is_long: bool) -> tuple[float, float]:
        """How important a label is, and how much more it weighs for being said again."""
        said, weights, idf = self.spoken.get(label), self.concepts[label], self.index.idf
        emphasis = 1 + log(sum(said.values())) if said else 1.0
        is_word = isinstance(label, int)
        if is_long and is_word:
            emphasis *= LONG_TEXT_WORD_WEIGHT
        importance = emphasis * sum([weight * idf.item(term) for term, weight in weights.items()])
        return min(importance, MAX_WORD_IMPORTANCE) if is_word else importance, emphasis

    def _unit(self, importance: float, emphasis: float, label: Label) -> Unit:
        said = self.spoken.get(label, {})
        sources = tuple(sorted(said, key=lambda spoken: -said[spoken]))
        kind, name, concept = "word", "", None
        if isinstance(label, str):
            kind, _, name = label.partition(":")
            concept = self.index.vocabulary.get(label)
        return Unit(
            label=name or sources[0],
            kind=kind,
            sources=sources,
            terms={term: weight * emphasis for term, weight in self.concepts[label].items()},
            importance=importance,
            concept=concept,
        )

    def _unknown_unit(self, word: str) -> Unit:
        return Unit(
            label=word, kind="word", sources=(word,), terms={}, importance=MAX_WORD_IMPORTANCE
        )


def _is_concept(meanings: Iterable[Meaning]) -> bool:
    """Whether a phrase stands for any tag; "animal shelter" only says what is not meant."""
    return any(meaning.tags for meaning in meanings)


def _other_words(meanings: Iterable[Meaning]) -> list[str]:
    """What a phrase without a tag says in our words, if that is sure: "bajos recursos"."""
    sure = [meaning.words for meaning in meanings if meaning.weight >= SURE]
    return words(" ".join(each for further in sure for each in further))


def _own_weight(meanings: Iterable[Meaning]) -> float:
    """What a word of a phrase weighs, the less the surer the phrase is."""
    return WORD_WEIGHT - IN_PHRASE_WEIGHT * max(meaning.weight for meaning in meanings)


def find_phrases(
    typed: Sequence[str], index: Index
) -> Iterator[tuple[int, int, tuple[Meaning, ...]]]:
    """Where the phrases that an index knows begin and end among words, and what they mean.

    The longest are found first, from left to right; a stop word alone is none.
    """
    begun, stop = index.phrase_tree.longer, 0
    starts = [
        at
        for at, (word, following) in enumerate(zip(typed, [*typed[1:], ""], strict=False))
        if (tree := begun.get(word)) and (tree.meanings or following in tree.longer)
    ]
    for start in starts:
        if start < stop:
            continue
        stop, meanings = _longest(typed, start, index.phrase_tree)
        if meanings and (stop > start + 1 or not is_stop_word(typed[start])):
            yield start, stop, meanings


def _longest(typed: Sequence[str], start: int, tree: PhraseTree) -> tuple[int, tuple[Meaning, ...]]:
    """Where the longest phrase from a known word on ends, and what it means, if there is any."""
    stop, meanings = start + 1, tree.meanings
    for at in range(start, len(typed)):
        longer = tree.longer.get(typed[at])
        if longer is None:
            break
        tree = longer
        if tree.meanings:
            stop, meanings = at + 1, tree.meanings
    return stop, meanings


def _segment(typed: Sequence[str], spans: Iterable[tuple[int, int, object]]) -> list[str]:
    """Words in the order they were said, those of each span as one."""
    segments: list[str] = []
    at = 0
    for start, stop, _ in spans:
        segments += typed[at:start]
        segments.append(" ".join(typed[start:stop]))
        at = stop
    return [*segments, *typed[at:]]


def condense(text: str, index: Index, language: Language) -> str:
    """A long text reduced to its themes: the words behind them, as often as they were said.

    It reads like no text, but is understood as the whole one is, in any order of words,
    because nothing else of a text is ever used.
    """
    reader = _Reader(DonorProfile(text=text, language=language), index)
    query = reader.read()
    kept = {source for unit in query.units for source in unit.sources}
    said: dict[str, int] = {}
    for phrase, times in (pair for said_of in reader.spoken.values() for pair in said_of.items()):
        if phrase in kept:
            said[phrase] = min(times, said.get(phrase, times))
    phrases = [phrase for phrase, times in said.items() for _ in range(times)]
    phrases += [_UNKNOWN] * _n_other_words(query, phrases)
    # A stop word between any two keeps them from joining, and the language what it was.
    between = _BETWEEN[_find_language(Counter(words(text)), language, index)]
    padding = [between] * (LONG_TEXT_WORDS if query.is_long else 0)
    themes = " ".join([f" {between} ".join(phrases), *padding])
    return _spell(themes, spellings(text))


_BETWEEN = {Language.EN: "its", Language.ES: "sus"}
_UNKNOWN = "0"
"""A word that no listing has: only its share of the whole counts."""


def _n_other_words(query: Query, phrases: Sequence[str]) -> int:
    """How many more words leave concepts the share of the text that they had."""
    concepts = {s for unit in query.units if unit.kind != "word" for s in unit.sources}
    n_concept_words = sum(len(phrase.split()) for phrase in phrases if phrase in concepts)
    n_words = sum(is_content(word) for phrase in phrases for word in phrase.split())
    whole = n_concept_words / query.concept_share if query.concept_share else 0
    return max(0, round(whole) - n_words)


def correct(word: str, index: Index, language: Language) -> str:
    """The frequent word, alike from its first sound on, that a mistyped one stands for, or "".

    Of words that are equally near, it is one of the given language.
    """
    limit, sound = 1 if len(word) < 8 else 2, word[0].translate(_SAME_SOUND)
    near = [number for number, _ in index.lexicon_grams.similar(word, n=30, at_least=0.3)]
    frequent = [(n, index.lexicon[n]) for n in near if n < N_CORRECTIONS]
    ranked = sorted(
        (distance, not _is_of(language, better, index), n, better)
        for n, better in frequent
        if better[0].translate(_SAME_SOUND) == sound
        and (distance := edit_distance(word, better, limit)) <= limit
    )
    return ranked[0][-1] if ranked else ""


def _find_language(counts: Mapping[str, int], default: Language, index: Index) -> Language:
    """The language of the stop words, or else of most other words, or else the default."""
    by_stop_words = {detect_language(counts, each) for each in Language}
    if len(by_stop_words) == 1:
        return by_stop_words.pop()
    content = [word for word in counts if is_content(word)]
    votes = {each: sum(_is_of(each, word, index) for word in content) for each in Language}
    return max(Language, key=lambda each: (votes[each], each is default))


def _is_of(language: Language, word: str, index: Index) -> bool:
    """Whether no language knows the word better: names bring its stem in the other one too."""
    term = index.vocabulary.get(stem(word, language))
    return term is not None and index.idf[term] <= index.idf[[*index.terms_of(word)]].min()
