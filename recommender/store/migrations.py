"""The schema, one numbered step after another. A step that was released never changes.

`table.transform()` loses CHECK constraints and triggers: write `ALTER TABLE`, or rebuild the
table in SQL, and leave the triggers to `create_triggers`, which runs after every migration.
"""

from __future__ import annotations

from sqlite_utils import Database, Migrations

MIGRATIONS = Migrations("waymark")


@MIGRATIONS(name="0001_catalog")
def _catalog(db: Database) -> None:
    db.executescript(_LISTINGS)
    db.executescript(_TAXONOMY)
    db.executescript(_LEARN)
    db.executescript(_INBOX)
    db.executescript(_META)


@MIGRATIONS(name="0002_staff")
def _staff(db: Database) -> None:
    db.executescript(_STAFF)


@MIGRATIONS(name="0003_revisions")
def _revisions(db: Database) -> None:
    db.executescript(_HISTORY)
    db.executescript(_SEARCH)


_LISTINGS = """
CREATE TABLE nonprofits (
    id INTEGER PRIMARY KEY,
    slug TEXT NOT NULL UNIQUE CHECK (slug <> '' AND slug NOT GLOB '*[^a-z0-9-]*'),
    ein TEXT NOT NULL DEFAULT ''
        CHECK (ein = '' OR (length(ein) = 9 AND ein NOT GLOB '*[^0-9]*')),
    name TEXT NOT NULL CHECK (name <> ''),
    parent_slug TEXT REFERENCES nonprofits (slug)
        ON UPDATE CASCADE ON DELETE SET NULL DEFERRABLE INITIALLY DEFERRED,
    website TEXT NOT NULL DEFAULT ''
        CHECK (website = '' OR website GLOB 'https://*' OR website GLOB 'http://*'),
    ntee TEXT NOT NULL DEFAULT '',
    ruling_year INTEGER CHECK (ruling_year BETWEEN 1900 AND 2100),
    revenue_usd INTEGER,
    reach TEXT NOT NULL
        CHECK (reach IN ('local', 'state', 'regional', 'national', 'international')),
    serves TEXT NOT NULL DEFAULT '',
    summary_en TEXT NOT NULL,
    summary_es TEXT NOT NULL,
    basis TEXT NOT NULL CHECK (basis IN ('mission', 'known', 'name')),
    status TEXT NOT NULL CHECK (status IN (
        'imported', 'nominated', 'draft', 'in-review', 'published', 'due', 'stale',
        'archived', 'merged', 'withdrawn', 'do-not-list')),
    in_irs_extract INTEGER NOT NULL DEFAULT 0 CHECK (in_irs_extract IN (0, 1)),
    notes TEXT NOT NULL DEFAULT '',
    -- 1 as long as only files have written the row; any edit by staff raises it.
    revision INTEGER NOT NULL DEFAULT 1 CHECK (revision >= 1),
    -- Of the committed record the row was read from; empty where staff made the row.
    digest TEXT NOT NULL DEFAULT '',
    created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ')),
    updated_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ')),
    verified_on TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE UNIQUE INDEX nonprofits_ein ON nonprofits (ein) WHERE ein <> '';
CREATE INDEX nonprofits_status ON nonprofits (status);
CREATE INDEX nonprofits_parent_slug ON nonprofits (parent_slug);

CREATE TABLE nonprofit_names (
    nonprofit_id INTEGER NOT NULL REFERENCES nonprofits (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    name TEXT NOT NULL CHECK (name <> ''),
    PRIMARY KEY (nonprofit_id, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE locations (
    nonprofit_id INTEGER NOT NULL REFERENCES nonprofits (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    city TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state GLOB '[A-Z][A-Z]'),
    zip TEXT NOT NULL DEFAULT ''
        CHECK (zip = '' OR (length(zip) = 5 AND zip NOT GLOB '*[^0-9]*')),
    visibility TEXT NOT NULL CHECK (visibility IN ('public', 'city', 'hidden')),
    is_primary INTEGER NOT NULL CHECK (is_primary IN (0, 1)),
    latitude REAL CHECK (latitude BETWEEN -90 AND 90),
    longitude REAL CHECK (longitude BETWEEN -180 AND 180),
    PRIMARY KEY (nonprofit_id, position),
    CHECK ((latitude IS NULL) = (longitude IS NULL))
) STRICT, WITHOUT ROWID;

CREATE TABLE service_areas (
    nonprofit_id INTEGER NOT NULL REFERENCES nonprofits (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state GLOB '[A-Z][A-Z]'),
    city TEXT NOT NULL DEFAULT '',
    latitude REAL CHECK (latitude BETWEEN -90 AND 90),
    longitude REAL CHECK (longitude BETWEEN -180 AND 180),
    PRIMARY KEY (nonprofit_id, position),
    CHECK ((latitude IS NULL) = (longitude IS NULL))
) STRICT, WITHOUT ROWID;

CREATE TABLE nonprofit_tags (
    nonprofit_id INTEGER NOT NULL REFERENCES nonprofits (id) ON DELETE CASCADE,
    kind TEXT NOT NULL CHECK (kind IN ('services', 'populations', 'communities', 'languages')),
    tag TEXT NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (nonprofit_id, kind, tag),
    FOREIGN KEY (kind, tag) REFERENCES tags (kind, slug)
) STRICT, WITHOUT ROWID;
CREATE INDEX nonprofit_tags_tag ON nonprofit_tags (kind, tag);

CREATE TABLE sources (
    nonprofit_id INTEGER NOT NULL REFERENCES nonprofits (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    facts TEXT NOT NULL,
    source TEXT NOT NULL,
    as_of TEXT NOT NULL,
    PRIMARY KEY (nonprofit_id, position)
) STRICT, WITHOUT ROWID;
"""

