-- The moderators' desk: cases, strikes, appeals, reports, the gate, and a server's own rules.

ALTER TABLE guilds ADD COLUMN ban_needs_second INTEGER NOT NULL DEFAULT 0 CHECK (ban_needs_second IN (0, 1));

-- What was asked, and the verdict on it, are copied: a case outlives the rows that it is about.
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
    told_at          REAL,                                   -- the member knows; NULL while there is something to tell
    CHECK ((outcome IS NULL) = (acted_at IS NULL)),
    CHECK ((outcome IS NULL) = (acted_by IS NULL)),
    CHECK ((claimed_by IS NULL) = (claimed_at IS NULL)),
    UNIQUE (guild_id, number)
) STRICT;

CREATE INDEX cases_of_member ON cases (guild_id, member, id);
CREATE INDEX cases_of_job ON cases (job) WHERE job IS NOT NULL;
CREATE INDEX cases_of_block ON cases (block) WHERE block IS NOT NULL;
CREATE INDEX cases_open ON cases (guild_id, id) WHERE outcome IS NULL;
CREATE INDEX cases_untold ON cases (member) WHERE outcome IS NOT NULL AND told_at IS NULL;
CREATE INDEX cases_without_card ON cases (id) WHERE card_message_id IS NULL AND outcome IS NULL;

-- What was added to a case, in order: evidence, amendments, who proposed and who escalated.
CREATE TABLE case_entries (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    case_id       INTEGER NOT NULL REFERENCES cases (id) ON DELETE CASCADE,
    at            REAL NOT NULL,
    written_by    INTEGER,                                   -- NULL: the bot itself
    written_name  TEXT NOT NULL,
    kind          TEXT NOT NULL,
    text          TEXT NOT NULL
) STRICT;

CREATE INDEX case_entries_of_case ON case_entries (case_id, id);

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

CREATE INDEX strikes_of_member ON strikes (guild_id, member, expires_at);
CREATE UNIQUE INDEX strikes_of_case ON strikes (case_id);

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

CREATE INDEX appeals_without_card ON appeals (id) WHERE card_message_id IS NULL AND decision IS NULL;

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

CREATE INDEX reports_of_member ON reports (member, at);

-- Who may order at the moment: raid mode, and the panic switch.
CREATE TABLE gates (
    guild_id     INTEGER PRIMARY KEY,
    account_age  REAL CHECK (account_age > 0),               -- seconds; NULL: any. Either one set is raid mode
    member_age   REAL CHECK (member_age > 0),
    mode         TEXT NOT NULL DEFAULT 'open' CHECK (mode IN ('open', 'pause', 'family', 'known')),
    mode_at      REAL,
    reason       TEXT NOT NULL DEFAULT '',
    set_by       INTEGER NOT NULL
) STRICT;

-- A server's own rules. Its rule book has a version, one more with every rule added or removed: what stood at version v is
-- every row with added_version <= v and not removed by then.
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

CREATE UNIQUE INDEX server_rules_live ON server_rules (guild_id, name) WHERE removed_at IS NULL;
CREATE INDEX server_rules_of_guild ON server_rules (guild_id, added_version);

CREATE TABLE rule_hits (
    rule     INTEGER NOT NULL REFERENCES server_rules (id) ON DELETE CASCADE,
    verdict  INTEGER NOT NULL REFERENCES verdicts (id) ON DELETE CASCADE,
    PRIMARY KEY (rule, verdict)
) STRICT, WITHOUT ROWID;

CREATE INDEX rule_hits_of_verdict ON rule_hits (verdict);

CREATE INDEX jobs_of_guild ON jobs (guild_id, created_at) WHERE guild_id IS NOT NULL;
