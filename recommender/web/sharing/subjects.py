"""What of this site can be shown elsewhere: a page of public facts, with nothing of a reader."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlencode

from flask import request
from werkzeug.datastructures import MultiDict

from recommender.errors import NotFound
from recommender.geo import STATES
from recommender.models import (
    DonorProfile,
    Filters,
    Guide,
    Language,
    Nonprofit,
    Resource,
    Scope,
    TagKind,
)
from recommender.pipeline import recommend
from recommender.store.library import list_guides, list_resources
from recommender.web import get_excluded, get_gazetteer, get_index, read_catalog
from recommender.web.addresses import absolute_url
from recommender.web.directory import PARAMETERS, value_label
from recommender.web.i18n import (
    SPANISH_PREFIX,
    community,
    current_language,
    date,
    ngettext,
    number,
)
from recommender.web.i18n import gettext as _
from recommender.web.learn import KINDS, own_place, resource_profile
from recommender.web.reasons import tag_label
from recommender.web.sharing.pictures import Words
from recommender.web.vocabulary import get_vocabulary

HOME, NONPROFIT, RESOURCE, TOPIC = "home", "nonprofit", "resource", "topic"
# Pages of the directory that are narrowed by one of these: "result by topic".
TAG_KINDS = (TagKind.SERVICE.value, TagKind.POPULATION.value, TagKind.COMMUNITY.value)
N_GROUPS = 3
Entry = TypeVar("Entry", Resource, Guide)
_PAGES = {"directory.profile": NONPROFIT, "learn.resource": RESOURCE, "learn.topic": TOPIC}
_ENDPOINTS = {kind: endpoint for endpoint, kind in _PAGES.items()}


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A page by what it is about; of a tag, `state` narrows it further."""

    kind: str
    slug: str = ""
    state: str = ""

    @property
    def name(self) -> str:
        """Its last part in addresses, e.g. "raices" or "legal-services.tx"."""
        return f"{self.slug}.{self.state.lower()}" if self.state else self.slug

    def url(self, language: Language) -> str:
        """The whole address of the page."""
        if self.kind == HOME:
            return absolute_url(language, "donor.home")
        if self.kind in _ENDPOINTS:
            return absolute_url(language, _ENDPOINTS[self.kind], slug=self.slug)
        asked = {PARAMETERS[self.kind]: self.slug}
        asked |= {PARAMETERS["states"]: self.state} if self.state else {}
        return absolute_url(language, "directory.index") + "?" + urlencode(asked)


@dataclass(frozen=True, kw_only=True)
class Shared:
    """A page in words, in the current language. `title_language` is that of the title alone."""

    subject: Subject
    title: str
    kicker: str
    text: str
    line: str
    title_language: Language
    language: Language
    author: str = ""

    @property
    def url(self) -> str:
        """The whole address of the page."""
        return self.subject.url(self.language)

    @property
    def words(self) -> Words:
        """What its picture says."""
        return Words(title=self.title, kicker=self.kicker, line=self.line)


# --- Which page it is -------------------------------------------------------------------


def name_subject(kind: str, name: str) -> Subject:
    """The subject of the last parts of an address.

    Raises:
        NotFound: there is no such kind.
    """
    slug, _dot, state = name.partition(".")
    if kind not in {*_ENDPOINTS, *TAG_KINDS} or (state and kind not in TAG_KINDS):
        raise NotFound(name)
    return Subject(kind=kind, slug=slug, state=state.upper())


def find_subject(
    endpoint: str, values: Mapping[str, Any], args: MultiDict[str, str]
) -> Subject | None:
    """The subject of a page by its route; None where it is not one to show elsewhere."""
    endpoint = endpoint.removeprefix(SPANISH_PREFIX)
    if endpoint == "donor.home":
        return Subject(kind=HOME)
    if endpoint in _PAGES:
        return Subject(kind=_PAGES[endpoint], slug=values["slug"])
    return _narrowed(args) if endpoint == "directory.index" else None


def _narrowed(args: MultiDict[str, str]) -> Subject | None:
    """The directory narrowed by one tag, or by one tag and one state, and by nothing else."""
    given = list(args.items(multi=True))
    tags = [(k, v) for name, v in given for k in TAG_KINDS if PARAMETERS[k] == name]
    states = [value for name, value in given if name == PARAMETERS["states"]]
    if len(tags) != 1 or len(states) > 1 or len(tags) + len(states) != len(given):
        return None
    return Subject(kind=tags[0][0], slug=tags[0][1], state="".join(states))


def shared_page() -> Shared | None:
    """This request's page as other sites show it, if they do."""
    if request.endpoint is None or request.method not in {"GET", "HEAD"}:
        return None
    subject = find_subject(request.endpoint, request.view_args or {}, request.args)
    try:
        return describe(subject) if subject else None
    except NotFound:
        return None


# --- What it says -----------------------------------------------------------------------


