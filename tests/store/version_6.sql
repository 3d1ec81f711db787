BEGIN TRANSACTION;
CREATE VIRTUAL TABLE listing_search USING fts5 (
    name, names, ein, cities, summary, tokenize = "unicode61 remove_diacritics 2");
INSERT INTO listing_search (rowid, name, names, ein, cities, summary) VALUES(1,'Test Ayuda San Juan',NULL,'','San Juan','Test Ayuda San Juan gives free legal help to people who ask for asylum. Test Ayuda San Juan da ayuda legal gratuita a quienes piden asilo.');
INSERT INTO listing_search (rowid, name, names, ein, cities, summary) VALUES(2,'Test Border Lawyers','TBL / Abogados de Prueba','000000001','Brownsville','Test Border Lawyers gives free legal help to people who ask for asylum. Test Border Lawyers da ayuda legal gratuita a quienes piden asilo.');
INSERT INTO listing_search (rowid, name, names, ein, cities, summary) VALUES(3,'Test Haitian House',NULL,'','Miami','Test Haitian House welcomes Haitian newcomers with classes and a bed. Test Haitian House recibe a recién llegados de Haití con clases y cama.');
INSERT INTO listing_search (rowid, name, names, ein, cities, summary) VALUES(4,'Test Harbor Shelter',NULL,'','Boston','Test Harbor Shelter offers a safe place to stay to families. Test Harbor Shelter ofrece un lugar seguro a familias.');
INSERT INTO listing_search (rowid, name, names, ein, cities, summary) VALUES(5,'Test Houston Clinic',NULL,'','Houston','Test Houston Clinic runs a walk-in clinic for refugee families. Test Houston Clinic atiende sin cita a familias refugiadas.');
INSERT INTO listing_search (rowid, name, names, ein, cities, summary) VALUES(6,'Test Legal Help Los Angeles',NULL,'','Los Angeles','Test Legal Help Los Angeles gives free legal help to people who ask for asylum. Test Legal Help Los Angeles da ayuda legal gratuita a quienes piden asilo.');
INSERT INTO listing_search (rowid, name, names, ein, cities, summary) VALUES(7,'Test Lewiston English Classes',NULL,'','Lewiston','Test Lewiston English Classes teaches English to newly arrived refugees. Test Lewiston English Classes enseña inglés a refugiados recién llegados.');
INSERT INTO listing_search (rowid, name, names, ein, cities, summary) VALUES(8,'Test Maine Asylum Project',NULL,'','Portland','Test Maine Asylum Project gives free legal help to people who ask for asylum. Test Maine Asylum Project da ayuda legal gratuita a quienes piden asilo.');
INSERT INTO listing_search (rowid, name, names, ein, cities, summary) VALUES(9,'Test National Policy Network',NULL,'','Washington','Test National Policy Network speaks for fair asylum law in Congress. Test National Policy Network aboga por leyes de asilo justas.');
INSERT INTO listing_search (rowid, name, names, ein, cities, summary) VALUES(10,'Test New York Workers Center',NULL,'','New York','Test New York Workers Center organizes day laborers for fair pay. Test New York Workers Center organiza a jornaleros por un pago justo.');
INSERT INTO listing_search (rowid, name, names, ein, cities, summary) VALUES(11,'Test Somali Youth',NULL,'','Saint Paul','Test Somali Youth tutors Somali students after school. Test Somali Youth da tutorías a estudiantes somalíes.');
INSERT INTO listing_search (rowid, name, names, ein, cities, summary) VALUES(12,'Test Unknown Circle',NULL,'',NULL,'Test Unknown Circle is listed from public records. Test Unknown Circle aparece según registros públicos.');
CREATE TABLE "_sqlite_migrations" (
   "id" INTEGER PRIMARY KEY,
   "migration_set" TEXT,
   "name" TEXT,
   "applied_at" TEXT
) STRICT;
INSERT INTO "_sqlite_migrations" VALUES(1,'waymark','0001_catalog','2026-11-23 15:51:17.237400+00:00');
INSERT INTO "_sqlite_migrations" VALUES(2,'waymark','0002_staff','2026-11-23 15:51:17.258808+00:00');
INSERT INTO "_sqlite_migrations" VALUES(3,'waymark','0003_revisions','2026-11-23 15:51:17.300321+00:00');
INSERT INTO "_sqlite_migrations" VALUES(4,'waymark','0004_desk','2026-11-23 15:51:17.479498+00:00');
INSERT INTO "_sqlite_migrations" VALUES(5,'waymark','0005_partners','2026-11-23 15:51:17.509205+00:00');
INSERT INTO "_sqlite_migrations" VALUES(6,'waymark','0006_inbox','2026-11-23 15:51:17.571922+00:00');
CREATE TABLE assignments (
    nonprofit_id INTEGER PRIMARY KEY REFERENCES nonprofits (id) ON DELETE CASCADE,
    staff_id INTEGER NOT NULL REFERENCES staff (id) ON DELETE CASCADE,
    assigned_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ'))
) STRICT;
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
CREATE TABLE exposures (
    generation TEXT PRIMARY KEY,
    n_done INTEGER NOT NULL,
    n_profiles INTEGER NOT NULL,
    report TEXT CHECK (report IS NULL OR json_valid(report))
) STRICT, WITHOUT ROWID;
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
CREATE TABLE import_mappings (
    -- SHA-256 of the names of the columns.
    header TEXT PRIMARY KEY,
    mapping TEXT NOT NULL CHECK (json_valid(mapping)),
    staff_name TEXT NOT NULL,
    saved_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ'))
) STRICT, WITHOUT ROWID;
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
INSERT INTO "locations" VALUES(1,0,'San Juan','PR','00901','public',1,18.4655,-66.1057);
INSERT INTO "locations" VALUES(2,0,'Brownsville','TX','78520','public',1,25.9303,-97.5069);
INSERT INTO "locations" VALUES(3,0,'Miami','FL','33130','public',1,25.7672,-80.2059);
INSERT INTO "locations" VALUES(4,0,'Boston','MA','02108','hidden',1,NULL,NULL);
INSERT INTO "locations" VALUES(5,0,'Houston','TX','77002','public',1,29.7594,-95.3594);
INSERT INTO "locations" VALUES(6,0,'Los Angeles','CA','90012','public',1,34.0614,-118.2385);
INSERT INTO "locations" VALUES(7,0,'Lewiston','ME','04240','public',1,44.0851,-70.1746);
INSERT INTO "locations" VALUES(8,0,'Portland','ME','04101','public',1,43.6606,-70.2589);
INSERT INTO "locations" VALUES(9,0,'Washington','DC','20001','public',1,38.9122,-77.0177);
INSERT INTO "locations" VALUES(10,0,'New York','NY','10007','public',1,40.7139,-74.007);
INSERT INTO "locations" VALUES(11,0,'Saint Paul','MN','55101','public',1,44.9511,-93.0902);
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO "meta" VALUES('catalog_revision','124');
INSERT INTO "meta" VALUES('data_digest','');
CREATE TABLE nonprofit_names (
    nonprofit_id INTEGER NOT NULL REFERENCES nonprofits (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    name TEXT NOT NULL CHECK (name <> ''),
    PRIMARY KEY (nonprofit_id, position)
) STRICT, WITHOUT ROWID;
INSERT INTO "nonprofit_names" VALUES(2,0,'TBL');
INSERT INTO "nonprofit_names" VALUES(2,1,'Abogados de Prueba');
CREATE TABLE nonprofit_tags (
    nonprofit_id INTEGER NOT NULL REFERENCES nonprofits (id) ON DELETE CASCADE,
    kind TEXT NOT NULL CHECK (kind IN ('services', 'populations', 'communities', 'languages')),
    tag TEXT NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (nonprofit_id, kind, tag),
    FOREIGN KEY (kind, tag) REFERENCES tags (kind, slug)
) STRICT, WITHOUT ROWID;
INSERT INTO "nonprofit_tags" VALUES(1,'languages','spanish',0);
INSERT INTO "nonprofit_tags" VALUES(1,'populations','asylum-seekers',0);
INSERT INTO "nonprofit_tags" VALUES(1,'services','legal-services',0);
INSERT INTO "nonprofit_tags" VALUES(2,'populations','asylum-seekers',0);
INSERT INTO "nonprofit_tags" VALUES(2,'services','asylum-support',1);
INSERT INTO "nonprofit_tags" VALUES(2,'services','legal-services',0);
INSERT INTO "nonprofit_tags" VALUES(3,'communities','haitian',0);
INSERT INTO "nonprofit_tags" VALUES(3,'languages','haitian-creole',0);
INSERT INTO "nonprofit_tags" VALUES(3,'languages','spanish',1);
INSERT INTO "nonprofit_tags" VALUES(3,'populations','refugees',0);
INSERT INTO "nonprofit_tags" VALUES(3,'services','housing',1);
INSERT INTO "nonprofit_tags" VALUES(3,'services','language-education',0);
INSERT INTO "nonprofit_tags" VALUES(4,'populations','asylum-seekers',0);
INSERT INTO "nonprofit_tags" VALUES(4,'populations','children',1);
INSERT INTO "nonprofit_tags" VALUES(4,'services','housing',0);
INSERT INTO "nonprofit_tags" VALUES(5,'populations','children',1);
INSERT INTO "nonprofit_tags" VALUES(5,'populations','refugees',0);
INSERT INTO "nonprofit_tags" VALUES(5,'services','health-care',0);
INSERT INTO "nonprofit_tags" VALUES(6,'languages','spanish',0);
INSERT INTO "nonprofit_tags" VALUES(6,'populations','asylum-seekers',0);
INSERT INTO "nonprofit_tags" VALUES(6,'services','legal-services',0);
INSERT INTO "nonprofit_tags" VALUES(7,'communities','somali',0);
INSERT INTO "nonprofit_tags" VALUES(7,'populations','refugees',0);
INSERT INTO "nonprofit_tags" VALUES(7,'services','language-education',0);
INSERT INTO "nonprofit_tags" VALUES(8,'populations','asylum-seekers',0);
INSERT INTO "nonprofit_tags" VALUES(8,'services','asylum-support',1);
INSERT INTO "nonprofit_tags" VALUES(8,'services','legal-services',0);
INSERT INTO "nonprofit_tags" VALUES(9,'populations','asylum-seekers',1);
INSERT INTO "nonprofit_tags" VALUES(9,'populations','refugees',0);
INSERT INTO "nonprofit_tags" VALUES(9,'services','policy-advocacy',0);
INSERT INTO "nonprofit_tags" VALUES(10,'communities','latino',0);
INSERT INTO "nonprofit_tags" VALUES(10,'populations','workers',0);
INSERT INTO "nonprofit_tags" VALUES(10,'services','policy-advocacy',0);
INSERT INTO "nonprofit_tags" VALUES(11,'communities','somali',0);
INSERT INTO "nonprofit_tags" VALUES(11,'populations','children',0);
INSERT INTO "nonprofit_tags" VALUES(11,'services','youth-education',0);
INSERT INTO "nonprofit_tags" VALUES(12,'populations','refugees',0);
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
, is_edited INTEGER NOT NULL DEFAULT 0 CHECK (is_edited IN (0, 1)), merged_into INTEGER REFERENCES nonprofits (id) ON DELETE SET NULL) STRICT;
INSERT INTO "nonprofits" VALUES(1,'test-ayuda-san-juan','','Test Ayuda San Juan',NULL,'','',NULL,NULL,'local','','Test Ayuda San Juan gives free legal help to people who ask for asylum.','Test Ayuda San Juan da ayuda legal gratuita a quienes piden asilo.','mission','published',1,'',1,'2acd18afa296409b1cdad13b9df9e817232cb9dbc6de6fd9578cef8808c01380','2026-11-23T15:51:17Z','2026-11-23T15:51:17Z','',0,NULL);
INSERT INTO "nonprofits" VALUES(2,'test-border-lawyers','000000001','Test Border Lawyers',NULL,'','',NULL,NULL,'local','','Test Border Lawyers gives free legal help to people who ask for asylum.','Test Border Lawyers da ayuda legal gratuita a quienes piden asilo.','mission','published',0,'',1,'1ad891e1a30b7efbbb0d48ae91dc260b6ec0640d40684237774765b17d704ba5','2026-11-23T15:51:17Z','2026-11-23T15:51:17Z','',0,NULL);
INSERT INTO "nonprofits" VALUES(3,'test-haitian-house','','Test Haitian House',NULL,'','',NULL,NULL,'local','','Test Haitian House welcomes Haitian newcomers with classes and a bed.','Test Haitian House recibe a recién llegados de Haití con clases y cama.','mission','published',0,'',1,'e86c9de9bef0e3d54633a9e3a3a435e1d0ec4c1182910b547b2c3b7463e0f7e6','2026-11-23T15:51:17Z','2026-11-23T15:51:17Z','',0,NULL);
INSERT INTO "nonprofits" VALUES(4,'test-harbor-shelter','','Test Harbor Shelter',NULL,'','',NULL,NULL,'local','','Test Harbor Shelter offers a safe place to stay to families.','Test Harbor Shelter ofrece un lugar seguro a familias.','mission','published',0,'',1,'fd78da70e80458d6f26fd1beafa35169f198974ad9b009210c506de79704335d','2026-11-23T15:51:17Z','2026-11-23T15:51:17Z','',0,NULL);
INSERT INTO "nonprofits" VALUES(5,'test-houston-clinic','','Test Houston Clinic',NULL,'','',NULL,NULL,'local','','Test Houston Clinic runs a walk-in clinic for refugee families.','Test Houston Clinic atiende sin cita a familias refugiadas.','mission','published',0,'',1,'73113a5ce272ae8fa310f0dcebaa98ac3f5f115ffa9229fffd050df604b53b87','2026-11-23T15:51:17Z','2026-11-23T15:51:17Z','',0,NULL);
INSERT INTO "nonprofits" VALUES(6,'test-legal-help-los-angeles','','Test Legal Help Los Angeles',NULL,'','',NULL,NULL,'local','','Test Legal Help Los Angeles gives free legal help to people who ask for asylum.','Test Legal Help Los Angeles da ayuda legal gratuita a quienes piden asilo.','mission','published',0,'',1,'b56d13e20a2ff4c860507a317b3a1ac0c8d2d60fcb09b911602f883b83dd75f4','2026-11-23T15:51:17Z','2026-11-23T15:51:17Z','',0,NULL);
INSERT INTO "nonprofits" VALUES(7,'test-lewiston-english-classes','','Test Lewiston English Classes',NULL,'','',NULL,NULL,'local','','Test Lewiston English Classes teaches English to newly arrived refugees.','Test Lewiston English Classes enseña inglés a refugiados recién llegados.','mission','published',0,'',1,'2c556f1b0ad92184b141c16beeab43b720079cfbae2de30e6cdd7ec4e92a806c','2026-11-23T15:51:17Z','2026-11-23T15:51:17Z','',0,NULL);
INSERT INTO "nonprofits" VALUES(8,'test-maine-asylum-project','','Test Maine Asylum Project',NULL,'','',NULL,410000,'state','','Test Maine Asylum Project gives free legal help to people who ask for asylum.','Test Maine Asylum Project da ayuda legal gratuita a quienes piden asilo.','mission','published',0,'',1,'ea0725404323bd279569d2e664cad93bdc76373f95786eb1f74e803685602f13','2026-11-23T15:51:17Z','2026-11-23T15:51:17Z','',0,NULL);
INSERT INTO "nonprofits" VALUES(9,'test-national-policy-network','','Test National Policy Network',NULL,'','',NULL,12000000,'national','','Test National Policy Network speaks for fair asylum law in Congress.','Test National Policy Network aboga por leyes de asilo justas.','mission','published',0,'',1,'2a243432566c30cdacb59ba1ff232bc9712295185a83694e3e6c3925ac54113f','2026-11-23T15:51:17Z','2026-11-23T15:51:17Z','',0,NULL);
INSERT INTO "nonprofits" VALUES(10,'test-new-york-workers-center','','Test New York Workers Center',NULL,'','',NULL,NULL,'local','','Test New York Workers Center organizes day laborers for fair pay.','Test New York Workers Center organiza a jornaleros por un pago justo.','mission','published',0,'',1,'941c9486fd9f686834e3c85eb1a0ce1005efacfd1e64c03027c6d888b9838adb','2026-11-23T15:51:17Z','2026-11-23T15:51:17Z','',0,NULL);
INSERT INTO "nonprofits" VALUES(11,'test-somali-youth','','Test Somali Youth',NULL,'','',NULL,95000,'local','','Test Somali Youth tutors Somali students after school.','Test Somali Youth da tutorías a estudiantes somalíes.','mission','published',0,'',1,'4939c98babf800829d50709cf4f6bbcda8fd0b1246a18f1556fd3f57fcd80b2f','2026-11-23T15:51:17Z','2026-11-23T15:51:17Z','',0,NULL);
INSERT INTO "nonprofits" VALUES(12,'test-unknown-circle','','Test Unknown Circle',NULL,'','',NULL,NULL,'local','','Test Unknown Circle is listed from public records.','Test Unknown Circle aparece según registros públicos.','name','published',0,'',1,'70b970facb3c931d9307119333268be0ef066d6e4185a8a7077f10f3c623db8d','2026-11-23T15:51:17Z','2026-11-23T15:51:17Z','',0,NULL);
CREATE TABLE partner_counts (
    partner_id INTEGER NOT NULL REFERENCES partners (id) ON DELETE CASCADE,
    week TEXT NOT NULL CHECK (week GLOB '[0-9][0-9][0-9][0-9]-W[0-9][0-9]'),
    kind TEXT NOT NULL CHECK (kind IN ('view', 'open', 'click')),
    count INTEGER NOT NULL CHECK (count > 0),
    PRIMARY KEY (partner_id, week, kind)
) STRICT, WITHOUT ROWID;
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
INSERT INTO "partner_events" VALUES(1,1,'add','[]',1,'Ana','2026-11-23T15:51:18Z');
CREATE TABLE partner_origins (
    partner_id INTEGER NOT NULL REFERENCES partners (id) ON DELETE CASCADE,
    origin TEXT NOT NULL CHECK (origin GLOB 'https://?*' OR origin GLOB 'http://?*'),
    PRIMARY KEY (partner_id, origin)
) STRICT, WITHOUT ROWID;
INSERT INTO "partner_origins" VALUES(1,'https://news.example.org');
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
INSERT INTO "partners" VALUES(1,'The Daily Cairn','af3a71ea8de6b202',0,'','','en','medium','auto','system','',0,'2026-11-23T15:51:17Z');
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
CREATE TABLE rate_windows (
    key TEXT PRIMARY KEY,
    -- Seconds since 1970.
    ends_at INTEGER NOT NULL,
    count INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE recovery_codes (
    staff_id INTEGER NOT NULL REFERENCES staff (id) ON DELETE CASCADE,
    code_hash TEXT NOT NULL,
    PRIMARY KEY (staff_id, code_hash)
) STRICT, WITHOUT ROWID;
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
CREATE TABLE saved_views (
    staff_id INTEGER NOT NULL REFERENCES staff (id) ON DELETE CASCADE,
    name TEXT NOT NULL CHECK (name <> '' AND length(name) <= 80),
    query TEXT NOT NULL CHECK (length(query) <= 4000),
    PRIMARY KEY (staff_id, name)
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
INSERT INTO "service_areas" VALUES(1,0,'PR','San Juan',18.4655,-66.1057);
INSERT INTO "service_areas" VALUES(2,0,'TX','Brownsville',25.9303,-97.5069);
INSERT INTO "service_areas" VALUES(3,0,'FL','Miami',25.7672,-80.2059);
INSERT INTO "service_areas" VALUES(4,0,'MA','Boston',NULL,NULL);
INSERT INTO "service_areas" VALUES(5,0,'TX','Houston',29.7594,-95.3594);
INSERT INTO "service_areas" VALUES(6,0,'CA','Los Angeles',34.0614,-118.2385);
INSERT INTO "service_areas" VALUES(7,0,'ME','Lewiston',44.0851,-70.1746);
INSERT INTO "service_areas" VALUES(8,0,'ME','',NULL,NULL);
INSERT INTO "service_areas" VALUES(10,0,'NY','New York',40.7139,-74.007);
INSERT INTO "service_areas" VALUES(11,0,'MN','Saint Paul',44.9511,-93.0902);
CREATE TABLE sessions (
    token_hash TEXT PRIMARY KEY,
    staff_id INTEGER NOT NULL REFERENCES staff (id) ON DELETE CASCADE,
    csrf TEXT NOT NULL CHECK (csrf <> ''),
    created_at INTEGER NOT NULL,
    seen_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE sources (
    nonprofit_id INTEGER NOT NULL REFERENCES nonprofits (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    facts TEXT NOT NULL,
    source TEXT NOT NULL,
    as_of TEXT NOT NULL,
    PRIMARY KEY (nonprofit_id, position)
) STRICT, WITHOUT ROWID;
INSERT INTO "sources" VALUES(1,0,'mission','Test register','2024-01');
INSERT INTO "sources" VALUES(2,0,'mission','Test register','2024-01');
INSERT INTO "sources" VALUES(3,0,'mission','Test register','2024-01');
INSERT INTO "sources" VALUES(4,0,'mission','Test register','2024-01');
INSERT INTO "sources" VALUES(5,0,'mission','Test register','2024-01');
INSERT INTO "sources" VALUES(6,0,'mission','Test register','2024-01');
INSERT INTO "sources" VALUES(7,0,'mission','Test register','2024-01');
INSERT INTO "sources" VALUES(8,0,'mission','Test register','2024-01');
INSERT INTO "sources" VALUES(9,0,'mission','Test register','2024-01');
INSERT INTO "sources" VALUES(10,0,'mission','Test register','2024-01');
INSERT INTO "sources" VALUES(11,0,'mission','Test register','2024-01');
INSERT INTO "sources" VALUES(12,0,'mission','Test register','2024-01');
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
INSERT INTO "staff" VALUES(1,'ana@example.org','Ana','admin','','',0,0,'2026-11-23T15:51:17Z');
CREATE TABLE staff_links (
    token_hash TEXT PRIMARY KEY,
    staff_id INTEGER NOT NULL REFERENCES staff (id) ON DELETE CASCADE,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
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
INSERT INTO "submission_actions" VALUES(1,1,'closed','','',NULL,1,'Ana','2026-11-23T12:00:00Z');
CREATE TABLE submissions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
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
, handled_at TEXT NOT NULL DEFAULT '', contact_erased_at TEXT NOT NULL DEFAULT '', kind TEXT NOT NULL DEFAULT 'nomination'
    CHECK (kind IN ('nomination', 'fix', 'claim', 'removal', 'partner'))) STRICT;
INSERT INTO "submissions" VALUES(1,'en',NULL,'It stays empty.','The Daily Cairn','https://news.example.org','','','web@example.org','new','2026-11-23T15:51:17Z','','','partner');
CREATE TABLE tag_synonyms (
    kind TEXT NOT NULL,
    tag TEXT NOT NULL,
    language TEXT NOT NULL CHECK (language IN ('en', 'es')),
    position INTEGER NOT NULL,
    phrase TEXT NOT NULL CHECK (phrase <> ''),
    PRIMARY KEY (kind, tag, language, position),
    FOREIGN KEY (kind, tag) REFERENCES tags (kind, slug) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
INSERT INTO "tag_synonyms" VALUES('populations','children','en',0,'kids');
INSERT INTO "tag_synonyms" VALUES('populations','workers','en',0,'day laborers');
INSERT INTO "tag_synonyms" VALUES('services','asylum-support','en',0,'asylum claims');
INSERT INTO "tag_synonyms" VALUES('services','health-care','en',0,'clinic');
INSERT INTO "tag_synonyms" VALUES('services','health-care','en',1,'doctors');
INSERT INTO "tag_synonyms" VALUES('services','housing','en',0,'shelter');
INSERT INTO "tag_synonyms" VALUES('services','language-education','en',0,'english classes');
INSERT INTO "tag_synonyms" VALUES('services','language-education','en',1,'esl');
INSERT INTO "tag_synonyms" VALUES('services','legal-services','en',0,'immigration lawyers');
INSERT INTO "tag_synonyms" VALUES('services','legal-services','en',1,'attorneys');
INSERT INTO "tag_synonyms" VALUES('services','policy-advocacy','en',0,'policy change');
INSERT INTO "tag_synonyms" VALUES('services','youth-education','en',0,'tutoring');
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
INSERT INTO "tags" VALUES('communities','haitian',12,'Haitian','Haitiana','','','');
INSERT INTO "tags" VALUES('communities','latino',13,'Latino','Latina','','','');
INSERT INTO "tags" VALUES('communities','somali',11,'Somali','Somalí','','','');
INSERT INTO "tags" VALUES('languages','haitian-creole',15,'Haitian creole','Criollo haitiano','','','');
INSERT INTO "tags" VALUES('languages','spanish',14,'Spanish','Español','','','');
INSERT INTO "tags" VALUES('populations','asylum-seekers',7,'Asylum seekers','Solicitantes de asilo','','','');
INSERT INTO "tags" VALUES('populations','children',9,'Children','Niñez','','','');
INSERT INTO "tags" VALUES('populations','refugees',8,'Refugees','Personas refugiadas','','','');
INSERT INTO "tags" VALUES('populations','workers',10,'Workers','Trabajadores','','','');
INSERT INTO "tags" VALUES('services','asylum-support',1,'Asylum support','Apoyo al asilo','','','');
INSERT INTO "tags" VALUES('services','health-care',4,'Health care','Salud','','','');
INSERT INTO "tags" VALUES('services','housing',3,'Housing','Vivienda','','','');
INSERT INTO "tags" VALUES('services','language-education',2,'Language education','Clases de idioma','','','');
INSERT INTO "tags" VALUES('services','legal-services',0,'Legal services','Ayuda legal','','','');
INSERT INTO "tags" VALUES('services','policy-advocacy',5,'Policy advocacy','Incidencia','','','');
INSERT INTO "tags" VALUES('services','youth-education',6,'Youth education','Educación juvenil','','','');
CREATE TABLE term_map (
    phrase TEXT NOT NULL CHECK (phrase <> ''),
    language TEXT NOT NULL,
    position INTEGER NOT NULL,
    tags TEXT NOT NULL CHECK (json_valid(tags)),
    words TEXT NOT NULL CHECK (json_valid(words)),
    weight REAL NOT NULL CHECK (weight > 0 AND weight <= 1),
    PRIMARY KEY (phrase, language)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX "idx__sqlite_migrations_migration_set_name"
    ON "_sqlite_migrations" ("migration_set", "name");
CREATE UNIQUE INDEX nonprofits_ein ON nonprofits (ein) WHERE ein <> '';
CREATE INDEX nonprofits_status ON nonprofits (status);
CREATE INDEX nonprofits_parent_slug ON nonprofits (parent_slug);
CREATE INDEX nonprofit_tags_tag ON nonprofit_tags (kind, tag);
CREATE INDEX submissions_nonprofit_id ON submissions (nonprofit_id);
CREATE INDEX submissions_status ON submissions (status, id);
CREATE INDEX rate_windows_ends_at ON rate_windows (ends_at);
CREATE INDEX staff_links_staff_id ON staff_links (staff_id);
CREATE INDEX sessions_staff_id ON sessions (staff_id);
CREATE INDEX nonprofits_merged_into ON nonprofits (merged_into);
CREATE UNIQUE INDEX revisions_replaced ON revisions (nonprofit_id, base) WHERE is_live;
CREATE INDEX revisions_open ON revisions (state, created_at)
    WHERE state IN ('pending', 'returned');
CREATE INDEX revisions_staff_id ON revisions (staff_id);
CREATE INDEX assignments_staff_id ON assignments (staff_id);
CREATE INDEX submissions_handled_at ON submissions (handled_at) WHERE contact <> '';
CREATE INDEX submission_actions_submission_id ON submission_actions (submission_id, id);
CREATE INDEX submission_actions_staff_id ON submission_actions (staff_id);
CREATE INDEX imports_staff_id ON imports (staff_id);
CREATE INDEX imports_actor_id ON imports (actor_id);
CREATE INDEX import_rows_verdict ON import_rows (import_id, verdict, outcome);
CREATE INDEX import_rows_nonprofit_id ON import_rows (nonprofit_id);
CREATE INDEX batches_staff_id ON batches (staff_id);
CREATE INDEX batches_assignee_id ON batches (assignee_id);
CREATE INDEX batch_items_nonprofit_id ON batch_items (nonprofit_id);
CREATE INDEX batch_items_assignee_id ON batch_items (assignee_id);
CREATE INDEX library_revisions_key ON library_revisions (kind, key);
CREATE INDEX library_revisions_new_key ON library_revisions (kind, new_key);
CREATE INDEX library_revisions_pending ON library_revisions (id) WHERE state = 'pending';
CREATE INDEX library_revisions_staff_id ON library_revisions (staff_id);
CREATE INDEX library_revisions_reviewer_id ON library_revisions (reviewer_id);
CREATE INDEX publications_catalog_revision ON publications (catalog_revision, id);
CREATE INDEX publications_staff_id ON publications (staff_id);
CREATE INDEX partner_events_by_partner ON partner_events (partner_id, id);
CREATE TRIGGER nonprofits_revision_insert AFTER INSERT ON nonprofits WHEN NEW.status IN ('published', 'due', 'stale') BEGIN
    UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE key = 'catalog_revision';
END;
CREATE TRIGGER nonprofits_revision_update AFTER UPDATE ON nonprofits WHEN OLD.status IN ('published', 'due', 'stale') OR NEW.status IN ('published', 'due', 'stale') BEGIN
    UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE key = 'catalog_revision';
END;
CREATE TRIGGER nonprofits_revision_delete AFTER DELETE ON nonprofits WHEN OLD.status IN ('published', 'due', 'stale') BEGIN
    UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE key = 'catalog_revision';
END;
CREATE TRIGGER nonprofit_names_revision_insert AFTER INSERT ON nonprofit_names WHEN EXISTS (
    SELECT 1 FROM nonprofits
    WHERE id = NEW.nonprofit_id AND status IN ('published', 'due', 'stale')) BEGIN
    UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE key = 'catalog_revision';
END;
CREATE TRIGGER nonprofit_names_revision_update AFTER UPDATE ON nonprofit_names WHEN EXISTS (
    SELECT 1 FROM nonprofits
    WHERE id = OLD.nonprofit_id AND status IN ('published', 'due', 'stale')) OR EXISTS (
    SELECT 1 FROM nonprofits
    WHERE id = NEW.nonprofit_id AND status IN ('published', 'due', 'stale')) BEGIN
    UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE key = 'catalog_revision';
END;
CREATE TRIGGER nonprofit_names_revision_delete AFTER DELETE ON nonprofit_names WHEN EXISTS (
    SELECT 1 FROM nonprofits
    WHERE id = OLD.nonprofit_id AND status IN ('published', 'due', 'stale')) BEGIN
    UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE key = 'catalog_revision';
END;
CREATE TRIGGER locations_revision_insert AFTER INSERT ON locations WHEN EXISTS (
    SELECT 1 FROM nonprofits
    WHERE id = NEW.nonprofit_id AND status IN ('published', 'due', 'stale')) BEGIN
    UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE key = 'catalog_revision';
END;
CREATE TRIGGER locations_revision_update AFTER UPDATE ON locations WHEN EXISTS (
    SELECT 1 FROM nonprofits
    WHERE id = OLD.nonprofit_id AND status IN ('published', 'due', 'stale')) OR EXISTS (
    SELECT 1 FROM nonprofits
    WHERE id = NEW.nonprofit_id AND status IN ('published', 'due', 'stale')) BEGIN
    UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE key = 'catalog_revision';
END;
CREATE TRIGGER locations_revision_delete AFTER DELETE ON locations WHEN EXISTS (
    SELECT 1 FROM nonprofits
    WHERE id = OLD.nonprofit_id AND status IN ('published', 'due', 'stale')) BEGIN
    UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE key = 'catalog_revision';
END;
CREATE TRIGGER service_areas_revision_insert AFTER INSERT ON service_areas WHEN EXISTS (
    SELECT 1 FROM nonprofits
    WHERE id = NEW.nonprofit_id AND status IN ('published', 'due', 'stale')) BEGIN
    UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE key = 'catalog_revision';
END;
CREATE TRIGGER service_areas_revision_update AFTER UPDATE ON service_areas WHEN EXISTS (
    SELECT 1 FROM nonprofits
    WHERE id = OLD.nonprofit_id AND status IN ('published', 'due', 'stale')) OR EXISTS (
    SELECT 1 FROM nonprofits
    WHERE id = NEW.nonprofit_id AND status IN ('published', 'due', 'stale')) BEGIN
    UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE key = 'catalog_revision';
END;
CREATE TRIGGER service_areas_revision_delete AFTER DELETE ON service_areas WHEN EXISTS (
    SELECT 1 FROM nonprofits
    WHERE id = OLD.nonprofit_id AND status IN ('published', 'due', 'stale')) BEGIN
    UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE key = 'catalog_revision';
END;
CREATE TRIGGER nonprofit_tags_revision_insert AFTER INSERT ON nonprofit_tags WHEN EXISTS (
    SELECT 1 FROM nonprofits
    WHERE id = NEW.nonprofit_id AND status IN ('published', 'due', 'stale')) BEGIN
    UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE key = 'catalog_revision';
END;
CREATE TRIGGER nonprofit_tags_revision_update AFTER UPDATE ON nonprofit_tags WHEN EXISTS (
    SELECT 1 FROM nonprofits
    WHERE id = OLD.nonprofit_id AND status IN ('published', 'due', 'stale')) OR EXISTS (
    SELECT 1 FROM nonprofits
    WHERE id = NEW.nonprofit_id AND status IN ('published', 'due', 'stale')) BEGIN
    UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE key = 'catalog_revision';
END;
CREATE TRIGGER nonprofit_tags_revision_delete AFTER DELETE ON nonprofit_tags WHEN EXISTS (
    SELECT 1 FROM nonprofits
    WHERE id = OLD.nonprofit_id AND status IN ('published', 'due', 'stale')) BEGIN
    UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE key = 'catalog_revision';
END;
CREATE TRIGGER sources_revision_insert AFTER INSERT ON sources WHEN EXISTS (
    SELECT 1 FROM nonprofits
    WHERE id = NEW.nonprofit_id AND status IN ('published', 'due', 'stale')) BEGIN
    UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE key = 'catalog_revision';
END;
CREATE TRIGGER sources_revision_update AFTER UPDATE ON sources WHEN EXISTS (
    SELECT 1 FROM nonprofits
    WHERE id = OLD.nonprofit_id AND status IN ('published', 'due', 'stale')) OR EXISTS (
    SELECT 1 FROM nonprofits
    WHERE id = NEW.nonprofit_id AND status IN ('published', 'due', 'stale')) BEGIN
    UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE key = 'catalog_revision';
END;
CREATE TRIGGER sources_revision_delete AFTER DELETE ON sources WHEN EXISTS (
    SELECT 1 FROM nonprofits
    WHERE id = OLD.nonprofit_id AND status IN ('published', 'due', 'stale')) BEGIN
    UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE key = 'catalog_revision';
END;
CREATE TRIGGER tags_revision_insert AFTER INSERT ON tags WHEN TRUE BEGIN
    UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE key = 'catalog_revision';
END;
CREATE TRIGGER tags_revision_update AFTER UPDATE ON tags WHEN TRUE OR TRUE BEGIN
    UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE key = 'catalog_revision';
END;
CREATE TRIGGER tags_revision_delete AFTER DELETE ON tags WHEN TRUE BEGIN
    UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE key = 'catalog_revision';
END;
CREATE TRIGGER tag_synonyms_revision_insert AFTER INSERT ON tag_synonyms WHEN TRUE BEGIN
    UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE key = 'catalog_revision';
END;
CREATE TRIGGER tag_synonyms_revision_update AFTER UPDATE ON tag_synonyms WHEN TRUE OR TRUE BEGIN
    UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE key = 'catalog_revision';
END;
CREATE TRIGGER tag_synonyms_revision_delete AFTER DELETE ON tag_synonyms WHEN TRUE BEGIN
    UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE key = 'catalog_revision';
END;
CREATE TRIGGER term_map_revision_insert AFTER INSERT ON term_map WHEN TRUE BEGIN
    UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE key = 'catalog_revision';
END;
CREATE TRIGGER term_map_revision_update AFTER UPDATE ON term_map WHEN TRUE OR TRUE BEGIN
    UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE key = 'catalog_revision';
END;
CREATE TRIGGER term_map_revision_delete AFTER DELETE ON term_map WHEN TRUE BEGIN
    UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE key = 'catalog_revision';
END;
CREATE TRIGGER resources_revision_insert AFTER INSERT ON resources WHEN TRUE BEGIN
    UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE key = 'catalog_revision';
END;
CREATE TRIGGER resources_revision_update AFTER UPDATE ON resources WHEN TRUE OR TRUE BEGIN
    UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE key = 'catalog_revision';
END;
CREATE TRIGGER resources_revision_delete AFTER DELETE ON resources WHEN TRUE BEGIN
    UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE key = 'catalog_revision';
END;
CREATE TRIGGER guides_revision_insert AFTER INSERT ON guides WHEN TRUE BEGIN
    UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE key = 'catalog_revision';
END;
CREATE TRIGGER guides_revision_update AFTER UPDATE ON guides WHEN TRUE OR TRUE BEGIN
    UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE key = 'catalog_revision';
END;
CREATE TRIGGER guides_revision_delete AFTER DELETE ON guides WHEN TRUE BEGIN
    UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE key = 'catalog_revision';
END;
CREATE TRIGGER nonprofits_search_insert AFTER INSERT ON nonprofits  BEGIN
    DELETE FROM listing_search WHERE rowid = NEW.id;
    INSERT INTO listing_search (rowid, name, ein, summary, names, cities)
    SELECT id, name, ein, summary_en || ' ' || summary_es,
        (SELECT group_concat(name, ' / ') FROM nonprofit_names WHERE nonprofit_id = id),
        (SELECT group_concat(city, ' / ') FROM locations WHERE nonprofit_id = id)
    FROM nonprofits WHERE id = NEW.id;
END;
CREATE TRIGGER nonprofits_search_update AFTER UPDATE ON nonprofits WHEN OLD.name IS NOT NEW.name OR OLD.ein IS NOT NEW.ein OR OLD.summary_en IS NOT NEW.summary_en OR OLD.summary_es IS NOT NEW.summary_es BEGIN
    DELETE FROM listing_search WHERE rowid = NEW.id;
    INSERT INTO listing_search (rowid, name, ein, summary, names, cities)
    SELECT id, name, ein, summary_en || ' ' || summary_es,
        (SELECT group_concat(name, ' / ') FROM nonprofit_names WHERE nonprofit_id = id),
        (SELECT group_concat(city, ' / ') FROM locations WHERE nonprofit_id = id)
    FROM nonprofits WHERE id = NEW.id;
END;
CREATE TRIGGER nonprofits_search_delete AFTER DELETE ON nonprofits  BEGIN
    DELETE FROM listing_search WHERE rowid = OLD.id;
    INSERT INTO listing_search (rowid, name, ein, summary, names, cities)
    SELECT id, name, ein, summary_en || ' ' || summary_es,
        (SELECT group_concat(name, ' / ') FROM nonprofit_names WHERE nonprofit_id = id),
        (SELECT group_concat(city, ' / ') FROM locations WHERE nonprofit_id = id)
    FROM nonprofits WHERE id = OLD.id;
END;
CREATE TRIGGER nonprofit_names_search_insert AFTER INSERT ON nonprofit_names  BEGIN
    DELETE FROM listing_search WHERE rowid = NEW.nonprofit_id;
    INSERT INTO listing_search (rowid, name, ein, summary, names, cities)
    SELECT id, name, ein, summary_en || ' ' || summary_es,
        (SELECT group_concat(name, ' / ') FROM nonprofit_names WHERE nonprofit_id = id),
        (SELECT group_concat(city, ' / ') FROM locations WHERE nonprofit_id = id)
    FROM nonprofits WHERE id = NEW.nonprofit_id;
END;
CREATE TRIGGER nonprofit_names_search_update AFTER UPDATE ON nonprofit_names  BEGIN
    DELETE FROM listing_search WHERE rowid = NEW.nonprofit_id;
    INSERT INTO listing_search (rowid, name, ein, summary, names, cities)
    SELECT id, name, ein, summary_en || ' ' || summary_es,
        (SELECT group_concat(name, ' / ') FROM nonprofit_names WHERE nonprofit_id = id),
        (SELECT group_concat(city, ' / ') FROM locations WHERE nonprofit_id = id)
    FROM nonprofits WHERE id = NEW.nonprofit_id;
END;
CREATE TRIGGER nonprofit_names_search_delete AFTER DELETE ON nonprofit_names  BEGIN
    DELETE FROM listing_search WHERE rowid = OLD.nonprofit_id;
    INSERT INTO listing_search (rowid, name, ein, summary, names, cities)
    SELECT id, name, ein, summary_en || ' ' || summary_es,
        (SELECT group_concat(name, ' / ') FROM nonprofit_names WHERE nonprofit_id = id),
        (SELECT group_concat(city, ' / ') FROM locations WHERE nonprofit_id = id)
    FROM nonprofits WHERE id = OLD.nonprofit_id;
END;
CREATE TRIGGER locations_search_insert AFTER INSERT ON locations  BEGIN
    DELETE FROM listing_search WHERE rowid = NEW.nonprofit_id;
    INSERT INTO listing_search (rowid, name, ein, summary, names, cities)
    SELECT id, name, ein, summary_en || ' ' || summary_es,
        (SELECT group_concat(name, ' / ') FROM nonprofit_names WHERE nonprofit_id = id),
        (SELECT group_concat(city, ' / ') FROM locations WHERE nonprofit_id = id)
    FROM nonprofits WHERE id = NEW.nonprofit_id;
END;
CREATE TRIGGER locations_search_update AFTER UPDATE ON locations  BEGIN
    DELETE FROM listing_search WHERE rowid = NEW.nonprofit_id;
    INSERT INTO listing_search (rowid, name, ein, summary, names, cities)
    SELECT id, name, ein, summary_en || ' ' || summary_es,
        (SELECT group_concat(name, ' / ') FROM nonprofit_names WHERE nonprofit_id = id),
        (SELECT group_concat(city, ' / ') FROM locations WHERE nonprofit_id = id)
    FROM nonprofits WHERE id = NEW.nonprofit_id;
END;
CREATE TRIGGER locations_search_delete AFTER DELETE ON locations  BEGIN
    DELETE FROM listing_search WHERE rowid = OLD.nonprofit_id;
    INSERT INTO listing_search (rowid, name, ein, summary, names, cities)
    SELECT id, name, ein, summary_en || ' ' || summary_es,
        (SELECT group_concat(name, ' / ') FROM nonprofit_names WHERE nonprofit_id = id),
        (SELECT group_concat(city, ' / ') FROM locations WHERE nonprofit_id = id)
    FROM nonprofits WHERE id = OLD.nonprofit_id;
END;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('submissions',1);
INSERT INTO "sqlite_sequence" VALUES('submission_actions',1);
INSERT INTO "sqlite_sequence" VALUES('partners',1);
INSERT INTO "sqlite_sequence" VALUES('partner_events',1);
COMMIT;