_TAXONOMY = """
CREATE TABLE tags (
    kind TEXT NOT NULL,
    slug TEXT NOT NULL CHECK (slug <> '' AND slug NOT GLOB '*[^a-z0-9-]*'),
    position INTEGER NOT NULL,
    label_en TEXT NOT NULL,
    label_es TEXT NOT NULL,
    description_en TEXT NOT NULL DEFAULT '',
    description_es TEXT NOT NULL DEFAULT '',
    "group" TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (kind, slug)
) STRICT, WITHOUT ROWID;

CREATE TABLE tag_synonyms (
    kind TEXT NOT NULL,
    tag TEXT NOT NULL,
    language TEXT NOT NULL CHECK (language IN ('en', 'es')),
    position INTEGER NOT NULL,
    phrase TEXT NOT NULL CHECK (phrase <> ''),
    PRIMARY KEY (kind, tag, language, position),
    FOREIGN KEY (kind, tag) REFERENCES tags (kind, slug) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE term_map (
    phrase TEXT NOT NULL CHECK (phrase <> ''),
    language TEXT NOT NULL,
    position INTEGER NOT NULL,
    tags TEXT NOT NULL CHECK (json_valid(tags)),
    words TEXT NOT NULL CHECK (json_valid(words)),
    weight REAL NOT NULL CHECK (weight > 0 AND weight <= 1),
    PRIMARY KEY (phrase, language)
) STRICT, WITHOUT ROWID;
"""

_LEARN = """
CREATE TABLE resources (
    slug TEXT PRIMARY KEY CHECK (slug <> '' AND slug NOT GLOB '*[^a-z0-9-]*'),
    position INTEGER NOT NULL,
    title TEXT NOT NULL,
    url TEXT NOT NULL CHECK (url GLOB 'https://*' OR url GLOB 'http://*'),
    publisher TEXT NOT NULL,
    kind TEXT NOT NULL,
    take_en TEXT NOT NULL CHECK (json_valid(take_en)),
    take_es TEXT NOT NULL CHECK (json_valid(take_es)),
    body_en TEXT NOT NULL,
    body_es TEXT NOT NULL,
    author TEXT NOT NULL DEFAULT '',
    published TEXT NOT NULL DEFAULT '',
    topics TEXT NOT NULL CHECK (json_valid(topics)),
    places TEXT NOT NULL CHECK (json_valid(places)),
    title_confirmed INTEGER NOT NULL CHECK (title_confirmed IN (0, 1))
) STRICT;

CREATE TABLE guides (
    slug TEXT PRIMARY KEY CHECK (slug <> '' AND slug NOT GLOB '*[^a-z0-9-]*'),
    position INTEGER NOT NULL,
    title_en TEXT NOT NULL,
    title_es TEXT NOT NULL,
    intro_en TEXT NOT NULL,
    intro_es TEXT NOT NULL,
    key_facts TEXT NOT NULL CHECK (json_valid(key_facts)),
    ways_to_help_en TEXT NOT NULL CHECK (json_valid(ways_to_help_en)),
    ways_to_help_es TEXT NOT NULL CHECK (json_valid(ways_to_help_es)),
    topics TEXT NOT NULL CHECK (json_valid(topics)),
    query_en TEXT NOT NULL,
    query_es TEXT NOT NULL
) STRICT;
"""

