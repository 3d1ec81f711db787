"""Step 4: what the desk works with beside the listings."""

_INBOX = """
ALTER TABLE submissions ADD COLUMN handled_at TEXT NOT NULL DEFAULT '';
ALTER TABLE submissions ADD COLUMN staff_id INTEGER REFERENCES staff (id) ON DELETE SET NULL;
ALTER TABLE submissions ADD COLUMN staff_name TEXT NOT NULL DEFAULT '';
ALTER TABLE submissions ADD COLUMN outcome TEXT NOT NULL DEFAULT '';
CREATE INDEX submissions_staff_id ON submissions (staff_id);
"""

_IMPORTS = """
CREATE TABLE imports (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    staff_id INTEGER REFERENCES staff (id) ON DELETE SET NULL,
    staff_name TEXT NOT NULL CHECK (staff_name <> ''),
    created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ'))
) STRICT;
CREATE INDEX imports_staff_id ON imports (staff_id);
"""

_VIEWS = """
CREATE TABLE saved_views (
    staff_id INTEGER NOT NULL REFERENCES staff (id) ON DELETE CASCADE,
    name TEXT NOT NULL CHECK (name <> '' AND length(name) <= 80),
    query TEXT NOT NULL CHECK (length(query) <= 4000),
    PRIMARY KEY (staff_id, name)
) STRICT, WITHOUT ROWID;
"""

_LIBRARY = """
CREATE TABLE library_revisions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL CHECK (kind IN ('term', 'resource', 'guide')),
    key TEXT NOT NULL CHECK (key <> ''),
    before TEXT CHECK (before IS NULL OR json_valid(before)),
    after TEXT CHECK (after IS NULL OR json_valid(after)),
    note TEXT NOT NULL DEFAULT '' CHECK (length(note) <= 4000),
    staff_id INTEGER REFERENCES staff (id) ON DELETE SET NULL,
    staff_name TEXT NOT NULL CHECK (staff_name <> ''),
    created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ'))
) STRICT;
CREATE INDEX library_revisions_key ON library_revisions (kind, key, id);
CREATE INDEX library_revisions_staff_id ON library_revisions (staff_id);
"""

_PUBLICATIONS = """
CREATE TABLE publications (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ'))
) STRICT;
"""

SCRIPTS = (_INBOX, _IMPORTS, _VIEWS, _LIBRARY, _PUBLICATIONS)
