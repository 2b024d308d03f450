-- A job's action is checked by the code alone, so that a new one needs no new table; a remix is an action of its own. A job may
-- have grown from several pictures.
--
-- The table is made anew as https://www.sqlite.org/lang_altertable.html#otheralter describes: references to it are by its name.

CREATE TABLE new_jobs (
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
    delivered_at       REAL,
    CHECK ((state = 'failed') = (failure IS NOT NULL)),
    CHECK ((state IN ('queued', 'running')) = (finished_at IS NULL)),
    CHECK (state <> 'running' OR started_at IS NOT NULL),
    CHECK (delivered_at IS NULL OR finished_at IS NOT NULL)
) STRICT;

INSERT INTO new_jobs
SELECT id, member, member_name, iif(is_remix, 'remix', action), guild_id, channel_id, message_id, token, token_at, model, prompt,
    negative, width, height, steps, guidance, seed, images, loras, is_age_restricted, policy_channel_id, state, failure, created_at,
    started_at, finished_at, delivered_at
FROM jobs;

-- The pictures that a job grew from. Forgetting the job that one is of takes the row with it.
CREATE TABLE job_parents (
    job           TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    position      INTEGER NOT NULL CHECK (position >= 0),
    parent        TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    parent_image  INTEGER NOT NULL CHECK (parent_image >= 0),
    role          TEXT NOT NULL CHECK (role <> ''),
    strength      REAL NOT NULL CHECK (strength > 0 AND strength <= 1),
    PRIMARY KEY (job, position)
) STRICT, WITHOUT ROWID;

INSERT INTO job_parents
SELECT id, 0, parent, parent_image, iif(strength IS NULL, 'upscale', 'start'), coalesce(strength, 1) FROM jobs
WHERE parent IS NOT NULL;

DROP TABLE jobs;
ALTER TABLE new_jobs RENAME TO jobs;

CREATE INDEX jobs_unfinished ON jobs (created_at, id) WHERE state IN ('queued', 'running');
CREATE INDEX jobs_undelivered ON jobs (finished_at, id) WHERE finished_at IS NOT NULL AND delivered_at IS NULL;
CREATE INDEX jobs_of_member ON jobs (member, state, id);
CREATE INDEX jobs_of_message ON jobs (message_id) WHERE message_id IS NOT NULL;
CREATE INDEX jobs_of_guild ON jobs (guild_id, created_at) WHERE guild_id IS NOT NULL;
CREATE INDEX jobs_by_end ON jobs (finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX job_parents_by_parent ON job_parents (parent);