def describe(subject: Subject) -> Shared:
    """A page in words.

    Raises:
        NotFound: there is no such page, or it may not be shown elsewhere any more.
    """
    if subject.kind == HOME:
        return _home(subject)
    if subject.kind == NONPROFIT:
        return _nonprofit(subject, find_nonprofit(subject.slug))
    if subject.kind == RESOURCE:
        return _resource(subject, _one(read_catalog(list_resources), subject.slug))
    if subject.kind == TOPIC:
        return _guide(subject, _one(read_catalog(list_guides), subject.slug))
    return _tag(subject)


def find_nonprofit(slug: str) -> Nonprofit:
    """A listing that is in answers.

    Raises:
        NotFound: it is not, or not any more.
    """
    index = get_index()
    if slug not in index.row_of or slug in get_excluded():
        raise NotFound(slug)
    return index.nonprofit(index.row_of[slug])


def _one(entries: list[Entry], slug: str) -> Entry:
    for entry in entries:
        if entry.slug == slug:
            return entry
    raise NotFound(slug)


def _home(subject: Subject) -> Shared:
    return _shared(
        subject,
        title=_("Say what you care about. Meet the groups that do it."),
        text=_(
            "Find nonprofits that work with immigrants and refugees, near you and across the "
            "country, with the reasons for each match."
        ),
        line=_("No account, no cookies. Nothing you type is stored."),
    )


def _nonprofit(subject: Subject, listing: Nonprofit) -> Shared:
    office, language = listing.office, current_language()
    place = f"{office.city}, {office.state}" if office else ""
    return _shared(
        subject,
        title=listing.name,
        kicker=_("Nonprofit"),
        text=listing.summary(language),
        line=" · ".join(filter(None, (place, tag_label("reach", listing.reach)))),
    )


def _resource(subject: Subject, piece: Resource) -> Shared:
    return _shared(
        subject,
        title=piece.title,
        kicker=f"{KINDS[piece.kind]} · {piece.publisher}",
        text=piece.take(current_language())[0],
        line=date(piece.published) if piece.published else _("Our take, and who is at work on it"),
        title_language=Language.EN,
        author=piece.publisher,
    )


def _guide(subject: Subject, guide: Guide) -> Shared:
    language = current_language()
    return _shared(
        subject,
        title=guide.title(language),
        kicker=_("Topic guide"),
        text=guide.intro(language).split(". ")[0].rstrip(".") + ".",
        line=_("Facts with their sources, ways to help, and nonprofits at work on it"),
    )


def _tag(subject: Subject) -> Shared:
    known = (subject.kind, subject.slug) in get_vocabulary()
    if not known or (subject.state and subject.state not in STATES):
        raise NotFound(subject.name)
    label = tag_label(subject.kind, subject.slug)
    if subject.kind == TagKind.COMMUNITY:
        label = community(label)
        label = label[:1].upper() + label[1:]
    n = count_tagged(subject)
    line = ngettext(
        "%(n)s nonprofit in the directory", "%(n)s nonprofits in the directory", n, n=number(n)
    )
    if subject.state:
        state = value_label("states", subject.state)
        label = _("%(tag)s in %(state)s", tag=label, state=state)
    text = _("Who does this and where, from public records, with the source of each fact.")
    return _shared(subject, title=label, kicker=_("From the directory"), text=text, line=line)


def _shared(subject: Subject, **said: Any) -> Shared:
    language = current_language()
    return Shared(
        **{
            "subject": subject,
            "kicker": "",
            "language": language,
            "title_language": language,
            **said,
        }
    )


# --- Nonprofits -------------------------------------------------------------------------


def count_tagged(subject: Subject) -> int:
    """How many listings there are for a tag."""
    index, excluded = get_index(), get_excluded()
    rows = set(index.rows_with(f"{subject.kind}:{subject.slug}").tolist())
    if subject.state:
        rows &= set(index.rows_with(f"states:{subject.state}").tolist())
    gone = {index.row_of[slug] for slug in excluded if slug in index.row_of}
    return len(rows - gone)


def find_groups(subject: Subject) -> list[Nonprofit]:
    """The nonprofits that a page leads to, best first; none for a listing."""
    if subject.kind in {HOME, NONPROFIT}:
        return []
    answer = recommend(_profile(subject), get_index(), n=N_GROUPS, exclude=get_excluded())
    return [match.nonprofit for match in answer.matches]


def _profile(subject: Subject) -> DonorProfile:
    language = current_language()
    if subject.kind == RESOURCE:
        piece = _one(read_catalog(list_resources), subject.slug)
        return resource_profile(piece, own_place(piece, get_gazetteer()))
    if subject.kind == TOPIC:
        guide = _one(read_catalog(list_guides), subject.slug)
        return DonorProfile(text=guide.query(language), language=language)
    chosen: dict[str, Any] = {subject.kind: (subject.slug,)}
    states = (subject.state,) if subject.state else ()
    return DonorProfile(
        **chosen,
        language=language,
        scope=Scope.ANYWHERE,
        filters=Filters(states=states, **chosen),
    )
