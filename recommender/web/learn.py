"""What others have published and our topic guides, each with the nonprofits it leads to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from flask import Blueprint, Response, abort, make_response, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from recommender.errors import InvalidProfile, UnknownPlace
from recommender.geo import MAX_TEXT_LENGTH, STATES, Gazetteer
from recommender.models import (
    DonorProfile,
    Guide,
    Place,
    PlaceKind,
    Recommendation,
    Resource,
    TagKind,
)
from recommender.pipeline import recommend
from recommender.store.library import get_guide, get_resource, list_guides, list_resources
from recommender.web import (
    get_db,
    get_excluded,
    get_gazetteer,
    get_index,
    get_settings,
    read_catalog,
)
from recommender.web.answers import unknown_place
from recommender.web.feed import render_feed
from recommender.web.forms import parse_place
from recommender.web.i18n import current_language, lazy_gettext, url
from recommender.web.i18n import gettext as _
from recommender.web.seal import InvalidSeal, Seal
from recommender.web.vocabulary import get_vocabulary

PAGE_SIZE = 12
N_MATCHES = 5
N_RELATED = 3
# A topic of a resource or guide can be any of these kinds of tag.
TOPIC_KINDS = (TagKind.SERVICE.value, TagKind.POPULATION.value, "topics")
KINDS = {
    "article": lazy_gettext("Article"),
    "data": lazy_gettext("Data"),
    "explainer": lazy_gettext("Explainer"),
    "guide": lazy_gettext("Guide"),
    "report": lazy_gettext("Report"),
    "story": lazy_gettext("Story"),
}

bp = Blueprint("learn", __name__)


@dataclass(frozen=True, kw_only=True)
class Topic:
    """A topic as a reader meets it; `count` is the number of resources that have it."""

    slug: str
    label: str
    count: int = 0


@dataclass(frozen=True, kw_only=True)
class Near:
    """Where a page's nonprofits are looked for; `typed` and `problem` are of a failed try."""

    place: Place | None = None
    by_reader: bool = False
    typed: str = ""
    problem: str = ""
    suggestions: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The place as it is called in the current language."""
        if self.place is None:
            return ""
        if self.place.kind is PlaceKind.STATE:
            return STATES[self.place.state].name(current_language())
        return self.place.label


# --- Resources ---------------------------------------------------------------------------


@bp.get("/learn")
def index() -> str:
    """All resources, newest first, by topic and kind."""
    everything = newest_first(read_catalog(list_resources))
    topics = count_topics(everything)
    topic, kind = request.args.get("topic", ""), request.args.get("kind", "")
    if topic not in {"", *(known.slug for known in topics)} or kind not in {"", *KINDS}:
        abort(404)
    chosen = [r for r in everything if topic in ("", *r.topics) and kind in ("", r.kind)]
    # The newest of all has a place of its own above the list.
    n_ahead = 0 if topic or kind else 1
    n_pages = max(1, -(-(len(chosen) - n_ahead) // PAGE_SIZE))
    page_number = request.args.get("page", 1, type=int)
    if not 1 <= page_number <= n_pages:
        abort(404)
    start = n_ahead + (page_number - 1) * PAGE_SIZE
    return render_template(
        "learn/index.html",
        newest=chosen[:n_ahead] if page_number == 1 else [],
        resources=chosen[start : start + PAGE_SIZE],
        total=len(chosen),
        topic=topic,
        kind=kind,
        page_number=page_number,
        n_pages=n_pages,
        href=lambda n: url("learn.index", **_given(topic=topic, kind=kind, page=n if n > 1 else 0)),
        topic_choices=[(known.slug, f"{known.label} ({known.count})") for known in topics],
        guides=read_catalog(list_guides),
        kinds=KINDS,
        topic_label=topic_label,
    )


@bp.get("/learn/<slug>")
def resource(slug: str) -> Response:
    """One resource: our take, our summary, the way to the publisher, and nonprofits."""
    piece = get_resource(get_db(), slug)
    return _resource_page(piece, Near(place=own_place(piece, get_gazetteer())))


@bp.post("/learn/<slug>/near")
def near(slug: str) -> AnyResponse:
    """Take the reader's place and lead to the page that answers for it."""
    piece = get_resource(get_db(), slug)
    asked = _asked_place()
    if asked.problem:
        return _resource_page(piece, asked, status=422)
    if asked.place is None:
        return redirect(url("learn.resource", slug=slug), 303)
    return redirect(url("learn.resource_near", slug=slug, sealed=_sealer().close(asked.place)), 303)


