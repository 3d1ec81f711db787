"""Step 1: listings, taxonomy, library, inbox."""

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

SCRIPTS = (_LISTINGS, _TAXONOMY, _LEARN, _INBOX, _META)
