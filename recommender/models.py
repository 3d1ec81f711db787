"""The nouns of the domain: frozen, keyword-only, no I/O.

Terms are those of information retrieval: a donor's *profile* is turned into a
query, listings are *candidates*, and each *match* carries its *reasons*.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum


class Language(StrEnum):
    """A language of the site."""

    EN = "en"
    ES = "es"


class Reach(StrEnum):
    """How far an organisation's work extends."""

    LOCAL = "local"
    STATE = "state"
    REGIONAL = "regional"
    NATIONAL = "national"
    INTERNATIONAL = "international"


class Basis(StrEnum):
    """What a listing's description rests on."""

    MISSION = "mission"
    KNOWN = "known"
    NAME = "name"


class Visibility(StrEnum):
    """How much of a location may be shown anywhere."""

    PUBLIC = "public"
    CITY = "city"
    HIDDEN = "hidden"


class Status(StrEnum):
    """Where a listing stands in its life; only some states are matched or shown."""

    IMPORTED = "imported"
    NOMINATED = "nominated"
    DRAFT = "draft"
    IN_REVIEW = "in-review"
    PUBLISHED = "published"
    DUE = "due"
    STALE = "stale"
    ARCHIVED = "archived"
    MERGED = "merged"
    WITHDRAWN = "withdrawn"
    DO_NOT_LIST = "do-not-list"


class TagKind(StrEnum):
    """A controlled vocabulary; the values are also the field names on `Nonprofit`."""

    SERVICE = "services"
    POPULATION = "populations"
    COMMUNITY = "communities"
    LANGUAGE = "languages"


@dataclass(frozen=True, kw_only=True)
class Location:
    """An office. Latitude and longitude are degrees, None where unknown."""

    city: str
    state: str
    zip: str = ""
    visibility: Visibility = Visibility.PUBLIC
    primary: bool = True
    latitude: float | None = None
    longitude: float | None = None


