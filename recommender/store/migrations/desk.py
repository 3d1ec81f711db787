"""Step 4: what the desk works with beside the listings."""

_INBOX = """
ALTER TABLE submissions ADD COLUMN handled_at TEXT NOT NULL DEFAULT '';
ALTER TABLE submissions ADD COLUMN contact_erased_at TEXT NOT NULL DEFAULT '';
CREATE INDEX submissions_handled_at ON submissions (handled_at) WHERE contact <> '';

-- What staff did with a submission, one row an action; the last says what came of it.
CREATE TABLE submission_actions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    submission_id INTEGER NOT NULL REFERENCES submissions (id) ON DELETE CASCADE,
    outcome TEXT NOT NULL CHECK (outcome IN (
        'listed', 'known', 'changed', 'confirmed', 'taken-down', 'barred', 'closed', 'declined',
        'reopened')),
    reason TEXT NOT NULL DEFAULT '' CHECK (length(reason) <= 80),
    note TEXT NOT NULL DEFAULT '' CHECK (length(note) <= 4000),
    -- The number in the history of the listing.
    revision INTEGER,
    staff_id INTEGER REFERENCES staff (id) ON DELETE SET NULL,
    -- Kept as text: it still says who it was when the account is gone.
    staff_name TEXT NOT NULL CHECK (staff_name <> ''),
    created_at TEXT NOT NULL
) STRICT;
CREATE INDEX submission_actions_submission_id ON submission_actions (submission_id, id);
CREATE INDEX submission_actions_staff_id ON submission_actions (staff_id);
"""

_IMPORTS = """
CREATE TABLE imports (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    staff_id INTEGER REFERENCES staff (id) ON DELETE SET NULL,
    staff_name TEXT NOT NULL CHECK (staff_name <> ''),
    created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ')),
    file_name TEXT NOT NULL CHECK (file_name <> '' AND length(file_name) <= 200),
    n_bytes INTEGER NOT NULL DEFAULT 0 CHECK (n_bytes >= 0),
    format TEXT NOT NULL CHECK (format IN ('irs-bmf', 'irs-990-xml', 'csv', 'hsds')),
    source TEXT NOT NULL DEFAULT '' CHECK (length(source) <= 300),
    as_of TEXT NOT NULL DEFAULT '',
    state TEXT NOT NULL CHECK (state IN (
        'receiving', 'opening', 'mapping', 'planning', 'planned', 'applying', 'applied',
        'undoing', 'undone', 'failed', 'discarded')),
    changed_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ')),
    -- In whose name the present step is done.
    actor_id INTEGER REFERENCES staff (id) ON DELETE SET NULL,
    actor_name TEXT NOT NULL DEFAULT '',
    problem TEXT NOT NULL DEFAULT '',
    stage TEXT NOT NULL DEFAULT '',
    done INTEGER NOT NULL DEFAULT 0,
    total INTEGER NOT NULL DEFAULT 0,
    -- Seconds since 1970 at which whoever works on it last said so; 0 where nobody has yet.
    beat_at INTEGER NOT NULL DEFAULT 0,
    tries INTEGER NOT NULL DEFAULT 0,
    columns TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(columns)),
    mapping TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(mapping)),
    counts TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(counts)),
    chosen TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(chosen))
) STRICT;
CREATE INDEX imports_staff_id ON imports (staff_id);
CREATE INDEX imports_actor_id ON imports (actor_id);

CREATE TABLE import_rows (
    import_id INTEGER NOT NULL REFERENCES imports (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    place TEXT NOT NULL,
    verdict TEXT NOT NULL CHECK (verdict IN (
        'create', 'update', 'unchanged', 'conflict', 'duplicate-of', 'rejected')),
    name TEXT NOT NULL,
    slug TEXT NOT NULL,
    ein TEXT NOT NULL,
    reason TEXT NOT NULL,
    nonprofit_id INTEGER REFERENCES nonprofits (id) ON DELETE SET NULL,
    -- The listing as it stands, as it would become, and as the source alone would have it.
    before TEXT CHECK (before IS NULL OR json_valid(before)),
    after TEXT CHECK (after IS NULL OR json_valid(after)),
    offered TEXT CHECK (offered IS NULL OR json_valid(offered)),
    curated TEXT NOT NULL CHECK (json_valid(curated)),
    material TEXT NOT NULL,
    -- All of it that can be looked for, without case and accents.
    searched TEXT NOT NULL,
    is_left_out INTEGER NOT NULL DEFAULT 0 CHECK (is_left_out IN (0, 1)),
    outcome TEXT NOT NULL DEFAULT '' CHECK (outcome IN ('', 'created', 'changed', 'proposed')),
    -- Of the entry in the history of the listing by which it was done.
    number INTEGER,
    undone TEXT NOT NULL DEFAULT '' CHECK (undone IN (
        '', 'removed', 'reverted', 'proposed', 'withdrawn', 'left')),
    remark TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (import_id, position)
) STRICT;
CREATE INDEX import_rows_verdict ON import_rows (import_id, verdict, outcome);
CREATE INDEX import_rows_nonprofit_id ON import_rows (nonprofit_id);

CREATE TABLE import_mappings (
    -- SHA-256 of the names of the columns.
    header TEXT PRIMARY KEY,
    mapping TEXT NOT NULL CHECK (json_valid(mapping)),
    staff_name TEXT NOT NULL,
    saved_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ'))
) STRICT, WITHOUT ROWID;
"""

