PRAGMA application_id = 1096043602;
PRAGMA user_version = 19;
BEGIN TRANSACTION;
CREATE TABLE appeals (
    id               INTEGER PRIMARY KEY AUTOINCREMENT,
    case_id          INTEGER NOT NULL UNIQUE REFERENCES cases (id) ON DELETE CASCADE,
    member           INTEGER NOT NULL,
    text             TEXT NOT NULL,
    at               REAL NOT NULL,
    card_channel_id  INTEGER,
    card_message_id  INTEGER,
    decision         TEXT CHECK (decision IN ('upheld', 'overturned')),
    decided_by       INTEGER,
    decided_name     TEXT NOT NULL DEFAULT '',
    decided_at       REAL,
    answer           TEXT NOT NULL DEFAULT '',
    told_at          REAL,
    CHECK ((decision IS NULL) = (decided_at IS NULL)),
    CHECK ((decision IS NULL) = (decided_by IS NULL))
) STRICT;
INSERT INTO "appeals" VALUES(1,1,80351110224678912,'why?',1785000000.0,NULL,NULL,'upheld',53908232506183680,'mo of the desk',1785000000.0,'so',NULL);
CREATE TABLE audit (
    number    INTEGER PRIMARY KEY CHECK (number >= 1),
    at        REAL NOT NULL,
    guild_id  INTEGER NOT NULL,
    actor     TEXT NOT NULL CHECK (length(actor) = 64),
    action    TEXT NOT NULL CHECK (action <> ''),
    member    TEXT CHECK (length(member) = 64),              -- NULL: it was about nobody
    subject   TEXT NOT NULL,                                 -- "case 12", "job 3rnhkgjm3h", "rule clowns"
    reason    TEXT CHECK (length(reason) = 64),              -- NULL: none was given
    details   TEXT NOT NULL CHECK (json_type(details) = 'object'),
    previous  TEXT NOT NULL CHECK (length(previous) = 64),   -- the hash of the row before
    hash      TEXT NOT NULL CHECK (length(hash) = 64)
) STRICT;
INSERT INTO "audit" VALUES(1,1785000000.0,197038439483310086,'93d803e762376297825abd2b378db7cba15e69c8036e6dde20328573261b4008','block','3f34bb29cc2c4059cf7df09ca8779c3a16b01210dfe63816cbc26f13e5d083b2','job 3s6bhxamyp','7b911a0ffed13663e42e19f8b49941b6c380a6c1e9a8825baa967f5fca3cfe2b','{}','0000000000000000000000000000000000000000000000000000000000000000','b54f5802ff62b29c8f9bed29e0ec4d8189359a1740ce06cc5797b5cbdfb33b01');
CREATE TABLE audit_openings (
    number  INTEGER NOT NULL REFERENCES audit (number),
    field   TEXT NOT NULL CHECK (field IN ('actor', 'member', 'reason')),
    person  INTEGER NOT NULL,
    text    TEXT NOT NULL,                                   -- a name, or the reason
    salt    TEXT NOT NULL CHECK (length(salt) = 32),
    PRIMARY KEY (number, field)
) STRICT, WITHOUT ROWID;
INSERT INTO "audit_openings" VALUES(1,'actor',53908232506183680,'mo of the desk','53e2a1f3941b4c9011723ac459fb679e');
INSERT INTO "audit_openings" VALUES(1,'member',80351110224678912,'','bd413fa8a465c0daa30204303bf15600');
INSERT INTO "audit_openings" VALUES(1,'reason',80351110224678912,'spam','3b2a41745a012b25c1a1593a7c85d6d7');
CREATE TABLE banned_pictures (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    guild_id     INTEGER NOT NULL,
    pdq          BLOB NOT NULL CHECK (length(pdq) = 32),
    job          TEXT NOT NULL,
    image_index  INTEGER NOT NULL CHECK (image_index >= 0),
    at           REAL NOT NULL, case_id INTEGER,
    UNIQUE (guild_id, job, image_index)
) STRICT;
INSERT INTO "banned_pictures" VALUES(1,197038439483310086,X'0000000000000000000000000000000000000000000000000000000000000000','3s6bhxb3by',0,1785000000.0,NULL);
CREATE TABLE blocks (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    guild_id    INTEGER NOT NULL,
    member      INTEGER NOT NULL,
    set_by      INTEGER NOT NULL,
    reason      TEXT NOT NULL,
    at          REAL NOT NULL,
    expires_at  REAL CHECK (expires_at > at),
    lifted_at   REAL,
    lifted_by   INTEGER,                     -- NULL when it ran out and a later one took its place
    CHECK (lifted_by IS NULL OR lifted_at IS NOT NULL)
) STRICT;
INSERT INTO "blocks" VALUES(1,197038439483310086,80351110224678912,53908232506183680,'spam',1785000000.0,NULL,1785000001.0,53908232506183680);
CREATE TABLE case_entries (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    case_id       INTEGER NOT NULL REFERENCES cases (id) ON DELETE CASCADE,
    at            REAL NOT NULL,
    written_by    INTEGER,                                   -- NULL: the bot itself
    written_name  TEXT NOT NULL,
    kind          TEXT NOT NULL,
    text          TEXT NOT NULL
, details TEXT NOT NULL DEFAULT '{}') STRICT;
INSERT INTO "case_entries" VALUES(1,1,1785000000.0,53908232506183680,'mo of the desk','note','a note','{}');
INSERT INTO "case_entries" VALUES(2,1,1785000000.0,80351110224678912,'alice of the hills','appealed','why?','{}');
CREATE TABLE case_numbers (
    guild_id  INTEGER PRIMARY KEY,
    last      INTEGER NOT NULL CHECK (last >= 1)
) STRICT;
INSERT INTO "case_numbers" VALUES(197038439483310086,1);
CREATE TABLE cases (
    id               INTEGER PRIMARY KEY AUTOINCREMENT,
    guild_id         INTEGER NOT NULL,
    number           INTEGER NOT NULL CHECK (number >= 1),   -- counted in each server
    origin           TEXT NOT NULL CHECK (origin IN ('flag', 'refusal', 'report', 'picture', 'moderator')),
    opened_at        REAL NOT NULL,
    member           INTEGER NOT NULL,
    member_name      TEXT NOT NULL,
    channel_id       INTEGER,                                -- where it was asked
    job              TEXT,
    verdict          INTEGER UNIQUE,                         -- no reference: the case outlives it
    prompt           TEXT NOT NULL DEFAULT '',
    negative         TEXT NOT NULL DEFAULT '',
    ruling           INTEGER NOT NULL DEFAULT 0 CHECK (ruling BETWEEN 0 AND 2),
    category         TEXT NOT NULL DEFAULT 'none',
    rule             TEXT NOT NULL DEFAULT '',
    words            TEXT NOT NULL DEFAULT '[]' CHECK (json_type(words) = 'array'),
    score            REAL NOT NULL DEFAULT 0 CHECK (score BETWEEN 0 AND 1),
    field            TEXT NOT NULL DEFAULT '',
    normal_form      TEXT NOT NULL DEFAULT '',
    picture          BLOB,                                   -- JPEG, blurred past recognition
    card_channel_id  INTEGER,
    card_message_id  INTEGER,                                -- NULL: not posted yet
    is_escalated     INTEGER NOT NULL DEFAULT 0 CHECK (is_escalated IN (0, 1)),
    claimed_by       INTEGER,
    claimed_name     TEXT NOT NULL DEFAULT '',
    claimed_at       REAL,
    proposed_by      INTEGER,                                -- a ban that waits for a second moderator
    proposed_name    TEXT NOT NULL DEFAULT '',
    proposed_reason  TEXT NOT NULL DEFAULT '',
    outcome          TEXT CHECK (outcome IN ('approve', 'remove', 'warn', 'timeout', 'ban', 'block')),
    acted_by         INTEGER,
    acted_name       TEXT NOT NULL DEFAULT '',
    acted_at         REAL,
    reason           TEXT NOT NULL DEFAULT '',
    expires_at       REAL,                                   -- of a timeout or ban; NULL: until lifted
    block            INTEGER REFERENCES blocks (id) ON DELETE SET NULL,
    power            TEXT NOT NULL DEFAULT '' CHECK (power IN ('', 'timeout', 'ban')),  -- Discord's own, beside the bot's
    told_at          REAL, is_withheld INTEGER NOT NULL DEFAULT 0 CHECK (is_withheld IN (0, 1)), is_card_stale INTEGER NOT NULL DEFAULT 0 CHECK (is_card_stale IN (0, 1)), likeness TEXT, proposed_seconds REAL, lift_at REAL,                                   -- the member knows; NULL while there is something to tell
    CHECK ((outcome IS NULL) = (acted_at IS NULL)),
    CHECK ((outcome IS NULL) = (acted_by IS NULL)),
    CHECK ((claimed_by IS NULL) = (claimed_at IS NULL)),
    UNIQUE (guild_id, number)
) STRICT;
INSERT INTO "cases" VALUES(1,197038439483310086,1,'flag',1785000000.0,80351110224678912,'alice of the hills',NULL,'3s6bhxamyp',NULL,'','',0,'none','','[]',0.0,'','',NULL,NULL,NULL,0,53908232506183680,'mo of the desk',1785000000.0,53908232506183680,'mo of the desk','spam','warn',53908232506183680,'mo of the desk',1785000000.0,'spam',NULL,NULL,'',1785000000.0,0,0,NULL,NULL,NULL);
CREATE TABLE departures (
    guild_id   INTEGER PRIMARY KEY,
    forget_at  REAL NOT NULL
) STRICT;
INSERT INTO "departures" VALUES(197038439483310087,1785000009.0);
CREATE TABLE erasures (
    member    INTEGER PRIMARY KEY,
    asked_at  REAL NOT NULL                                  -- what came later is not meant
) STRICT;
INSERT INTO "erasures" VALUES(80351110224678912,1785000005.0);
CREATE TABLE gates (
    guild_id     INTEGER PRIMARY KEY,
    account_age  REAL CHECK (account_age > 0),               -- seconds; NULL: any. Either one set is raid mode
    member_age   REAL CHECK (member_age > 0),
    mode         TEXT NOT NULL DEFAULT 'open' CHECK (mode IN ('open', 'pause', 'family', 'known')),
    mode_at      REAL,
    reason       TEXT NOT NULL DEFAULT '',
    set_by       INTEGER NOT NULL
) STRICT;
INSERT INTO "gates" VALUES(197038439483310086,NULL,NULL,'pause',NULL,'',53908232506183680);
CREATE TABLE guilds (
    guild_id        INTEGER PRIMARY KEY,
    log_channel_id  INTEGER
, ban_needs_second INTEGER NOT NULL DEFAULT 0 CHECK (ban_needs_second IN (0, 1)), told_of_channel_id INTEGER) STRICT;
INSERT INTO "guilds" VALUES(197038439483310086,197038439483310087,0,NULL);
CREATE TABLE images (
    job             TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    image_index     INTEGER NOT NULL CHECK (image_index >= 0),
    sha256          TEXT NOT NULL CHECK (length(sha256) = 64 AND sha256 NOT GLOB '*[^0-9a-f]*'),
    width           INTEGER NOT NULL CHECK (width > 0),
    height          INTEGER NOT NULL CHECK (height > 0),
    seed            INTEGER NOT NULL CHECK (seed >= 0),
    bytes           INTEGER NOT NULL CHECK (bytes > 0),
    created_at      REAL NOT NULL,
    removed_at      REAL,
    removed_by      INTEGER,             -- NULL when the bot itself removed it
    removed_reason  TEXT NOT NULL DEFAULT '', pdq BLOB CHECK (length(pdq) = 32), mark INTEGER CHECK (mark BETWEEN 0 AND 4294967295), scores TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(scores)),
    PRIMARY KEY (job, image_index),
    CHECK (removed_at IS NOT NULL OR (removed_by IS NULL AND removed_reason = ''))
) STRICT, WITHOUT ROWID;
INSERT INTO "images" VALUES('3s6bhxamyp',0,'92b2fa58028958317e408bd84ecfa70f5ee35b121991dbc232c49d166353708b',512,768,7,9,1785000000.0,1785000000.0,53908232506183680,'rule 3',NULL,NULL,'{}');
INSERT INTO "images" VALUES('3s6bhxb3by',0,'79f076abdd19a752db7267bfff2f9022161d120dea919fdaca2ffdfc24ca8c96',512,768,7,4,1785000000.0,1785000000.0,NULL,'',X'0000000000000000000000000000000000000000000000000000000000000000',NULL,'{}');
CREATE TABLE job_parents (
    job           TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    position      INTEGER NOT NULL CHECK (position >= 0),
    parent        TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    parent_image  INTEGER NOT NULL CHECK (parent_image >= 0),
    role          TEXT NOT NULL CHECK (role <> ''),
    strength      REAL NOT NULL CHECK (strength > 0 AND strength <= 1),
    PRIMARY KEY (job, position)
) STRICT, WITHOUT ROWID;
INSERT INTO "job_parents" VALUES('3s6bhxamyp',0,'3s6bhxamyn',0,'start',0.6);
INSERT INTO "job_parents" VALUES('3s6bhxamyp',1,'3s6bhxamyo',0,'start',0.6);
CREATE TABLE "jobs" (
    id                 TEXT PRIMARY KEY CHECK (length(id) = 10 AND id NOT GLOB '*[^a-z2-7]*'),
    member             INTEGER NOT NULL,
    member_name        TEXT NOT NULL,
    action             TEXT NOT NULL CHECK (action <> ''),
    guild_id           INTEGER,
    channel_id         INTEGER NOT NULL,
    message_id         INTEGER,
    token              TEXT NOT NULL,     -- of the interaction; a secret, emptied when the result is delivered
    token_at           REAL NOT NULL,
    model              TEXT NOT NULL,
    prompt             TEXT NOT NULL,
    negative           TEXT NOT NULL,
    width              INTEGER NOT NULL CHECK (width > 0),
    height             INTEGER NOT NULL CHECK (height > 0),
    steps              INTEGER NOT NULL CHECK (steps >= 0),
    guidance           REAL NOT NULL,
    seed               INTEGER NOT NULL CHECK (seed >= 0),
    images             INTEGER NOT NULL CHECK (images >= 1),
    loras              TEXT NOT NULL CHECK (json_type(loras) = 'object'),  -- {"name": weight, ...}
    is_age_restricted  INTEGER NOT NULL CHECK (is_age_restricted IN (0, 1)),
    policy_channel_id  INTEGER,           -- whose policy holds: a thread's own is its channel's. NULL: that of channel_id
    state              TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled')),
    failure            TEXT,
    created_at         REAL NOT NULL,
    started_at         REAL,
    finished_at        REAL,
    delivered_at       REAL, handed_out_at REAL CHECK (handed_out_at IS NULL OR finished_at IS NOT NULL), given_up_at REAL CHECK (given_up_at IS NULL OR finished_at IS NOT NULL),
    CHECK ((state = 'failed') = (failure IS NOT NULL)),
    CHECK ((state IN ('queued', 'running')) = (finished_at IS NULL)),
    CHECK (state <> 'running' OR started_at IS NOT NULL),
    CHECK (delivered_at IS NULL OR finished_at IS NOT NULL)
) STRICT;
INSERT INTO "jobs" VALUES('3s6bhxamyn',777,'alice','imagine',197038439483310086,197038439483310087,NULL,'aW50ZXJhY3Rpb24',1785000000.0,'small','a fox in the snow 🦊','blurry',512,768,25,7.5,9223372036854775803,4,'{}',0,NULL,'cancelled',NULL,1785000000.0,NULL,1785000000.0,NULL,NULL,NULL);
INSERT INTO "jobs" VALUES('3s6bhxamyo',777,'alice','imagine',197038439483310086,197038439483310087,NULL,'aW50ZXJhY3Rpb24',1785000000.0,'small','a fox in the snow 🦊','blurry',512,768,25,7.5,9223372036854775803,4,'{}',0,NULL,'cancelled',NULL,1785000000.0,NULL,1785000000.0,NULL,NULL,NULL);
INSERT INTO "jobs" VALUES('3s6bhxamyp',80351110224678912,'alice of the hills','imagine',197038439483310086,197038439483310087,NULL,'aW50ZXJhY3Rpb24',1785000000.0,'small','a fox in the snow 🦊','blurry',512,768,25,7.5,9223372036854775803,4,'{}',0,NULL,'cancelled',NULL,1785000000.0,NULL,1785000000.0,NULL,NULL,NULL);
INSERT INTO "jobs" VALUES('3s6bhxb3by',80351110224678912,'alice','imagine',197038439483310086,197038439483310087,NULL,'aW50ZXJhY3Rpb24',1785000000.0,'small','a fox in the snow 🦊','blurry',512,768,25,7.5,9223372036854775803,4,'{}',0,NULL,'done',NULL,1785000000.0,NULL,1785000010.0,NULL,NULL,NULL);
INSERT INTO "jobs" VALUES('3s6bhxb7vx',80351110224678913,'bob','imagine',197038439483310086,197038439483310087,NULL,'aW50ZXJhY3Rpb24',1785000000.0,'small','a fox in the snow 🦊','blurry',512,768,25,7.5,9223372036854775803,4,'{}',0,NULL,'queued',NULL,1785000000.0,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "jobs" VALUES('3s6bhxb7vy',80351110224678913,'bob','imagine',197038439483310086,197038439483310087,NULL,'aW50ZXJhY3Rpb24',1785000000.0,'small','a fox in the snow 🦊','blurry',512,768,25,7.5,9223372036854775803,4,'{}',0,NULL,'running',NULL,1785000000.0,1785000001.0,NULL,NULL,NULL,NULL);
INSERT INTO "jobs" VALUES('3s6bhxba7a',80351110224678913,'bob','imagine',197038439483310086,197038439483310087,NULL,'aW50ZXJhY3Rpb24',1785000000.0,'small','a fox in the snow 🦊','blurry',512,768,25,7.5,9223372036854775803,4,'{}',0,NULL,'failed','out-of-memory',1785000000.0,NULL,1785000002.0,NULL,NULL,NULL);
CREATE TABLE notes (
    key    TEXT PRIMARY KEY,
    value  TEXT NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "notes" VALUES('started','1785000000.0');
CREATE TABLE policies (
    guild_id    INTEGER NOT NULL,
    scope       TEXT NOT NULL CHECK (scope IN ('server', 'age-restricted', 'channel')),
    channel_id  INTEGER NOT NULL DEFAULT 0,
    preset      TEXT NOT NULL CHECK (preset IN ('family', 'standard', 'mature')),
    set_by      INTEGER NOT NULL,
    set_at      REAL NOT NULL,
    PRIMARY KEY (guild_id, scope, channel_id),
    CHECK ((scope = 'channel') = (channel_id <> 0))
) STRICT, WITHOUT ROWID;
INSERT INTO "policies" VALUES(197038439483310086,'server',0,'family',53908232506183680,1785000000.0);
CREATE TABLE presets (
    member    INTEGER NOT NULL,
    name      TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 32),
    text      TEXT NOT NULL CHECK (length(text) BETWEEN 1 AND 500),
    saved_at  REAL NOT NULL,
    PRIMARY KEY (member, name)
) STRICT, WITHOUT ROWID;
INSERT INTO "presets" VALUES(80351110224678912,'golden','golden hour',1785000000.0);
CREATE TABLE reports (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    guild_id  INTEGER NOT NULL,
    job       TEXT NOT NULL,
    case_id   INTEGER NOT NULL REFERENCES cases (id) ON DELETE CASCADE,
    member    INTEGER NOT NULL,                              -- who reported
    reason    TEXT NOT NULL,
    at        REAL NOT NULL,
    UNIQUE (job, member)
) STRICT;
INSERT INTO "reports" VALUES(1,197038439483310086,'3s6bhxamyp',1,80351110224678912,'ugly',1785000000.0);
CREATE TABLE rule_hits (
    rule     INTEGER NOT NULL REFERENCES server_rules (id) ON DELETE CASCADE,
    verdict  INTEGER NOT NULL REFERENCES verdicts (id) ON DELETE CASCADE,
    PRIMARY KEY (rule, verdict)
) STRICT, WITHOUT ROWID;
INSERT INTO "rule_hits" VALUES(1,1);
CREATE TABLE server_rules (
    id               INTEGER PRIMARY KEY AUTOINCREMENT,
    guild_id         INTEGER NOT NULL,
    name             TEXT NOT NULL,
    category         TEXT NOT NULL,
    ruling           INTEGER NOT NULL CHECK (ruling IN (1, 2)),
    any_of           TEXT NOT NULL CHECK (json_type(any_of) = 'array'),
    with_any_of      TEXT NOT NULL CHECK (json_type(with_any_of) = 'array'),
    unless           TEXT NOT NULL CHECK (json_type(unless) = 'array'),
    is_shadow        INTEGER NOT NULL CHECK (is_shadow IN (0, 1)),  -- logs only
    added_by         INTEGER NOT NULL,
    added_at         REAL NOT NULL,
    added_version    INTEGER NOT NULL CHECK (added_version >= 1),
    removed_by       INTEGER,
    removed_at       REAL,
    removed_version  INTEGER CHECK (removed_version > added_version),
    CHECK ((removed_by IS NULL) = (removed_at IS NULL)),
    CHECK ((removed_version IS NULL) = (removed_at IS NULL))
) STRICT;
INSERT INTO "server_rules" VALUES(1,197038439483310086,'clowns','spam',1,'["clown"]','[]','[]',1,53908232506183680,1785000000.0,1,53908232506183680,1785000000.0,2);
CREATE TABLE spending (
    job       TEXT PRIMARY KEY REFERENCES jobs (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    member    INTEGER NOT NULL,
    guild_id  INTEGER,
    images    INTEGER NOT NULL CHECK (images >= 1),
    at        REAL NOT NULL,
    refunded  INTEGER CHECK (refunded BETWEEN 1 AND images)  -- pictures given back; NULL until then
) STRICT;
INSERT INTO "spending" VALUES('3s6bhxamyp',80351110224678912,197038439483310086,4,1785000000.0,NULL);
CREATE TABLE stances (
    guild_id    INTEGER NOT NULL,
    scope       TEXT NOT NULL CHECK (scope IN ('server', 'age-restricted', 'channel')),
    channel_id  INTEGER NOT NULL DEFAULT 0,
    category    TEXT NOT NULL CHECK (category NOT IN ('none', 'minors')),  -- minors are nobody's option
    action      TEXT CHECK (action IN ('as found', 'allow', 'flag', 'refuse')),
    flag        REAL CHECK (flag > 0 AND flag <= 2),
    refuse      REAL CHECK (refuse > 0 AND refuse <= 2),
    set_by      INTEGER NOT NULL,
    set_at      REAL NOT NULL,
    PRIMARY KEY (guild_id, scope, channel_id, category),
    CHECK ((scope = 'channel') = (channel_id <> 0)),
    CHECK (action IS NOT NULL OR flag IS NOT NULL OR refuse IS NOT NULL)
) STRICT, WITHOUT ROWID;
INSERT INTO "stances" VALUES(197038439483310086,'server',0,'gore',NULL,0.5,NULL,53908232506183680,1785000000.0);
CREATE TABLE strikes (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    guild_id     INTEGER NOT NULL,
    member       INTEGER NOT NULL,
    case_id      INTEGER NOT NULL REFERENCES cases (id) ON DELETE CASCADE,
    given_by     INTEGER NOT NULL,
    at           REAL NOT NULL,
    expires_at   REAL NOT NULL CHECK (expires_at > at),
    pardoned_at  REAL,
    pardoned_by  INTEGER,
    CHECK ((pardoned_at IS NULL) = (pardoned_by IS NULL))
) STRICT;
INSERT INTO "strikes" VALUES(1,197038439483310086,80351110224678912,1,53908232506183680,1785000000.0,1785000009.0,1785000001.0,53908232506183680);
CREATE TABLE verdicts (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    at           REAL NOT NULL,
    guild_id     INTEGER,
    channel_id   INTEGER NOT NULL,
    member       INTEGER NOT NULL,
    member_name  TEXT NOT NULL,
    job          TEXT,
    message_id   INTEGER,
    source       TEXT NOT NULL,
    prompt       TEXT NOT NULL,
    negative     TEXT NOT NULL,
    ruling       INTEGER NOT NULL CHECK (ruling BETWEEN 0 AND 2),
    category     TEXT NOT NULL,
    rule         TEXT NOT NULL,
    words        TEXT NOT NULL CHECK (json_type(words) = 'array'),
    score        REAL NOT NULL CHECK (score BETWEEN 0 AND 1),
    field        TEXT NOT NULL,
    normal_form  TEXT NOT NULL
, likeness TEXT) STRICT;
INSERT INTO "verdicts" VALUES(1,1785000000.0,197038439483310086,197038439483310087,80351110224678912,'alice of the hills','3s6bhxamyp',NULL,'/imagine','a fox','',0,'none','','[]',0.0,'','',NULL);
CREATE TABLE withheld_pictures (
    case_id      INTEGER NOT NULL REFERENCES cases (id) ON DELETE CASCADE,
    image_index  INTEGER NOT NULL CHECK (image_index >= 0),
    pdq          BLOB CHECK (length(pdq) = 32),              -- NULL: too plain to have one
    PRIMARY KEY (case_id, image_index)
) STRICT, WITHOUT ROWID;
INSERT INTO "withheld_pictures" VALUES(1,2,X'0000000000000000000000000000000000000000000000000000000000000000');
CREATE INDEX verdicts_of_guild ON verdicts (guild_id, id);
CREATE INDEX verdicts_of_member ON verdicts (member, id);
CREATE INDEX verdicts_of_job ON verdicts (job) WHERE job IS NOT NULL;
CREATE INDEX spending_of_member ON spending (member, at);
CREATE INDEX blocks_of_member ON blocks (member);
CREATE INDEX cases_of_member ON cases (guild_id, member, id);
CREATE INDEX cases_of_job ON cases (job) WHERE job IS NOT NULL;
CREATE INDEX cases_of_block ON cases (block) WHERE block IS NOT NULL;
CREATE INDEX cases_open ON cases (guild_id, id) WHERE outcome IS NULL;
CREATE INDEX cases_untold ON cases (member) WHERE outcome IS NOT NULL AND told_at IS NULL;
CREATE INDEX case_entries_of_case ON case_entries (case_id, id);
CREATE INDEX strikes_of_member ON strikes (guild_id, member, expires_at);
CREATE UNIQUE INDEX strikes_of_case ON strikes (case_id);
CREATE INDEX appeals_without_card ON appeals (id) WHERE card_message_id IS NULL AND decision IS NULL;
CREATE INDEX reports_of_member ON reports (member, at);
CREATE UNIQUE INDEX server_rules_live ON server_rules (guild_id, name) WHERE removed_at IS NULL;
CREATE INDEX server_rules_of_guild ON server_rules (guild_id, added_version);
CREATE INDEX rule_hits_of_verdict ON rule_hits (verdict);
CREATE INDEX audit_of_guild ON audit (guild_id, number);
CREATE INDEX audit_by_time ON audit (at);
CREATE INDEX audit_openings_of_person ON audit_openings (person);
CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
BEGIN
    SELECT RAISE (ABORT, 'the audit log is append-only');
END;
CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit
BEGIN
    SELECT RAISE (ABORT, 'the audit log is append-only');
END;
CREATE TRIGGER audit_goes_on BEFORE INSERT ON audit
WHEN NEW.number IS NOT (SELECT coalesce(max(number), 0) + 1 FROM audit)
    OR NEW.previous IS NOT coalesce((SELECT hash FROM audit ORDER BY number DESC LIMIT 1), printf('%064d', 0))
BEGIN
    SELECT RAISE (ABORT, 'the audit log is append-only');
END;
CREATE TRIGGER audit_openings_are_not_changed BEFORE UPDATE ON audit_openings
BEGIN
    SELECT RAISE (ABORT, 'openings are forgotten, never changed');
END;
CREATE TRIGGER audit_openings_stand BEFORE INSERT ON audit_openings
WHEN EXISTS (SELECT 1 FROM audit_openings WHERE number = NEW.number AND field = NEW.field)
BEGIN
    SELECT RAISE (ABORT, 'openings are forgotten, never changed');
END;
CREATE TRIGGER cases_are_counted AFTER INSERT ON cases
BEGIN
    INSERT INTO case_numbers (guild_id, last) VALUES (NEW.guild_id, NEW.number)
    ON CONFLICT (guild_id) DO UPDATE SET last = max(last, excluded.last);
END;
CREATE INDEX verdicts_by_time ON verdicts (at);
CREATE INDEX images_by_time ON images (created_at) WHERE removed_at IS NULL;
CREATE INDEX cases_by_time ON cases (coalesce(acted_at, opened_at));
CREATE INDEX images_by_mark ON images (mark) WHERE mark IS NOT NULL;
CREATE INDEX verdicts_of_member_at ON verdicts (member, at);
CREATE INDEX cases_to_redraw ON cases (id) WHERE is_card_stale = 1;
CREATE INDEX jobs_unfinished ON jobs (created_at, id) WHERE state IN ('queued', 'running');
CREATE INDEX jobs_of_member ON jobs (member, state, id);
CREATE INDEX jobs_of_message ON jobs (message_id) WHERE message_id IS NOT NULL;
CREATE INDEX jobs_of_guild ON jobs (guild_id, created_at) WHERE guild_id IS NOT NULL;
CREATE INDEX job_parents_by_parent ON job_parents (parent);
CREATE INDEX images_by_hash ON images (sha256);
CREATE INDEX blocks_live ON blocks (guild_id, member) WHERE lifted_at IS NULL;
CREATE INDEX jobs_undelivered ON jobs (finished_at, id)
WHERE finished_at IS NOT NULL AND delivered_at IS NULL AND given_up_at IS NULL;
CREATE INDEX jobs_by_end ON jobs (finished_at, id) WHERE finished_at IS NOT NULL;
CREATE INDEX strikes_by_end ON strikes (min(expires_at, coalesce(pardoned_at, expires_at)));
CREATE INDEX blocks_by_end ON blocks (coalesce(lifted_at, expires_at));
CREATE INDEX reports_of_case ON reports (case_id);
CREATE INDEX reports_of_guild ON reports (guild_id, at);
CREATE INDEX images_removed_by ON images (removed_by) WHERE removed_by IS NOT NULL;
CREATE INDEX cases_about ON cases (member);
CREATE INDEX cases_claimed_by ON cases (claimed_by) WHERE claimed_by IS NOT NULL;
CREATE INDEX cases_proposed_by ON cases (proposed_by) WHERE proposed_by IS NOT NULL;
CREATE INDEX cases_acted_by ON cases (acted_by) WHERE acted_by IS NOT NULL;
CREATE INDEX case_entries_written_by ON case_entries (written_by) WHERE written_by IS NOT NULL;
CREATE INDEX strikes_about ON strikes (member);
CREATE INDEX strikes_given_by ON strikes (given_by);
CREATE INDEX strikes_pardoned_by ON strikes (pardoned_by) WHERE pardoned_by IS NOT NULL;
CREATE INDEX appeals_by ON appeals (member);
CREATE INDEX appeals_decided_by ON appeals (decided_by) WHERE decided_by IS NOT NULL;
CREATE INDEX blocks_set_by ON blocks (set_by);
CREATE INDEX blocks_lifted_by ON blocks (lifted_by) WHERE lifted_by IS NOT NULL;
CREATE INDEX cases_to_lift ON cases (lift_at) WHERE lift_at IS NOT NULL;
CREATE INDEX cases_of_card ON cases (card_message_id) WHERE card_message_id IS NOT NULL;
CREATE INDEX cases_without_card ON cases (guild_id, id) WHERE card_message_id IS NULL AND outcome IS NULL;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('verdicts',1);
INSERT INTO "sqlite_sequence" VALUES('blocks',1);
INSERT INTO "sqlite_sequence" VALUES('cases',1);
INSERT INTO "sqlite_sequence" VALUES('case_entries',2);
INSERT INTO "sqlite_sequence" VALUES('strikes',1);
INSERT INTO "sqlite_sequence" VALUES('appeals',1);
INSERT INTO "sqlite_sequence" VALUES('reports',1);
INSERT INTO "sqlite_sequence" VALUES('server_rules',1);
INSERT INTO "sqlite_sequence" VALUES('banned_pictures',1);
COMMIT;