@dataclass(frozen=True, kw_only=True)
class ServiceArea:
    """A place served: a city or metro area, or a whole state where `city` is empty."""

    state: str
    city: str = ""
    latitude: float | None = None
    longitude: float | None = None


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where one group of facts (identity, mission, finance, …) comes from, and of when."""

    facts: str
    source: str
    as_of: str


@dataclass(frozen=True, kw_only=True)
class Nonprofit:
    """One listing as the catalogue keeps it. Money is in US dollars."""

    slug: str
    name: str
    reach: Reach
    basis: Basis
    summary_en: str
    summary_es: str
    other_names: tuple[str, ...] = ()
    parent: str = ""
    ein: str = ""
    website: str = ""
    ntee: str = ""
    ruling_year: int | None = None
    revenue_usd: int | None = None
    serves: str = ""
    services: tuple[str, ...] = ()
    populations: tuple[str, ...] = ()
    communities: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    locations: tuple[Location, ...] = ()
    service_areas: tuple[ServiceArea, ...] = ()
    sources: tuple[Source, ...] = ()
    status: Status = Status.PUBLISHED
    updated_on: str = ""
    verified_on: str = ""
    in_irs_extract: bool = False
    notes: str = ""

    def __hash__(self) -> int:
        """By the slug alone, which tells listings apart in far less time than all fields."""
        return hash(self.slug)

    def tags(self, kind: TagKind) -> tuple[str, ...]:
        """The tags of one vocabulary."""
        tags: tuple[str, ...] = getattr(self, kind)
        return tags

    def summary(self, language: Language) -> str:
        """The description in one language."""
        return self.summary_es if language is Language.ES else self.summary_en

    @property
    def shown_locations(self) -> tuple[Location, ...]:
        """The locations as they may be shown: no hidden one, and no ZIP code beside a city only.

        Everything public takes them from here. The coordinates of a city-only location are
        those of its city, because all that write one see to it.
        """
        return tuple(
            place if place.visibility is Visibility.PUBLIC else replace(place, zip="")
            for place in self.locations
            if place.visibility is not Visibility.HIDDEN
        )

    @property
    def office(self) -> Location | None:
        """The primary location that may be shown, if any."""
        shown = self.shown_locations
        return next((place for place in shown if place.primary), shown[0] if shown else None)


@dataclass(frozen=True, kw_only=True)
class Resource:
    """A published article, report or guide, with our own words about it."""

    slug: str
    title: str
    url: str
    publisher: str
    kind: str
    take_en: tuple[str, ...]
    take_es: tuple[str, ...]
    body_en: str
    body_es: str
    author: str = ""
    published: str = ""
    topics: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    title_confirmed: bool = True

    def take(self, language: Language) -> tuple[str, ...]:
        """The three Take bullets: the gist, a question, a next step."""
        return self.take_es if language is Language.ES else self.take_en

    def body(self, language: Language) -> str:
        """Our summary."""
        return self.body_es if language is Language.ES else self.body_en

    @property
    def text(self) -> str:
        """What is matched against the listings: the words about the piece itself."""
        return " ".join((self.title, self.body_en, *self.take_en))


@dataclass(frozen=True, kw_only=True)
class KeyFact:
    """A sourced statement of a guide."""

    text_en: str
    text_es: str
    source_title: str
    source_url: str

    def text(self, language: Language) -> str:
        """The statement in one language."""
        return self.text_es if language is Language.ES else self.text_en


@dataclass(frozen=True, kw_only=True)
class Guide:
    """A topic guide of our own."""

    slug: str
    title_en: str
    title_es: str
    intro_en: str
    intro_es: str
    key_facts: tuple[KeyFact, ...]
    ways_to_help_en: tuple[str, ...]
    ways_to_help_es: tuple[str, ...]
    topics: tuple[str, ...]
    query_en: str
    query_es: str

    def title(self, language: Language) -> str:
        """The title in one language."""
        return self.title_es if language is Language.ES else self.title_en

    def intro(self, language: Language) -> str:
        """The introduction in one language."""
        return self.intro_es if language is Language.ES else self.intro_en

    def ways_to_help(self, language: Language) -> tuple[str, ...]:
        """What a reader can do, in one language."""
        return self.ways_to_help_es if language is Language.ES else self.ways_to_help_en

    def query(self, language: Language) -> str:
        """The interest text this guide is matched with."""
        return self.query_es if language is Language.ES else self.query_en


@dataclass(frozen=True, kw_only=True)
class Tag:
    """One entry of the taxonomy, with the words by which texts speak of it."""

    slug: str
    kind: str
    label_en: str
    label_es: str
    description_en: str = ""
    description_es: str = ""
    synonyms_en: tuple[str, ...] = ()
    synonyms_es: tuple[str, ...] = ()
    group: str = ""

    def label(self, language: Language) -> str:
        """The label in one language."""
        return self.label_es if language is Language.ES else self.label_en


@dataclass(frozen=True, kw_only=True)
class TermMapping:
    """How donors say a thing, and what that means here; `weight` is in (0, 1]."""

    phrase: str
    language: str
    tags: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    weight: float = 1.0


class PlaceKind(StrEnum):
    """What a donor's place turned out to be."""

    ZIP = "zip"
    CITY = "city"
    STATE = "state"


@dataclass(frozen=True, kw_only=True)
class Place:
    """A resolved place. `label` is for people, e.g. "Cambridge, MA" or "Massachusetts"."""

    label: str
    kind: PlaceKind
    state: str
    latitude: float
    longitude: float
    zip: str = ""


class Scope(StrEnum):
    """How far from the donor's place an answer may lie.

    NEAR and STATE admit the same listings, but with NEAR a group elsewhere in the state
    stands far back.
    """

    NEAR = "near"
    STATE = "state"
    ANYWHERE = "anywhere"


@dataclass(frozen=True, kw_only=True)
class Weights:
    """How much each side of a match counts, each in [0, 3]; 1 is the default rule.

    `small` is off (0) unless the donor asks for it.
    """

    topic: float = 1.0
    place: float = 1.0
    small: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Filters:
    """Hard conditions. Within a field any value will do; all fields must hold."""

    services: tuple[str, ...] = ()
    populations: tuple[str, ...] = ()
    communities: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    reach: tuple[Reach, ...] = ()
    small_only: bool = False
    described_only: bool = False