_VIEWS = """
CREATE TABLE saved_views (
    staff_id INTEGER NOT NULL REFERENCES staff (id) ON DELETE CASCADE,
    name TEXT NOT NULL CHECK (name <> '' AND length(name) <= 80),
    query TEXT NOT NULL CHECK (length(query) <= 4000),
    PRIMARY KEY (staff_id, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE batches (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    action TEXT NOT NULL CHECK (action IN ('assign', 'check', 'review', 'publish', 'archive')),
    assignee_id INTEGER REFERENCES staff (id) ON DELETE SET NULL,
    assignee_name TEXT NOT NULL DEFAULT '',
    note TEXT NOT NULL DEFAULT '' CHECK (length(note) <= 4000),
    staff_id INTEGER REFERENCES staff (id) ON DELETE SET NULL,
    staff_name TEXT NOT NULL CHECK (staff_name <> ''),
    created_at TEXT NOT NULL,
    undone_by TEXT NOT NULL DEFAULT '',
    undone_at TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX batches_staff_id ON batches (staff_id);
CREATE INDEX batches_assignee_id ON batches (assignee_id);

CREATE TABLE batch_items (
    batch_id INTEGER NOT NULL REFERENCES batches (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    nonprofit_id INTEGER NOT NULL REFERENCES nonprofits (id) ON DELETE CASCADE,
    outcome TEXT NOT NULL CHECK (outcome IN ('done', 'skipped', 'undone', 'kept')),
    -- Why it was skipped, or could not be undone.
    reason TEXT NOT NULL DEFAULT '',
    -- What undoing brings back, and the revision at which nothing has changed since.
    status TEXT NOT NULL,
    revision INTEGER NOT NULL,
    assignee_id INTEGER REFERENCES staff (id) ON DELETE SET NULL,
    PRIMARY KEY (batch_id, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX batch_items_nonprofit_id ON batch_items (nonprofit_id);
CREATE INDEX batch_items_assignee_id ON batch_items (assignee_id);
"""

_LIBRARY = """
CREATE TABLE library_revisions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL CHECK (kind IN ('term', 'resource', 'guide')),
    -- They differ where a phrase of the term map is changed.
    key TEXT NOT NULL CHECK (key <> ''),
    new_key TEXT NOT NULL CHECK (new_key <> ''),
    before TEXT CHECK (before IS NULL OR json_valid(before)),
    after TEXT CHECK (after IS NULL OR json_valid(after)),
    state TEXT NOT NULL CHECK (state IN ('pending', 'applied', 'rejected', 'superseded')),
    note TEXT NOT NULL DEFAULT '' CHECK (length(note) <= 4000),
    staff_id INTEGER REFERENCES staff (id) ON DELETE SET NULL,
    staff_name TEXT NOT NULL CHECK (staff_name <> ''),
    created_at TEXT NOT NULL,
    reviewer_id INTEGER REFERENCES staff (id) ON DELETE SET NULL,
    reviewer_name TEXT NOT NULL DEFAULT '',
    reason TEXT NOT NULL DEFAULT '' CHECK (length(reason) <= 4000),
    decided_at TEXT NOT NULL DEFAULT '',
    CHECK (before IS NOT NULL OR after IS NOT NULL),
    CHECK ((state = 'pending') = (decided_at = ''))
) STRICT;
CREATE INDEX library_revisions_key ON library_revisions (kind, key);
CREATE INDEX library_revisions_new_key ON library_revisions (kind, new_key);
CREATE INDEX library_revisions_pending ON library_revisions (id) WHERE state = 'pending';
CREATE INDEX library_revisions_staff_id ON library_revisions (staff_id);
CREATE INDEX library_revisions_reviewer_id ON library_revisions (reviewer_id);
"""

_PUBLICATIONS = """
CREATE TABLE publications (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL CHECK (kind IN ('build', 'return')),
    state TEXT NOT NULL CHECK (state IN (
        'underway', 'published', 'refused', 'failed', 'interrupted')),
    generation TEXT NOT NULL DEFAULT '',
    previous TEXT NOT NULL DEFAULT '',
    catalog_revision INTEGER NOT NULL,
    n_listings INTEGER NOT NULL DEFAULT 0,
    n_queries INTEGER NOT NULL DEFAULT 0,
    seconds REAL NOT NULL DEFAULT 0,
    reason TEXT NOT NULL DEFAULT '',
    failures TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(failures)),
    changes TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(changes)),
    staff_id INTEGER REFERENCES staff (id) ON DELETE SET NULL,
    staff_name TEXT NOT NULL CHECK (staff_name <> ''),
    started_at TEXT NOT NULL
) STRICT;
CREATE INDEX publications_catalog_revision ON publications (catalog_revision, id);
CREATE INDEX publications_staff_id ON publications (staff_id);

CREATE TABLE exposures (
    generation TEXT PRIMARY KEY,
    n_done INTEGER NOT NULL,
    n_profiles INTEGER NOT NULL,
    report TEXT CHECK (report IS NULL OR json_valid(report))
) STRICT, WITHOUT ROWID;
"""

SCRIPTS = (_INBOX, _IMPORTS, _VIEWS, _LIBRARY, _PUBLICATIONS)
