-- A style that a moderator removed can come back for some time. Its name is free at once, so only the versions that are there are
-- unique. `case_id`: the case whose ban removed it.
CREATE TABLE new_styles (
    id          INTEGER PRIMARY KEY,
    guild_id    INTEGER NOT NULL,
    name        TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 32),
    version     INTEGER NOT NULL CHECK (version >= 1),
    member      INTEGER NOT NULL,
    words       TEXT NOT NULL CHECK (length(words) <= 500),
    loras       TEXT NOT NULL CHECK (length(loras) <= 200),
    upload      TEXT REFERENCES uploads (id) ON DELETE SET NULL,
    saved_at    REAL NOT NULL,
    removed_at  REAL,
    case_id     INTEGER REFERENCES cases (id) ON DELETE SET NULL
) STRICT;

INSERT INTO new_styles (id, guild_id, name, version, member, words, loras, upload, saved_at)
SELECT id, guild_id, name, version, member, words, loras, upload, saved_at FROM styles;
DROP TABLE styles;
ALTER TABLE new_styles RENAME TO styles;
CREATE UNIQUE INDEX styles_by_name ON styles (guild_id, name, version) WHERE removed_at IS NULL;
CREATE INDEX styles_of_member ON styles (member);
CREATE INDEX styles_by_upload ON styles (upload) WHERE upload IS NOT NULL;
CREATE INDEX styles_of_guild ON styles (guild_id);
CREATE INDEX styles_removed ON styles (removed_at) WHERE removed_at IS NOT NULL;
CREATE INDEX styles_removed_by_case ON styles (case_id) WHERE case_id IS NOT NULL;

-- Of a style's picture that was a finished one: the job that made it, and its scores from before it was marked.
ALTER TABLE uploads ADD COLUMN parent TEXT;
ALTER TABLE uploads ADD COLUMN scores TEXT NOT NULL DEFAULT '{}';
CREATE INDEX uploads_by_parent ON uploads (parent) WHERE parent IS NOT NULL;