@dataclass(frozen=True, kw_only=True)
class DonorProfile:
    """What a donor cares about and where. Nothing here says who they are.

    `services`, `populations`, `communities` and `languages` are interests (they raise
    the score); `filters` are conditions (they exclude). `radius_km` is in (0, 500].
    """

    text: str = ""
    services: tuple[str, ...] = ()
    populations: tuple[str, ...] = ()
    communities: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    place: Place | None = None
    radius_km: float = 80.0
    scope: Scope = Scope.NEAR
    language: Language = Language.EN
    giving: tuple[str, ...] = ()
    weights: Weights = field(default_factory=Weights)
    filters: Filters = field(default_factory=Filters)


class Nearness(StrEnum):
    """How a listing relates to the donor's place, nearest first."""

    OFFICE_NEAR = "office-near"
    SERVES_HERE = "serves-here"
    STATE = "state"
    NATIONAL = "national"
    IN_STATE = "in-state"
    ELSEWHERE = "elsewhere"


@dataclass(frozen=True, kw_only=True)
class Reason:
    """One named share of a score.

    `feature` is a key of `ranking.FEATURES`; `label` is what the donor said (a word, a
    chip, a place) or the neighbour that lent support; the contributions of all reasons
    of a match add up to its score. `kind` is a taxonomy kind, "word", "mention" (the listing
    lacks the concept asked for and only uses words of it, which `label` names), "related"
    (words that came by feedback, or that only the tags of the listing are called by) or the
    feature's own key. `sources` are the donor's words.
    """

    feature: str
    label: str
    contribution: float
    kind: str = "word"
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Match:
    """A listing in an answer. `score` is in [0, 1]; higher is better."""

    nonprofit: Nonprofit
    score: float
    rank: int
    reasons: tuple[Reason, ...] = ()
    missing: tuple[Reason, ...] = ()
    nearness: Nearness | None = None
    distance_km: float | None = None


@dataclass(frozen=True, kw_only=True)
class Correction:
    """A typed word that is in no listing, and the word that was searched for instead."""

    typed: str
    used: str


@dataclass(frozen=True, kw_only=True)
class Recommendation:
    """An answer to a profile, from one index generation.

    `no_close_match` says that nothing listed covers what was asked; `matches` then holds
    the nearest that there are, none where no word is known. `understood` is what was read
    out of the words; `n_candidates` is how many listings had something of it.
    """

    matches: tuple[Match, ...]
    generation: str
    no_close_match: bool = False
    n_candidates: int = 0
    understood: tuple[Reason, ...] = ()
    corrections: tuple[Correction, ...] = ()
    unknown_words: tuple[str, ...] = ()


class Sort(StrEnum):
    """Orders of the directory."""

    RELEVANCE = "relevance"
    NAME = "name"
    DISTANCE = "distance"


@dataclass(frozen=True, kw_only=True)
class SearchQuery:
    """What a visitor of the directory asks for. `page` counts from 1."""

    text: str = ""
    place: Place | None = None
    radius_km: float = 80.0
    filters: Filters = field(default_factory=Filters)
    sort: Sort = Sort.RELEVANCE
    page: int = 1
    page_size: int = 20
    language: Language = Language.EN


@dataclass(frozen=True, kw_only=True)
class Facet:
    """A value one can narrow by, and how many of the results carry it."""

    slug: str
    count: int


@dataclass(frozen=True, kw_only=True)
class SearchPage:
    """One page of the directory; `facets` are keyed by the field names of `Filters`."""

    matches: tuple[Match, ...]
    total: int
    facets: dict[str, tuple[Facet, ...]]
    generation: str
    corrections: tuple[Correction, ...] = ()
    unknown_words: tuple[str, ...] = ()


