-- Times are unix seconds. Ids of members, guilds, channels and messages are Discord's.

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
    delivered_at  REAL,
    CHECK ((parent IS NULL) = (parent_image IS NULL)),
    CHECK ((state = 'failed') = (failure IS NOT NULL)),
    CHECK ((state IN ('queued', 'running')) = (finished_at IS NULL)),
    CHECK (state <> 'running' OR started_at IS NOT NULL),
    CHECK (delivered_at IS NULL OR finished_at IS NOT NULL)
) STRICT;

CREATE INDEX jobs_unfinished ON jobs (created_at, id) WHERE state IN ('queued', 'running');
CREATE INDEX jobs_undelivered ON jobs (finished_at, id) WHERE finished_at IS NOT NULL AND delivered_at IS NULL;
CREATE INDEX jobs_of_member ON jobs (member, state, id);
CREATE INDEX jobs_of_message ON jobs (message_id) WHERE message_id IS NOT NULL;
CREATE INDEX jobs_by_parent ON jobs (parent) WHERE parent IS NOT NULL;

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
    removed_reason  TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (job, image_index),
    CHECK (removed_at IS NOT NULL OR (removed_by IS NULL AND removed_reason = ''))
) STRICT, WITHOUT ROWID;

CREATE INDEX images_by_hash ON images (sha256) WHERE removed_at IS NULL;

-- No reference to jobs: a refused order never becomes one, and the log outlives what it is about.
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

CREATE INDEX verdicts_of_guild ON verdicts (guild_id, id);
CREATE INDEX verdicts_of_member ON verdicts (member, id);
CREATE INDEX verdicts_of_job ON verdicts (job) WHERE job IS NOT NULL;

-- The reference is checked at the commit: spending and job are written together, in either order.
CREATE TABLE spending (
    job       TEXT PRIMARY KEY REFERENCES jobs (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    member    INTEGER NOT NULL,
    guild_id  INTEGER,
    images    INTEGER NOT NULL CHECK (images >= 1),
    at        REAL NOT NULL,
    refunded  INTEGER CHECK (refunded BETWEEN 1 AND images)  -- pictures given back; NULL until then
) STRICT;

CREATE INDEX spending_of_member ON spending (member, at);

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

CREATE UNIQUE INDEX blocks_live ON blocks (guild_id, member) WHERE lifted_at IS NULL;
CREATE INDEX blocks_of_member ON blocks (member);

CREATE TABLE guilds (
    guild_id        INTEGER PRIMARY KEY,
    log_channel_id  INTEGER
) STRICT;

CREATE TABLE actions (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    at              REAL NOT NULL,
    guild_id        INTEGER NOT NULL,
    moderator       INTEGER NOT NULL,
    moderator_name  TEXT NOT NULL,
    action          TEXT NOT NULL,
    member          INTEGER,
    job             TEXT,
    reason          TEXT NOT NULL
) STRICT;

CREATE INDEX actions_of_guild ON actions (guild_id, id);
CREATE INDEX actions_of_member ON actions (member) WHERE member IS NOT NULL;
CREATE INDEX actions_of_moderator ON actions (moderator);

CREATE TRIGGER actions_are_not_changed BEFORE UPDATE ON actions
BEGIN
    SELECT RAISE (ABORT, 'actions are append-only');
END;

CREATE TRIGGER actions_are_not_deleted BEFORE DELETE ON actions
BEGIN
    SELECT RAISE (ABORT, 'actions are append-only');
END;

CREATE TABLE notes (
    key    TEXT PRIMARY KEY,
    value  TEXT NOT NULL
) STRICT, WITHOUT ROWID;
