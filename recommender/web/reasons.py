"""A match's reasons sorted into what a sentence and a table need; templates say the words."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property

from flask import Flask

from recommender.models import Match, Reason, TagKind
from recommender.ranking import FEATURES, N_
from recommender.web.i18n import community, current_language, gettext, in_sentence
from recommender.web.vocabulary import get_vocabulary

# The label of a tag, from its kind and slug, in the current language.
Label = Callable[[str, str], str]

# More than this in one sentence is no longer read; the table has them all.
MAX_NAMED = 3
_TITLES = {feature.key: feature.title for feature in FEATURES}
_KINDS = {"related": N_("Related words"), "mention": N_("Mentioned in passing")}
_TAGS = {kind.value for kind in TagKind}


@dataclass(frozen=True, kw_only=True)
class Share:
    """A row of the table: what counted, what it adds to the score, the words behind it."""

    label: str
    contribution: float
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Why:
    """The reasons of a match, sorted by what the donor asked for; made where they are shown.

    Labels for the sentence are the strongest ones; the shares add up to the match's score.
    """

    match: Match
    label: Label

    @cached_property
    def asked(self) -> tuple[str, ...]:
        """Kinds of help."""
        return self._named({TagKind.SERVICE})

    @cached_property
    def people(self) -> tuple[str, ...]:
        """Communities last: "for women and the Afghan community" keeps its one article apart."""
        named = self._strongest({TagKind.POPULATION, TagKind.COMMUNITY})
        named.sort(key=lambda reason: reason.kind == TagKind.COMMUNITY)
        return tuple(_in_words(reason, self.label) for reason in named)

    @cached_property
    def languages(self) -> tuple[str, ...]:
        """Languages spoken."""
        return self._named({TagKind.LANGUAGE})

    @cached_property
    def words(self) -> tuple[str, ...]:
        """Words that stand for no tag."""
        return self._named({"word"})

    @cached_property
    def by_name(self) -> bool:
        """Whether what was typed is its name, or close to it."""
        return any(reason.feature == "name" for reason in self.match.reasons)

    @cached_property
    def shares(self) -> tuple[Share, ...]:
        """The rows of the table."""
        return tuple(_share(reason, self.label) for reason in self.match.reasons)

    @cached_property
    def missing(self) -> tuple[str, ...]:
        """What was asked for and is not there."""
        return tuple(_in_words(reason, self.label) for reason in self.match.missing)

    def _named(self, kinds: set[str]) -> tuple[str, ...]:
        return tuple(_in_words(reason, self.label) for reason in self._strongest(kinds))

    def _strongest(self, kinds: set[str]) -> list[Reason]:
        return [reason for reason in self.match.reasons if reason.kind in kinds][:MAX_NAMED]


def init_app(app: Flask) -> None:
    """Give templates `why(match)` and `tag_label(kind, slug)`."""
    app.jinja_env.globals.update(why=_explain, tag_label=tag_label)


def tag_label(kind: str, slug: str) -> str:
    """What a tag is called in the current language."""
    return get_vocabulary().label(kind, slug, current_language())


def _explain(match: Match) -> Why:
    vocabulary, language = get_vocabulary(), current_language()
    return Why(match=match, label=lambda kind, slug: vocabulary.label(kind, slug, language))


def _in_words(reason: Reason, label: Label) -> str:
    """How a reason is named inside a sentence."""
    if reason.kind not in _TAGS:
        return reason.label
    name = label(reason.kind, reason.label)
    if reason.kind == TagKind.COMMUNITY:
        return community(name)
    # Languages are written large in English and small in Spanish, as English classes are.
    return in_sentence(name, proper=reason.kind == TagKind.LANGUAGE)


def _share(reason: Reason, label: Label) -> Share:
    if reason.kind in _TAGS:
        return Share(
            label=label(reason.kind, reason.label),
            contribution=reason.contribution,
            note=_quoted(reason.sources),
        )
    if reason.kind == "word":
        return Share(label=_quoted((reason.label,)), contribution=reason.contribution)
    title = gettext(_KINDS.get(reason.kind) or _title(reason))
    return Share(label=title, contribution=reason.contribution, note=reason.label)


def _title(reason: Reason) -> str:
    return _TITLES.get(reason.feature, reason.feature)


def _quoted(words: Iterable[str]) -> str:
    return ", ".join(f"“{word}”" for word in words)