_INBOX = """
CREATE TABLE submissions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL CHECK (kind IN ('nomination', 'fix', 'claim', 'removal')),
    language TEXT NOT NULL CHECK (language IN ('en', 'es')),
    nonprofit_id INTEGER REFERENCES nonprofits (id) ON DELETE SET NULL,
    message TEXT NOT NULL CHECK (length(message) <= 20000),
    name TEXT NOT NULL DEFAULT '' CHECK (length(name) <= 1000),
    website TEXT NOT NULL DEFAULT '' CHECK (length(website) <= 2000),
    place TEXT NOT NULL DEFAULT '' CHECK (length(place) <= 1000),
    source_url TEXT NOT NULL DEFAULT '' CHECK (length(source_url) <= 2000),
    contact TEXT NOT NULL DEFAULT '' CHECK (length(contact) <= 1000),
    status TEXT NOT NULL DEFAULT 'new' CHECK (status IN ('new', 'done', 'declined')),
    created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ'))
) STRICT;
CREATE INDEX submissions_nonprofit_id ON submissions (nonprofit_id);
CREATE INDEX submissions_status ON submissions (status, id);

CREATE TABLE rate_windows (
    key TEXT PRIMARY KEY,
    -- Seconds since 1970.
    ends_at INTEGER NOT NULL,
    count INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX rate_windows_ends_at ON rate_windows (ends_at);
"""

_META = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO meta VALUES ('catalog_revision', '0'), ('data_digest', '');
"""

# Tokens and codes are random and long: their plain SHA-256 tells nothing. Times that are
# reckoned with are seconds since 1970.
_STAFF = """
CREATE TABLE staff (
    id INTEGER PRIMARY KEY,
    email TEXT NOT NULL UNIQUE CHECK (email = lower(email) AND email GLOB '?*@?*'),
    name TEXT NOT NULL CHECK (name <> ''),
    role TEXT NOT NULL CHECK (role IN ('editor', 'reviewer', 'admin')),
    password_hash TEXT NOT NULL DEFAULT '',
    -- Sealed with the site's secret key; empty where no one-time code is asked for.
    totp_secret TEXT NOT NULL DEFAULT '',
    totp_last_step INTEGER NOT NULL DEFAULT 0,
    is_disabled INTEGER NOT NULL DEFAULT 0 CHECK (is_disabled IN (0, 1)),
    created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ'))
) STRICT;