@bp.get("/learn/<slug>/<sealed>")
def resource_near(slug: str, sealed: str) -> Response:
    """A resource with nonprofits near the reader's place, which only we can read."""
    piece = get_resource(get_db(), slug)
    place = _unseal(sealed)
    if place is None:
        return _resource_page(piece, _expired(), status=410)
    return _resource_page(piece, Near(place=place, by_reader=True))


def _resource_page(piece: Resource, near: Near, status: int = 200) -> Response:
    everything = newest_first(read_catalog(list_resources))
    page = render_template(
        "learn/resource.html",
        resource=piece,
        kind=KINDS[piece.kind],
        host=host_of(piece.url),
        topics=named_topics(piece.topics),
        guides=guides_about(piece.topics, read_catalog(list_guides)),
        related=related(piece.topics, (r for r in everything if r.slug != piece.slug)),
        near=near,
        found=find(resource_profile(piece, near.place)),
        action=url("learn.near", slug=piece.slug),
        plain=url("learn.resource", slug=piece.slug),
        topic_label=topic_label,
        kinds=KINDS,
    )
    return _answer(page, near, status)


# --- Guides ------------------------------------------------------------------------------


@bp.get("/topics")
def topics() -> str:
    """All topic guides."""
    everything = read_catalog(list_resources)
    guides = read_catalog(list_guides)
    counts = {g.slug: sum(is_about(r, g) for r in everything) for g in guides}
    return render_template("learn/topics.html", guides=guides, counts=counts)


@bp.get("/topics/<slug>")
def topic(slug: str) -> Response:
    """One guide: background, sourced facts, ways to help, nonprofits and resources."""
    return _guide_page(get_guide(get_db(), slug), Near())


@bp.post("/topics/<slug>/near")
def topic_near(slug: str) -> AnyResponse:
    """Take the reader's place and lead to the guide that answers for it."""
    guide = get_guide(get_db(), slug)
    asked = _asked_place()
    if asked.problem:
        return _guide_page(guide, asked, status=422)
    if asked.place is None:
        return redirect(url("learn.topic", slug=slug), 303)
    return redirect(url("learn.topic_at", slug=slug, sealed=_sealer().close(asked.place)), 303)


@bp.get("/topics/<slug>/<sealed>")
def topic_at(slug: str, sealed: str) -> Response:
    """A guide with nonprofits near the reader's place."""
    guide = get_guide(get_db(), slug)
    place = _unseal(sealed)
    if place is None:
        return _guide_page(guide, _expired(), status=410)
    return _guide_page(guide, Near(place=place, by_reader=True))


def _guide_page(guide: Guide, near: Near, status: int = 200) -> Response:
    language = current_language()
    everything = newest_first(read_catalog(list_resources))
    ours = {resource.url: resource for resource in everything}
    profile = DonorProfile(text=guide.query(language), language=language, place=near.place)
    page = render_template(
        "learn/topic.html",
        guide=guide,
        facts=[(f, host_of(f.source_url), ours.get(f.source_url)) for f in guide.key_facts],
        topics=named_topics(guide.topics),
        guides=[other for other in read_catalog(list_guides) if other.slug != guide.slug],
        related=related(guide.topics, everything, n=6),
        near=near,
        found=find(profile),
        action=url("learn.topic_near", slug=guide.slug),
        plain=url("learn.topic", slug=guide.slug),
        topic_label=topic_label,
        kinds=KINDS,
    )
    return _answer(page, near, status)


# --- Feed --------------------------------------------------------------------------------


@bp.get("/learn/feed.xml")
def feed() -> Response:
    """The newest dated resources as an Atom feed in this address's language."""
    xml = render_feed(newest_first(read_catalog(list_resources)), current_language())
    return Response(xml, content_type="application/atom+xml; charset=utf-8")


# --- What the pages share ----------------------------------------------------------------


def newest_first(resources: Iterable[Resource]) -> list[Resource]:
    """Dated resources from the newest on, then the undated in their editors' order."""
    return sorted(resources, key=lambda resource: resource.published, reverse=True)


def shared(topics: Iterable[str], others: Iterable[str]) -> set[str]:
    """The topics that two pieces have in common."""
    return set(topics) & set(others)


def is_about(resource: Resource, guide: Guide) -> bool:
    """Whether a resource shares enough with a guide; one topic may be as wide as "families"."""
    return len(shared(resource.topics, guide.topics)) > 1


