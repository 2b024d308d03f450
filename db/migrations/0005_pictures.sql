-- Finished pictures: whom they may be shown to, how to find them again, and what must not come back.

ALTER TABLE jobs ADD COLUMN is_age_restricted INTEGER NOT NULL DEFAULT 0 CHECK (is_age_restricted IN (0, 1));

-- The channel whose policy holds: a thread's own is its channel's. NULL: that of channel_id.
ALTER TABLE jobs ADD COLUMN policy_channel_id INTEGER;

ALTER TABLE images ADD COLUMN pdq BLOB CHECK (length(pdq) = 32);   -- perceptual hash; NULL: too plain to have one
ALTER TABLE images ADD COLUMN mark INTEGER CHECK (mark BETWEEN 0 AND 4294967295);  -- the number of the invisible mark

CREATE INDEX images_by_mark ON images (mark) WHERE mark IS NOT NULL;

-- Pictures that moderators took down, by their look: the hash alone, never a picture. No reference to images: it outlives them.
CREATE TABLE banned_pictures (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    guild_id     INTEGER NOT NULL,
    pdq          BLOB NOT NULL CHECK (length(pdq) = 32),
    job          TEXT NOT NULL,
    image_index  INTEGER NOT NULL CHECK (image_index >= 0),
    at           REAL NOT NULL,
    UNIQUE (guild_id, job, image_index)
) STRICT;