CREATE TABLE staff_links (
    token_hash TEXT PRIMARY KEY,
    staff_id INTEGER NOT NULL REFERENCES staff (id) ON DELETE CASCADE,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX staff_links_staff_id ON staff_links (staff_id);

CREATE TABLE recovery_codes (
    staff_id INTEGER NOT NULL REFERENCES staff (id) ON DELETE CASCADE,
    code_hash TEXT NOT NULL,
    PRIMARY KEY (staff_id, code_hash)
) STRICT, WITHOUT ROWID;

CREATE TABLE sessions (
    token_hash TEXT PRIMARY KEY,
    staff_id INTEGER NOT NULL REFERENCES staff (id) ON DELETE CASCADE,
    csrf TEXT NOT NULL CHECK (csrf <> ''),
    created_at INTEGER NOT NULL,
    seen_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_staff_id ON sessions (staff_id);
"""

# From here on `nonprofits.revision` is the number of the last entry that changed the listing,
# whoever made it, and `is_edited` says that staff have, so that loads leave it alone.
_HISTORY = """
ALTER TABLE nonprofits
    ADD COLUMN is_edited INTEGER NOT NULL DEFAULT 0 CHECK (is_edited IN (0, 1));
ALTER TABLE nonprofits
    ADD COLUMN merged_into INTEGER REFERENCES nonprofits (id) ON DELETE SET NULL;
UPDATE nonprofits SET is_edited = 1 WHERE revision > 1;
CREATE INDEX nonprofits_merged_into ON nonprofits (merged_into);

CREATE TABLE revisions (
    -- Deferred: the entry of a new listing is written before the listing.
    nonprofit_id INTEGER NOT NULL REFERENCES nonprofits (id)
        ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    number INTEGER NOT NULL CHECK (number >= 1),
    kind TEXT NOT NULL CHECK (kind IN (
        'create', 'edit', 'revert', 'merge', 'import', 'load', 'status', 'verify', 'erase',
        'approve', 'reject', 'request-changes')),
    state TEXT NOT NULL CHECK (state IN (
        'pending', 'returned', 'applied', 'rejected', 'superseded')),
    base INTEGER NOT NULL CHECK (base >= 0 AND base < number),
    is_live INTEGER NOT NULL CHECK (is_live IN (0, 1)),
    about INTEGER CHECK (about < number),
    before TEXT CHECK (before IS NULL OR json_valid(before)),
    after TEXT CHECK (after IS NULL OR json_valid(after)),
    note TEXT NOT NULL DEFAULT '' CHECK (length(note) <= 4000),
    staff_id INTEGER REFERENCES staff (id) ON DELETE SET NULL,
    -- Kept as text: it still says who it was when the account is gone.
    staff_name TEXT NOT NULL CHECK (staff_name <> ''),
    created_at TEXT NOT NULL,
    PRIMARY KEY (nonprofit_id, number)
) STRICT;
CREATE UNIQUE INDEX revisions_replaced ON revisions (nonprofit_id, base) WHERE is_live;
CREATE INDEX revisions_open ON revisions (state, created_at)
    WHERE state IN ('pending', 'returned');
CREATE INDEX revisions_staff_id ON revisions (staff_id);

-- Apart from the listing, because nothing that is shown changes with it.
CREATE TABLE assignments (
    nonprofit_id INTEGER PRIMARY KEY REFERENCES nonprofits (id) ON DELETE CASCADE,
    staff_id INTEGER NOT NULL REFERENCES staff (id) ON DELETE CASCADE,
    assigned_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ'))
) STRICT;
CREATE INDEX assignments_staff_id ON assignments (staff_id);
"""

_SEARCHED = """
    SELECT id, name, ein, summary_en || ' ' || summary_es,
        (SELECT group_concat(name, ' / ') FROM nonprofit_names WHERE nonprofit_id = id),
        (SELECT group_concat(city, ' / ') FROM locations WHERE nonprofit_id = id)
    FROM nonprofits"""
_FILL_SEARCH = f"INSERT INTO listing_search (rowid, name, ein, summary, names, cities){_SEARCHED}"

_SEARCH = f"""
CREATE VIRTUAL TABLE listing_search USING fts5 (
    name, names, ein, cities, summary, tokenize = "unicode61 remove_diacritics 2");
{_FILL_SEARCH};
"""

# What the index is built from: a change to any of it must be seen as a new revision.
_OF_A_LISTING = ("nonprofit_names", "locations", "service_areas", "nonprofit_tags", "sources")
_SHARED = ("tags", "tag_synonyms", "term_map", "resources", "guides")


_TRIGGER = """
DROP TRIGGER IF EXISTS {name};
CREATE TRIGGER {name} AFTER {event} ON {table} WHEN {condition} BEGIN
    UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE key = 'catalog_revision';
END;
"""
_IS_SHOWN = "{row}.status IN ('published', 'due', 'stale')"
_IS_OF_SHOWN = """EXISTS (
    SELECT 1 FROM nonprofits
    WHERE id = {row}.nonprofit_id AND status IN ('published', 'due', 'stale'))"""


_SEARCH_TRIGGER = """
DROP TRIGGER IF EXISTS {name};
CREATE TRIGGER {name} AFTER {event} ON {table} {condition} BEGIN
    DELETE FROM listing_search WHERE rowid = {row}.{key};
    {fill} WHERE id = {row}.{key};
END;
"""
_SEARCHED_COLUMNS = ("name", "ein", "summary_en", "summary_es")
_SEARCHED_TABLES = {
    "nonprofits": "id",
    "nonprofit_names": "nonprofit_id",
    "locations": "nonprofit_id",
}


def create_triggers(db: Database) -> None:
    """(Re-)create all triggers; a migration that rebuilds a table has dropped its own."""
    _create_revision_triggers(db)
    _create_search_triggers(db)


def _create_search_triggers(db: Database) -> None:
    """The triggers that keep the staff's full-text search in step with the listings."""
    differs = " OR ".join(f"OLD.{name} IS NOT NEW.{name}" for name in _SEARCHED_COLUMNS)
    for table, key in _SEARCHED_TABLES.items():
        for event, row in (("INSERT", "NEW"), ("UPDATE", "NEW"), ("DELETE", "OLD")):
            is_conditional = table == "nonprofits" and event == "UPDATE"
            db.executescript(
                _SEARCH_TRIGGER.format(
                    name=f"{table}_search_{event.lower()}",
                    event=event,
                    table=table,
                    key=key,
                    row=row,
                    fill=_FILL_SEARCH,
                    condition=f"WHEN {differs}" if is_conditional else "",
                )
            )


def _create_revision_triggers(db: Database) -> None:
    """The triggers by which every change to shown content raises the catalogue's revision."""
    conditions = {"nonprofits": _IS_SHOWN}
    conditions |= dict.fromkeys(_OF_A_LISTING, _IS_OF_SHOWN) | dict.fromkeys(_SHARED, "TRUE")
    versions = {"INSERT": ("NEW",), "UPDATE": ("OLD", "NEW"), "DELETE": ("OLD",)}
    for table, condition in conditions.items():
        for event, rows in versions.items():
            db.executescript(
                _TRIGGER.format(
                    name=f"{table}_revision_{event.lower()}",
                    event=event,
                    table=table,
                    condition=" OR ".join(condition.format(row=row) for row in rows),
                )
            )
