"""Step 5: the sites that show our widget, who let them, and how often it was seen there."""

_PARTNERS = """
CREATE TABLE partners (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE CHECK (name <> '' AND length(name) <= 200),
    -- Public: it stands in the address of the frame.
    key TEXT NOT NULL UNIQUE CHECK (length(key) = 16),
    is_paused INTEGER NOT NULL DEFAULT 0 CHECK (is_paused IN (0, 1)),
    topic TEXT NOT NULL DEFAULT '',
    place TEXT NOT NULL DEFAULT '',
    language TEXT NOT NULL DEFAULT 'en' CHECK (language IN ('en', 'es')),
    size TEXT NOT NULL DEFAULT 'medium' CHECK (size IN ('small', 'medium', 'large')),
    scheme TEXT NOT NULL DEFAULT 'auto' CHECK (scheme IN ('auto', 'light', 'dark')),
    font TEXT NOT NULL DEFAULT 'system' CHECK (font IN ('serif', 'sans', 'system')),
    accent TEXT NOT NULL DEFAULT '' CHECK (accent = '' OR length(accent) = 7),
    radius_px INTEGER NOT NULL DEFAULT 0 CHECK (radius_px BETWEEN 0 AND 24),
    created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ'))
) STRICT;

CREATE TABLE partner_origins (
    partner_id INTEGER NOT NULL REFERENCES partners (id) ON DELETE CASCADE,
    origin TEXT NOT NULL CHECK (origin GLOB 'https://?*' OR origin GLOB 'http://?*'),
    PRIMARY KEY (partner_id, origin)
) STRICT, WITHOUT ROWID;
"""

# A count is of a whole week, and of nothing but a kind: it says nothing about any reader.
_COUNTS = """
CREATE TABLE partner_counts (
    partner_id INTEGER NOT NULL REFERENCES partners (id) ON DELETE CASCADE,
    week TEXT NOT NULL CHECK (week GLOB '[0-9][0-9][0-9][0-9]-W[0-9][0-9]'),
    kind TEXT NOT NULL CHECK (kind IN ('view', 'open', 'click')),
    count INTEGER NOT NULL CHECK (count > 0),
    PRIMARY KEY (partner_id, week, kind)
) STRICT, WITHOUT ROWID;
"""

_EVENTS = """
CREATE TABLE partner_events (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    partner_id INTEGER NOT NULL REFERENCES partners (id) ON DELETE CASCADE,
    kind TEXT NOT NULL CHECK (kind IN ('add', 'change', 'pause', 'resume', 'rotate')),
    -- A JSON list of [field, before, after].
    changes TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(changes)),
    staff_id INTEGER REFERENCES staff (id) ON DELETE SET NULL,
    -- Kept as text: it still says who it was when the account is gone.
    staff_name TEXT NOT NULL CHECK (staff_name <> ''),
    created_at TEXT NOT NULL
) STRICT;

CREATE INDEX partner_events_by_partner ON partner_events (partner_id, id);
"""

SCRIPTS = (_PARTNERS, _COUNTS, _EVENTS)