class SubmissionKind(StrEnum):
    """What a visitor sends to staff."""

    NOMINATION = "nomination"
    FIX = "fix"
    CLAIM = "claim"
    REMOVAL = "removal"
    PARTNER = "partner"


@dataclass(frozen=True, kw_only=True)
class Submission:
    """A message to staff about a listing (`slug`), or a group that is not listed yet.

    A partner's is about the widget; `name` and `website` are then those of the partner's site.
    """

    kind: SubmissionKind
    language: Language
    message: str
    slug: str = ""
    name: str = ""
    website: str = ""
    place: str = ""
    source_url: str = ""
    contact: str = ""


@dataclass(frozen=True, kw_only=True)
class Listing:
    """A listing as staff work on it, whatever its state.

    `revision` is the number of the last change to it; whoever saves says which one they saw.
    `merged_into` is the slug that stands for it now.
    """

    id: int
    revision: int
    nonprofit: Nonprofit
    merged_into: str = ""
    assignee_id: int | None = None


class RevisionKind(StrEnum):
    """What was done to a listing."""

    CREATE = "create"
    EDIT = "edit"
    REVERT = "revert"
    MERGE = "merge"
    IMPORT = "import"
    LOAD = "load"
    STATUS = "status"
    VERIFY = "verify"
    ERASE = "erase"
    APPROVE = "approve"
    REJECT = "reject"
    REQUEST_CHANGES = "request-changes"


class RevisionState(StrEnum):
    """What became of a revision; one that was returned waits for its author."""

    PENDING = "pending"
    RETURNED = "returned"
    APPLIED = "applied"
    REJECTED = "rejected"
    SUPERSEDED = "superseded"


@dataclass(frozen=True, kw_only=True)
class FieldChange:
    """A field of a listing in two versions."""

    field: str
    before: object
    after: object


@dataclass(frozen=True, kw_only=True)
class Revision:
    """An entry in the history of a listing; entries are numbered from 1 without a gap.

    `before` and `after` are the listing before the change and what it became, or is to
    become where the revision is pending; both are None where nothing changed. `base` is the
    revision the change was made on, `about` the number of the one that was reviewed.
    `is_live` says that the listing itself changed with this entry. `created_at` is ISO 8601
    in UTC; `staff_id` is None for what a schedule or a file did, and for accounts that are gone.
    """

    slug: str
    number: int
    kind: RevisionKind
    state: RevisionState
    base: int
    is_live: bool
    created_at: str
    staff_name: str
    staff_id: int | None = None
    note: str = ""
    about: int | None = None
    before: Nonprofit | None = None
    after: Nonprofit | None = None


@dataclass(frozen=True, kw_only=True)
class Saved:
    """What came of a save: `revision` is now that of the listing, `number` that of the entry.

    The two differ where the change waits for review. Where `changes` is empty there was
    nothing to save, and there is no new entry.
    """

    revision: int
    number: int
    state: RevisionState
    changes: tuple[FieldChange, ...] = ()


class ListingSort(StrEnum):
    """Orders of the staff's list; by relevance only where there is a text."""

    RELEVANCE = "relevance"
    NAME = "name"
    PLACE = "place"
    EDITED = "edited"
    CHECKED = "checked"


@dataclass(frozen=True, kw_only=True)
class ListingQuery:
    """What staff look for. Within a field any value will do; all fields must hold.

    `states` are those of offices; `unassigned` asks for what is given to nobody. Nobody has
    verified a listing that was `never_verified`; `checked_before` is an ISO date: neither
    verified nor backed by a source since. `thin` are listings that donors will hardly find,
    `pending` those with an edit that waits. `among` are the only slugs that may be found.
    `page` counts from 1.
    """

    text: str = ""
    states: tuple[str, ...] = ()
    statuses: tuple[Status, ...] = ()
    services: tuple[str, ...] = ()
    bases: tuple[Basis, ...] = ()
    assignee_id: int | None = None
    unassigned: bool = False
    never_verified: bool = False
    checked_before: str = ""
    thin: bool | None = None
    pending: bool = False
    among: tuple[str, ...] | None = None
    sort: ListingSort = ListingSort.RELEVANCE
    page: int = 1
    page_size: int = 50


