-- The database of the last release before drawings: rows of every table, written by the code of commit c8589c6 and dumped with
-- sqlite3.Connection.iterdump().
PRAGMA application_id = 1096043602;
PRAGMA user_version = 10;
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
INSERT INTO "audit" VALUES(1,1785000000.0,197038439483310086,'5b2f5414c9d7f47d3e75717f476425dffcf39f26ac4e0ad98ecc8a3628566281','block','51a1a9c0f2d305dbd826eb344934301f9dad955349ee689a4dbdde0b5c231322','job 3s4y6wt2at','62349672fc6721162379a2b1e5235724aef0cf026c6bc0936a4784000860d958','{}','0000000000000000000000000000000000000000000000000000000000000000','41fdc1ded1b97bcb06fe0ff1547b7d59322a83c7a020622499d4083fc0f354c7');
CREATE TABLE audit_openings (
    number  INTEGER NOT NULL REFERENCES audit (number),
    field   TEXT NOT NULL CHECK (field IN ('actor', 'member', 'reason')),
    person  INTEGER NOT NULL,
    text    TEXT NOT NULL,                                   -- a name, or the reason
    salt    TEXT NOT NULL CHECK (length(salt) = 32),
    PRIMARY KEY (number, field)
) STRICT, WITHOUT ROWID;
INSERT INTO "audit_openings" VALUES(1,'actor',53908232506183680,'mo of the desk','e3d11cb9c2f6ad894ee7f3a8166071eb');
INSERT INTO "audit_openings" VALUES(1,'member',80351110224678912,'','0778194fbadc255180dfd27035c5ef9f');
INSERT INTO "audit_openings" VALUES(1,'reason',80351110224678912,'spam','86faa30984a90d9ed47d61f738c39bed');
CREATE TABLE banned_pictures (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    guild_id     INTEGER NOT NULL,
    pdq          BLOB NOT NULL CHECK (length(pdq) = 32),
    job          TEXT NOT NULL,
    image_index  INTEGER NOT NULL CHECK (image_index >= 0),
    at           REAL NOT NULL, case_id INTEGER,
    UNIQUE (guild_id, job, image_index)
) STRICT;
INSERT INTO "banned_pictures" VALUES(1,197038439483310086,X'000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F','3s4y6wxmvy',0,1785000014.0,2);
INSERT INTO "banned_pictures" VALUES(2,197038439483310086,X'0102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F20','3s4y6wxmvy',1,1785000014.0,2);
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
) STRICT;
INSERT INTO "case_entries" VALUES(1,1,1785000000.0,53908232506183680,'mo of the desk','note','a note');
INSERT INTO "case_entries" VALUES(2,1,1785000000.0,80351110224678912,'alice of the hills','appealed','why?');
CREATE TABLE case_numbers (
    guild_id  INTEGER PRIMARY KEY,
    last      INTEGER NOT NULL CHECK (last >= 1)
) STRICT;
INSERT INTO "case_numbers" VALUES(197038439483310086,2);
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
    told_at          REAL, is_withheld INTEGER NOT NULL DEFAULT 0 CHECK (is_withheld IN (0, 1)), is_card_stale INTEGER NOT NULL DEFAULT 0 CHECK (is_card_stale IN (0, 1)),                                   -- the member knows; NULL while there is something to tell
    CHECK ((outcome IS NULL) = (acted_at IS NULL)),
    CHECK ((outcome IS NULL) = (acted_by IS NULL)),
    CHECK ((claimed_by IS NULL) = (claimed_at IS NULL)),
    UNIQUE (guild_id, number)
) STRICT;
INSERT INTO "cases" VALUES(1,197038439483310086,1,'flag',1785000000.0,80351110224678912,'alice of the hills',NULL,'3s4y6wt2at',NULL,'','',0,'none','','[]',0.0,'','',NULL,NULL,NULL,0,53908232506183680,'mo of the desk',1785000000.0,53908232506183680,'mo of the desk','spam','warn',53908232506183680,'mo of the desk',1785000000.0,'spam',NULL,NULL,'',1785000000.0,0,0);
INSERT INTO "cases" VALUES(2,197038439483310086,2,'picture',1785000000.0,80351110224678913,'bob',NULL,'3s4y6wz5gk',NULL,'','',0,'none','','[]',0.0,'','',X'FFD8206E6F207265616C204A504547',NULL,NULL,0,NULL,'',NULL,NULL,'','',NULL,NULL,'',NULL,'',NULL,NULL,'',NULL,0,0);
CREATE TABLE erasures (
    member    INTEGER PRIMARY KEY,
    asked_at  REAL NOT NULL                                  -- what came later is not meant
) STRICT;
INSERT INTO "erasures" VALUES(80351110224678912,1785000005.0);
INSERT INTO "erasures" VALUES(80351110224678999,1785000005.0);
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
, ban_needs_second INTEGER NOT NULL DEFAULT 0 CHECK (ban_needs_second IN (0, 1))) STRICT;
INSERT INTO "guilds" VALUES(197038439483310086,197038439483310089,1);
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
INSERT INTO "images" VALUES('3s4y6wt2at',0,'92b2fa58028958317e408bd84ecfa70f5ee35b121991dbc232c49d166353708b',512,768,7,9,1785000000.0,1785000000.0,53908232506183680,'rule 3',NULL,NULL,'{}');
INSERT INTO "images" VALUES('3s4y6wwxbn',0,'23fe2d5e28451ceafab3831c6c354af90924d4a40436125ca7c3cd71f931d3c7',512,768,7,12,1785000000.0,NULL,NULL,'',X'000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F',4000000000,'{}');
INSERT INTO "images" VALUES('3s4y6wwxbn',1,'11a5c627169991eabc1f1500caa357ae322bf65f3379010d8b9e69645e947a46',512,768,8,12,1785000000.0,NULL,NULL,'',X'0102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F20',4000000001,'{"nudity": {"sexual": 0.25}}');
INSERT INTO "images" VALUES('3s4y6wwxbn',2,'230cc426cc4660c9cde0a694aaf68f205342581e93215910473b7d9ab6f93bf3',512,768,9,12,1785000000.0,NULL,NULL,'',X'02030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F2021',4000000002,'{"nudity": {"sexual": 0.25}}');
INSERT INTO "images" VALUES('3s4y6wwxbn',3,'33ab8d2ab01837085538f709c13b02831761e19dcb37526b04619ec437826b70',512,768,10,12,1785000000.0,NULL,NULL,'',X'030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F202122',4000000003,'{"nudity": {"sexual": 0.25}}');
INSERT INTO "images" VALUES('3s4y6wxmvy',0,'39a57492d0e84f8da72b220191ec8297980ccf294b25066fdc1503da67388f5f',512,768,7,12,1785000000.0,NULL,NULL,'',X'000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F',4000000000,'{}');
INSERT INTO "images" VALUES('3s4y6wxmvy',1,'52cf8bf4eeb3c2eb245e98f86bab89ea871e1c09db23d21f8a77d571a261ad6d',512,768,8,12,1785000000.0,NULL,NULL,'',X'0102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F20',4000000001,'{"nudity": {"sexual": 0.25}}');
INSERT INTO "images" VALUES('3s4y6wyag7',0,'aa831a6a4346373577fd4db09318c0864296c80a8929b3122d269ec5a0184e6a',512,768,7,12,1785000000.0,NULL,NULL,'',X'000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F',4000000000,'{}');
CREATE TABLE jobs (
    id            TEXT PRIMARY KEY CHECK (length(id) = 10 AND id NOT GLOB '*[^a-z2-7]*'),
    member        INTEGER NOT NULL,
    member_name   TEXT NOT NULL,
    action        TEXT NOT NULL CHECK (action IN ('imagine', 'variation', 'upscale', 'reroll')),
    guild_id      INTEGER,
    channel_id    INTEGER NOT NULL,
    message_id    INTEGER,
    token         TEXT NOT NULL,     -- of the interaction; a secret, emptied when the result is delivered
    token_at      REAL NOT NULL,
    parent        TEXT REFERENCES jobs (id),
    parent_image  INTEGER CHECK (parent_image >= 0),
    model         TEXT NOT NULL,
    prompt        TEXT NOT NULL,
    negative      TEXT NOT NULL,
    width         INTEGER NOT NULL CHECK (width > 0),
    height        INTEGER NOT NULL CHECK (height > 0),
    steps         INTEGER NOT NULL CHECK (steps >= 0),
    guidance      REAL NOT NULL,
    seed          INTEGER NOT NULL CHECK (seed >= 0),
    images        INTEGER NOT NULL CHECK (images >= 1),
    strength      REAL CHECK (strength > 0 AND strength <= 1),
    state         TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled')),
    failure       TEXT,
    created_at    REAL NOT NULL,
    started_at    REAL,
    finished_at   REAL,
    delivered_at  REAL, loras TEXT NOT NULL DEFAULT '{}' CHECK (json_type(loras) = 'object'), is_age_restricted INTEGER NOT NULL DEFAULT 0 CHECK (is_age_restricted IN (0, 1)), policy_channel_id INTEGER, is_remix INTEGER NOT NULL DEFAULT 0 CHECK (is_remix IN (0, 1)),
    CHECK ((parent IS NULL) = (parent_image IS NULL)),
    CHECK ((state = 'failed') = (failure IS NOT NULL)),
    CHECK ((state IN ('queued', 'running')) = (finished_at IS NULL)),
    CHECK (state <> 'running' OR started_at IS NOT NULL),
    CHECK (delivered_at IS NULL OR finished_at IS NOT NULL)
) STRICT;
INSERT INTO "jobs" VALUES('3s4y6wt2at',80351110224678912,'alice of the hills','imagine',197038439483310086,197038439483310087,NULL,'aW50ZXJhY3Rpb24',1785000000.0,NULL,NULL,'small','a fox in the snow 🦊','blurry',512,768,25,7.5,9223372036854775803,4,NULL,'queued',NULL,1785000000.0,NULL,NULL,NULL,'{}',0,NULL,0);
INSERT INTO "jobs" VALUES('3s4y6wwstp',80351110224678913,'bob','imagine',NULL,3,NULL,'secret',1785000000.0,NULL,NULL,'small','a fox in the snow 🦊','blurry',512,768,25,7.5,9223372036854775803,4,NULL,'queued',NULL,1785000000.0,NULL,NULL,NULL,'{}',0,NULL,0);
INSERT INTO "jobs" VALUES('3s4y6wwvmq',80351110224678912,'alice','imagine',197038439483310086,197038439483310087,NULL,'aW50ZXJhY3Rpb24',1785000000.0,NULL,NULL,'small','a fox in the snow 🦊','blurry',512,768,25,7.5,9223372036854775803,4,NULL,'running',NULL,1785000000.0,1785000001.0,NULL,NULL,'{}',1,197038439483310088,0);
INSERT INTO "jobs" VALUES('3s4y6wwxbn',80351110224678912,'alice','imagine',197038439483310086,197038439483310087,1234567890123456789,'',1785000000.0,NULL,NULL,'small','a walrus in a top hat, ''quoted''
and a second line','',512,768,25,7.5,9223372036854775803,4,NULL,'done',NULL,1785000002.0,NULL,1785000010.0,1785000020.0,'{}',0,NULL,0);
INSERT INTO "jobs" VALUES('3s4y6wxmvy',80351110224678913,'bob','variation',197038439483310086,197038439483310087,NULL,'aW50ZXJhY3Rpb24',1785000000.0,'3s4y6wwxbn',0,'small','a fox in the snow 🦊','blurry',512,768,25,7.5,12,4,3.00000000000000044408e-01,'done',NULL,1785000003.0,NULL,1785000010.0,NULL,'{"ink": -0.5, "pixel": 0.30000000000000004}',0,NULL,0);
INSERT INTO "jobs" VALUES('3s4y6wy2u2',80351110224678912,'alice','variation',197038439483310086,197038439483310087,NULL,'aW50ZXJhY3Rpb24',1785000000.0,'3s4y6wwxbn',3,'small','a seal in a bowler hat','blurry',512,768,25,7.5,9223372036854775803,4,0.76,'done',NULL,1785000004.0,NULL,1785000010.0,NULL,'{}',0,NULL,1);
INSERT INTO "jobs" VALUES('3s4y6wy7ug',80351110224678912,'alice','variation',197038439483310086,197038439483310087,NULL,'aW50ZXJhY3Rpb24',1785000000.0,'3s4y6wy2u2',1,'small','a fox in the snow 🦊','blurry',512,768,25,7.5,9223372036854775803,4,1.0,'queued',NULL,1785000005.0,NULL,NULL,NULL,'{}',0,NULL,1);
INSERT INTO "jobs" VALUES('3s4y6wyag7',80351110224678912,'alice','upscale',197038439483310086,197038439483310087,NULL,'aW50ZXJhY3Rpb24',1785000000.0,'3s4y6wxmvy',1,'small','a fox in the snow 🦊','blurry',512,768,25,7.5,9223372036854775803,1,NULL,'done',NULL,1785000006.0,NULL,1785000010.0,NULL,'{}',0,NULL,0);
INSERT INTO "jobs" VALUES('3s4y6wyjzf',80351110224678912,'alice','reroll',197038439483310086,197038439483310087,NULL,'aW50ZXJhY3Rpb24',1785000000.0,'3s4y6wwxbn',0,'small','a fox in the snow 🦊','blurry',512,768,25,7.5,9223372036854775803,4,0.6,'queued',NULL,1785000007.0,NULL,NULL,NULL,'{}',0,NULL,0);
INSERT INTO "jobs" VALUES('3s4y6wyo4g',80351110224678912,'alice','reroll',197038439483310086,197038439483310087,NULL,'aW50ZXJhY3Rpb24',1785000000.0,NULL,NULL,'small','a fox in the snow 🦊','blurry',512,768,25,7.5,9223372036854775803,4,NULL,'done',NULL,1785000008.0,NULL,1785000010.0,NULL,'{}',0,NULL,0);
INSERT INTO "jobs" VALUES('3s4y6wz5gk',80351110224678912,'alice','imagine',197038439483310086,197038439483310087,NULL,'aW50ZXJhY3Rpb24',1785000000.0,NULL,NULL,'small','a fox in the snow 🦊','blurry',512,768,25,7.5,9223372036854775803,4,NULL,'failed','memory',1785000009.0,NULL,1785000011.0,NULL,'{}',0,NULL,0);
INSERT INTO "jobs" VALUES('3s4y6wzweq',80351110224678912,'alice','imagine',197038439483310086,197038439483310087,NULL,'aW50ZXJhY3Rpb24',1785000000.0,NULL,NULL,'other','a fox in the snow 🦊','blurry',512,768,25,7.5,9223372036854775803,4,NULL,'cancelled',NULL,1785000010.0,NULL,1785000012.0,NULL,'{}',0,NULL,0);
INSERT INTO "jobs" VALUES('3s4y6x2owt',80351110224678913,'bob','variation',197038439483310086,197038439483310087,NULL,'aW50ZXJhY3Rpb24',1785000000.0,NULL,NULL,'small','a fox in the snow 🦊','blurry',512,768,25,7.5,9223372036854775803,4,NULL,'done',NULL,1785000013.0,NULL,1785000010.0,NULL,'{}',0,NULL,0);
INSERT INTO "jobs" VALUES('3s4y6x33bl',80351110224678999,'','imagine',197038439483310086,197038439483310087,NULL,'',1785000000.0,NULL,NULL,'small','','',512,768,25,7.5,0,4,NULL,'cancelled',NULL,1785000000.0,NULL,1785000010.0,1785000100.0,'{}',0,NULL,0);
CREATE TABLE notes (
    key    TEXT PRIMARY KEY,
    value  TEXT NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "notes" VALUES('started','1785000000');
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
INSERT INTO "reports" VALUES(1,197038439483310086,'3s4y6wt2at',1,80351110224678912,'ugly',1785000000.0);
CREATE TABLE rule_hits (
    rule     INTEGER NOT NULL REFERENCES server_rules (id) ON DELETE CASCADE,
    verdict  INTEGER NOT NULL REFERENCES verdicts (id) ON DELETE CASCADE,
    PRIMARY KEY (rule, verdict)
) STRICT, WITHOUT ROWID;
INSERT INTO "rule_hits" VALUES(2,2);
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
INSERT INTO "server_rules" VALUES(2,197038439483310086,'mimes','spam',2,'["mime"]','["white"]','["file"]',0,53908232506183680,1785000000.0,3,NULL,NULL,NULL);
CREATE TABLE spending (
    job       TEXT PRIMARY KEY REFERENCES jobs (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    member    INTEGER NOT NULL,
    guild_id  INTEGER,
    images    INTEGER NOT NULL CHECK (images >= 1),
    at        REAL NOT NULL,
    refunded  INTEGER CHECK (refunded BETWEEN 1 AND images)  -- pictures given back; NULL until then
) STRICT;
INSERT INTO "spending" VALUES('3s4y6wt2at',80351110224678912,197038439483310086,4,1785000000.0,NULL);
INSERT INTO "spending" VALUES('3s4y6wwxbn',80351110224678912,197038439483310086,4,1785000000.0,NULL);
INSERT INTO "spending" VALUES('3s4y6wz5gk',80351110224678912,197038439483310086,4,1785000000.0,4);
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
) STRICT;
INSERT INTO "verdicts" VALUES(1,1785000000.0,197038439483310086,197038439483310087,80351110224678912,'alice of the hills','3s4y6wt2at',NULL,'/imagine','a fox','',0,'none','','[]',0.0,'','');
INSERT INTO "verdicts" VALUES(2,1785000000.0,197038439483310086,197038439483310087,80351110224678913,'bob','3s4y6wxmvy',NULL,'button V1','a mime','',0,'none','','[]',0.0,'','');
CREATE TABLE withheld_pictures (
    case_id      INTEGER NOT NULL REFERENCES cases (id) ON DELETE CASCADE,
    image_index  INTEGER NOT NULL CHECK (image_index >= 0),
    pdq          BLOB CHECK (length(pdq) = 32),              -- NULL: too plain to have one
    PRIMARY KEY (case_id, image_index)
) STRICT, WITHOUT ROWID;
INSERT INTO "withheld_pictures" VALUES(2,2,X'0000000000000000000000000000000000000000000000000000000000000000');
CREATE INDEX jobs_unfinished ON jobs (created_at, id) WHERE state IN ('queued', 'running');
CREATE INDEX jobs_undelivered ON jobs (finished_at, id) WHERE finished_at IS NOT NULL AND delivered_at IS NULL;
CREATE INDEX jobs_of_member ON jobs (member, state, id);
CREATE INDEX jobs_of_message ON jobs (message_id) WHERE message_id IS NOT NULL;
CREATE INDEX jobs_by_parent ON jobs (parent) WHERE parent IS NOT NULL;
CREATE INDEX images_by_hash ON images (sha256) WHERE removed_at IS NULL;
CREATE INDEX verdicts_of_guild ON verdicts (guild_id, id);
CREATE INDEX verdicts_of_member ON verdicts (member, id);
CREATE INDEX verdicts_of_job ON verdicts (job) WHERE job IS NOT NULL;
CREATE INDEX spending_of_member ON spending (member, at);
CREATE UNIQUE INDEX blocks_live ON blocks (guild_id, member) WHERE lifted_at IS NULL;
CREATE INDEX blocks_of_member ON blocks (member);
CREATE INDEX cases_of_member ON cases (guild_id, member, id);
CREATE INDEX cases_of_job ON cases (job) WHERE job IS NOT NULL;
CREATE INDEX cases_of_block ON cases (block) WHERE block IS NOT NULL;
CREATE INDEX cases_open ON cases (guild_id, id) WHERE outcome IS NULL;
CREATE INDEX cases_untold ON cases (member) WHERE outcome IS NOT NULL AND told_at IS NULL;
CREATE INDEX cases_without_card ON cases (id) WHERE card_message_id IS NULL AND outcome IS NULL;
CREATE INDEX case_entries_of_case ON case_entries (case_id, id);
CREATE INDEX strikes_of_member ON strikes (guild_id, member, expires_at);
CREATE UNIQUE INDEX strikes_of_case ON strikes (case_id);
CREATE INDEX appeals_without_card ON appeals (id) WHERE card_message_id IS NULL AND decision IS NULL;
CREATE INDEX reports_of_member ON reports (member, at);
CREATE UNIQUE INDEX server_rules_live ON server_rules (guild_id, name) WHERE removed_at IS NULL;
CREATE INDEX server_rules_of_guild ON server_rules (guild_id, added_version);
CREATE INDEX rule_hits_of_verdict ON rule_hits (verdict);
CREATE INDEX jobs_of_guild ON jobs (guild_id, created_at) WHERE guild_id IS NOT NULL;
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
CREATE INDEX jobs_by_end ON jobs (finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX images_by_time ON images (created_at) WHERE removed_at IS NULL;
CREATE INDEX cases_by_time ON cases (coalesce(acted_at, opened_at));
CREATE INDEX images_by_mark ON images (mark) WHERE mark IS NOT NULL;
CREATE INDEX verdicts_of_member_at ON verdicts (member, at);
CREATE INDEX cases_to_redraw ON cases (id) WHERE is_card_stale = 1;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('verdicts',2);
INSERT INTO "sqlite_sequence" VALUES('blocks',1);
INSERT INTO "sqlite_sequence" VALUES('cases',2);
INSERT INTO "sqlite_sequence" VALUES('case_entries',2);
INSERT INTO "sqlite_sequence" VALUES('strikes',1);
INSERT INTO "sqlite_sequence" VALUES('appeals',1);
INSERT INTO "sqlite_sequence" VALUES('reports',1);
INSERT INTO "sqlite_sequence" VALUES('server_rules',2);
INSERT INTO "sqlite_sequence" VALUES('banned_pictures',2);
COMMIT;
