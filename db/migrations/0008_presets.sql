-- What members keep under a name of their own, to be put behind a prompt: words and inline parameters, as they would be typed.
-- db/presets.py has the same limits.

CREATE TABLE presets (
    member    INTEGER NOT NULL,
    name      TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 32),
    text      TEXT NOT NULL CHECK (length(text) BETWEEN 1 AND 500),
    saved_at  REAL NOT NULL,
    PRIMARY KEY (member, name)
) STRICT, WITHOUT ROWID;
