-- What moderators note about a member without a case.
CREATE TABLE member_notes (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    guild_id      INTEGER NOT NULL,
    member        INTEGER NOT NULL,
    written_by    INTEGER NOT NULL,
    written_name  TEXT NOT NULL,
    at            REAL NOT NULL,
    text          TEXT NOT NULL CHECK (length(text) BETWEEN 1 AND 500)
) STRICT;
CREATE INDEX member_notes_of_member ON member_notes (guild_id, member, id);
CREATE INDEX member_notes_about ON member_notes (member);
CREATE INDEX member_notes_written_by ON member_notes (written_by);
CREATE INDEX member_notes_by_time ON member_notes (at);

-- Reasons that a server keeps for its decisions, each in one language or more.
CREATE TABLE kept_reasons (
    guild_id  INTEGER NOT NULL,
    name      TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 30),
    locale    TEXT NOT NULL,                                 -- as Discord names it; empty: the server's language
    text      TEXT NOT NULL CHECK (length(text) BETWEEN 1 AND 300),
    PRIMARY KEY (guild_id, name, locale)
) STRICT, WITHOUT ROWID;

-- The kept reason of a decision: the member reads it in their language. Empty: the reason was written for this case.
ALTER TABLE cases ADD COLUMN kept_reason TEXT NOT NULL DEFAULT '';
