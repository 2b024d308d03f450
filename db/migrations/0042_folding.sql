-- Orders that join an open case of their member, as entries of the kind "joined"; and orders whose pictures an entry is about.
ALTER TABLE case_entries ADD COLUMN job TEXT;
CREATE INDEX case_entries_of_job ON case_entries (job) WHERE job IS NOT NULL;

-- Until when orders of the same member join the open case (unix seconds). NULL: they open cases of their own.
ALTER TABLE cases ADD COLUMN folds_until REAL;
CREATE INDEX cases_folding ON cases (guild_id, member) WHERE outcome IS NULL AND folds_until IS NOT NULL;

-- Many members whose prompts are flagged or refused within a short time: their cases share one card.
CREATE TABLE raids (
    id               INTEGER PRIMARY KEY AUTOINCREMENT,
    guild_id         INTEGER NOT NULL,
    began_at         REAL NOT NULL,
    last_at          REAL NOT NULL CHECK (last_at >= began_at),   -- of its newest flagged or refused order
    card_channel_id  INTEGER,
    card_message_id  INTEGER,                                     -- NULL: not posted yet
    orders           INTEGER NOT NULL DEFAULT 1,                  -- flagged or refused since it began
    shown_orders     INTEGER                                      -- the `orders` that its card shows; NULL: out of date
) STRICT;
CREATE INDEX raids_of_guild ON raids (guild_id, last_at);
CREATE INDEX raids_by_time ON raids (last_at);
CREATE INDEX raids_to_show ON raids (guild_id) WHERE shown_orders IS NOT orders;
ALTER TABLE cases ADD COLUMN raid INTEGER REFERENCES raids (id) ON DELETE SET NULL;
CREATE INDEX cases_of_raid ON cases (raid) WHERE raid IS NOT NULL;

-- A case may have pictures of several orders.
DROP TRIGGER looks_outlive_their_pictures;
CREATE TABLE withheld (
    case_id      INTEGER NOT NULL REFERENCES cases (id) ON DELETE CASCADE,
    job          TEXT NOT NULL,                              -- empty: forgotten
    image_index  INTEGER NOT NULL CHECK (image_index >= 0),
    pdq          BLOB CHECK (length(pdq) = 32),              -- NULL: too plain to have one
    PRIMARY KEY (case_id, job, image_index)
) STRICT, WITHOUT ROWID;
INSERT INTO withheld (case_id, job, image_index, pdq)
SELECT case_id, coalesce(cases.job, ''), image_index, pdq FROM withheld_pictures JOIN cases ON cases.id = case_id;
DROP TABLE withheld_pictures;
ALTER TABLE withheld RENAME TO withheld_pictures;
CREATE INDEX withheld_pictures_of_job ON withheld_pictures (job);

-- Pictures of an open case may go before its decision, which may ban what looks like them.
CREATE TRIGGER looks_outlive_their_pictures BEFORE DELETE ON images WHEN OLD.pdq IS NOT NULL
BEGIN
    INSERT OR IGNORE INTO withheld_pictures (case_id, job, image_index, pdq)
    SELECT id, OLD.job, OLD.image_index, OLD.pdq FROM cases WHERE outcome IS NULL AND id IN (
        SELECT id FROM cases WHERE job = OLD.job UNION SELECT case_id FROM case_entries WHERE job = OLD.job);
END;

-- The desk's settings: the digest's hour, the quiet hours (of the day, in UTC) and the role that a new case mentions.
ALTER TABLE guilds ADD COLUMN digest_hour INTEGER DEFAULT 8 CHECK (digest_hour BETWEEN 0 AND 23);  -- NULL: none
ALTER TABLE guilds ADD COLUMN digested_at REAL;
ALTER TABLE guilds ADD COLUMN quiet_from INTEGER CHECK (quiet_from BETWEEN 0 AND 23);
ALTER TABLE guilds ADD COLUMN quiet_to INTEGER CHECK (quiet_to BETWEEN 0 AND 23);
ALTER TABLE guilds ADD COLUMN case_role_id INTEGER;
