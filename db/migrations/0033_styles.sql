-- Named styles of a server: one row for each version. A style is the rows of one server and name; all have one owner.
-- `loras`: as they are typed, each with its weight. db/styles.py has the same limits.

CREATE TABLE styles (
    id        INTEGER PRIMARY KEY,
    guild_id  INTEGER NOT NULL,
    name      TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 32),
    version   INTEGER NOT NULL CHECK (version >= 1),
    member    INTEGER NOT NULL,
    words     TEXT NOT NULL CHECK (length(words) <= 500),
    loras     TEXT NOT NULL CHECK (length(loras) <= 200),
    upload    TEXT REFERENCES uploads (id) ON DELETE SET NULL,
    saved_at  REAL NOT NULL,
    UNIQUE (guild_id, name, version)
) STRICT;

CREATE INDEX styles_of_member ON styles (member);
CREATE INDEX styles_by_upload ON styles (upload) WHERE upload IS NOT NULL;

-- The version of a style that an order was drawn with.
ALTER TABLE jobs ADD COLUMN style INTEGER REFERENCES styles (id) ON DELETE SET NULL;
CREATE INDEX jobs_by_style ON jobs (style) WHERE style IS NOT NULL;

ALTER TABLE member_settings ADD COLUMN style TEXT CHECK (length(style) BETWEEN 1 AND 32);
