-- What Discord must still be asked for after a decision. A row stays until it is done or given up, so no crash loses it.
CREATE TABLE effects (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    guild_id  INTEGER NOT NULL,
    kind      TEXT NOT NULL CHECK (kind IN ('message', 'notice', 'answer', 'sanction', 'lift', 'end')),
    case_id   INTEGER REFERENCES cases (id) ON DELETE CASCADE,  -- NULL: a message that was removed without a case
    job       TEXT REFERENCES jobs (id) ON DELETE CASCADE,      -- whose message is to be deleted
    wanted_at REAL NOT NULL,
    due_at    REAL NOT NULL,                                    -- of the next try
    failures  INTEGER NOT NULL DEFAULT 0 CHECK (failures >= 0),
    CHECK ((kind = 'message') = (job IS NOT NULL)),
    CHECK (case_id IS NOT NULL OR job IS NOT NULL),
    UNIQUE (case_id, kind)
) STRICT;
CREATE INDEX effects_due ON effects (due_at);
CREATE INDEX effects_of_job ON effects (job) WHERE job IS NOT NULL;

-- The end of Discord's own ban is one of them.
INSERT INTO effects (guild_id, kind, case_id, wanted_at, due_at)
SELECT guild_id, 'end', id, acted_at, lift_at FROM cases WHERE lift_at IS NOT NULL;
DROP INDEX cases_to_lift;
ALTER TABLE cases DROP COLUMN lift_at;