@dataclass(frozen=True, kw_only=True)
class ListingRow:
    """A listing in the staff's list; `checked_on` is a year, a month or a day."""

    slug: str
    name: str
    ein: str
    city: str
    state: str
    status: Status
    basis: Basis
    revision: int
    edited_at: str
    checked_on: str
    is_thin: bool
    n_pending: int
    assignee_id: int | None = None
    assignee_name: str = ""


@dataclass(frozen=True, kw_only=True)
class ListingPage:
    """One page of the staff's list, and how many there are in all."""

    listings: tuple[ListingRow, ...]
    total: int


class QueueKind(StrEnum):
    """Why a listing waits for staff, most pressing first."""

    REVISION = "revision"
    REVIEW = "review"
    RETURNED = "returned"
    DUE = "due"
    STALE = "stale"


@dataclass(frozen=True, kw_only=True)
class QueueItem:
    """Work that waits. `number` is that of the revision, or of the listing's last change.

    `author_id` and `author_name` say whose it is: nobody reviews their own.
    """

    kind: QueueKind
    slug: str
    name: str
    number: int
    since: str
    author_id: int | None = None
    author_name: str = ""
    assignee_id: int | None = None


@dataclass(frozen=True, kw_only=True)
class Block:
    """Why a record may not be listed: the slug of what it is, and by what it was known."""

    slug: str
    matched_by: str

    @property
    def known_by(self) -> str:
        """What it was known by, in the words of the desk."""
        return {"slug": "address", "ein": "EIN"}.get(self.matched_by, self.matched_by)


class WidgetSize(StrEnum):
    """How many matches a widget shows at once: 2, 3 or 5."""

    SMALL = "small"
    MEDIUM = "medium"
    LARGE = "large"

    @property
    def n_matches(self) -> int:
        """The number of matches."""
        return {WidgetSize.SMALL: 2, WidgetSize.MEDIUM: 3, WidgetSize.LARGE: 5}[self]


class ColorScheme(StrEnum):
    """Light or dark, or whichever the reader prefers."""

    AUTO = "auto"
    LIGHT = "light"
    DARK = "dark"


class WidgetFont(StrEnum):
    """The typeface of a widget; that of the system is the quickest, because nothing is fetched."""

    SYSTEM = "system"
    SANS = "sans"
    SERIF = "serif"


@dataclass(frozen=True, kw_only=True)
class Look:
    """How a widget looks; `accent` is "#rrggbb", or empty for our own; the radius is in px."""

    size: WidgetSize = WidgetSize.MEDIUM
    scheme: ColorScheme = ColorScheme.AUTO
    font: WidgetFont = WidgetFont.SYSTEM
    accent: str = ""
    radius_px: int = 0


@dataclass(frozen=True, kw_only=True)
class WidgetDefaults:
    """What a partner's widgets show where the page that holds one says nothing else.

    `topic` is the slug of a guide, or of a tag for kinds of help, people or communities;
    empty where the reader is asked. `place` is as typed. The language is that of the code
    that the partner is given: a frame's own address decides in which language it is.
    """

    topic: str = ""
    place: str = ""
    language: Language = Language.EN
    look: Look = Look()


@dataclass(frozen=True, kw_only=True)
class PartnerDraft:
    """What staff decide about a partner; `origins` are exact, e.g. "https://news.example.org"."""

    name: str
    origins: tuple[str, ...]
    defaults: WidgetDefaults = WidgetDefaults()


@dataclass(frozen=True, kw_only=True)
class Partner:
    """A site that shows our widget. The key is public: it stands in the frame's address."""

    id: int
    key: str
    name: str
    origins: tuple[str, ...]
    defaults: WidgetDefaults
    is_paused: bool
    created_at: str


class CountKind(StrEnum):
    """What is counted of a partner's widgets: shown, used, and left for a page of ours."""

    VIEW = "view"
    OPEN = "open"
    CLICK = "click"