def related(
    topics: Sequence[str], resources: Iterable[Resource], n: int = N_RELATED
) -> list[Resource]:
    """The resources that share most of the topics; of equals, the first given come first."""
    ranked = sorted(resources, key=lambda r: -len(shared(topics, r.topics)))
    return [resource for resource in ranked if shared(topics, resource.topics)][:n]


def guides_about(topics: Sequence[str], guides: Iterable[Guide], n: int = 2) -> list[Guide]:
    """The guides that share most of the topics, and what comes first in a guide counts most."""
    ranked = sorted(guides, key=lambda guide: -_closeness(topics, guide))
    return [guide for guide in ranked if shared(topics, guide.topics)][:n]


def _closeness(topics: Sequence[str], guide: Guide) -> float:
    """Each shared topic adds 1 / (1 + its place in the guide)."""
    return sum(1 / (1 + at) for at, topic in enumerate(guide.topics) if topic in topics)


def count_topics(resources: Iterable[Resource]) -> list[Topic]:
    """The topics of resources by how many have them."""
    counts = Counter(topic for resource in resources for topic in resource.topics)
    found = [Topic(slug=s, label=topic_label(s), count=n) for s, n in counts.items()]
    return sorted(found, key=lambda topic: (-topic.count, topic.label))


def named_topics(slugs: Iterable[str]) -> list[Topic]:
    """Topics with their labels, only those that the list of resources can be narrowed by."""
    known = {slug for resource in read_catalog(list_resources) for slug in resource.topics}
    return [Topic(slug=slug, label=topic_label(slug)) for slug in slugs if slug in known]


def host_of(address: str) -> str:
    """The host of a web address, shown so that nobody is surprised where a link leads."""
    return (urlsplit(address).hostname or "").removeprefix("www.")


def topic_label(slug: str) -> str:
    """What a topic is called in the current language."""
    vocabulary = get_vocabulary()
    kind = next((kind for kind in TOPIC_KINDS if (kind, slug) in vocabulary), "")
    return vocabulary.label(kind, slug, current_language())


def own_place(piece: Resource, gazetteer: Gazetteer) -> Place | None:
    """Where a resource plays: its first city, else its only state; none for the whole country."""
    cities = [name for name in piece.places if "," in name]
    states = [name for name in piece.places if name in STATES]
    named = cities or (states if len(states) == 1 else [])
    return gazetteer.resolve(named[0]) if named else None


def resource_profile(piece: Resource, place: Place | None) -> DonorProfile:
    """The interest that a resource stands for: its own text, and the topics it was given."""
    # Its English text is matched, because that is the piece's own language.
    return DonorProfile(
        text=piece.text,
        services=_of_kind(TagKind.SERVICE, piece.topics),
        populations=_of_kind(TagKind.POPULATION, piece.topics),
        place=place,
    )


def _of_kind(kind: TagKind, slugs: Iterable[str]) -> tuple[str, ...]:
    vocabulary = get_vocabulary()
    return tuple(slug for slug in slugs if (kind.value, slug) in vocabulary)


def find(profile: DonorProfile) -> Recommendation:
    """The nonprofits that a page leads to; a state has no middle to measure from."""
    answer = recommend(profile, get_index(), n=N_MATCHES, exclude=get_excluded())
    if profile.place is None or profile.place.kind is not PlaceKind.STATE:
        return answer
    return replace(answer, matches=tuple(replace(m, distance_km=None) for m in answer.matches))


# --- The reader's place ------------------------------------------------------------------


def _asked_place() -> Near:
    # A suggestion that was chosen stands after what was typed.
    typed = (request.form.getlist("place") or [""])[-1].strip()
    try:
        return Near(place=parse_place(typed, get_gazetteer()), typed=typed)
    except UnknownPlace as error:
        problem = unknown_place(error, typed)
        shown = typed[:MAX_TEXT_LENGTH]
        return Near(typed=shown, problem=problem.sentence, suggestions=problem.suggestions)
    except InvalidProfile as error:
        return Near(problem=str(error))


def _expired() -> Near:
    return Near(problem=_("This link to a place has expired. Please type the place once more."))


def _sealer() -> Seal[Place]:
    return Seal(get_settings().secret_key, Place)


def _unseal(sealed: str) -> Place | None:
    try:
        return _sealer().open(sealed).record
    except InvalidSeal:
        return None


def _answer(page: str, near: Near, status: int) -> Response:
    response = make_response(page, status)
    if near.by_reader or near.typed:
        # A shared computer must not keep where its last reader lives.
        response.headers["Cache-Control"] = "no-store"
    return response


def _given(**values: object) -> dict[str, object]:
    return {name: value for name, value in values.items() if value}
