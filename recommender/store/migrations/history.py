"""Step 3: revisions, assignments, and the staff's full-text search."""

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

SEARCHED = """
    SELECT id, name, ein, summary_en || ' ' || summary_es,
        (SELECT group_concat(name, ' / ') FROM nonprofit_names WHERE nonprofit_id = id),
        (SELECT group_concat(city, ' / ') FROM locations WHERE nonprofit_id = id)
    FROM nonprofits"""
_FILL_SEARCH = f"INSERT INTO listing_search (rowid, name, ein, summary, names, cities){SEARCHED}"

_SEARCH = f"""
CREATE VIRTUAL TABLE listing_search USING fts5 (
    name, names, ein, cities, summary, tokenize = "unicode61 remove_diacritics 2");
{_FILL_SEARCH};
"""
FILL_SEARCH = f"INSERT INTO listing_search (rowid, name, ein, summary, names, cities){SEARCHED}"

_SEARCH = f"""
CREATE VIRTUAL TABLE listing_search USING fts5 (
    name, names, ein, cities, summary, tokenize = "unicode61 remove_diacritics 2");
{FILL_SEARCH};
"""

SCRIPTS = (_HISTORY, _SEARCH)
