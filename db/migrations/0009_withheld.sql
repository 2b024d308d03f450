-- Pictures that the check withheld, by their look: the hash alone, and only until a moderator has decided their case. Who confirms
-- the check keeps these from coming back as much as those that were posted.
CREATE TABLE withheld_pictures (
    case_id      INTEGER NOT NULL REFERENCES cases (id) ON DELETE CASCADE,
    image_index  INTEGER NOT NULL CHECK (image_index >= 0),
    pdq          BLOB CHECK (length(pdq) = 32),              -- NULL: too plain to have one
    PRIMARY KEY (case_id, image_index)
) STRICT, WITHOUT ROWID;

-- The case in which it was banned, so that a pardon finds it when the case no longer says what it was about. No reference: it
-- outlives the case.
ALTER TABLE banned_pictures ADD COLUMN case_id INTEGER;

UPDATE banned_pictures SET case_id = (
    SELECT max(id) FROM cases WHERE cases.job = banned_pictures.job AND cases.outcome NOT IN ('approve'));

-- All pictures of its order were withheld, or what they were to start from: nothing was ever posted.
ALTER TABLE cases ADD COLUMN is_withheld INTEGER NOT NULL DEFAULT 0 CHECK (is_withheld IN (0, 1));

UPDATE cases SET is_withheld = 1
WHERE job IN (SELECT id FROM jobs WHERE failure IN ('picture', 'banned', 'picture-input', 'banned-input'));

-- Its card says what was forgotten since: it is drawn anew as soon as Discord can be reached.
ALTER TABLE cases ADD COLUMN is_card_stale INTEGER NOT NULL DEFAULT 0 CHECK (is_card_stale IN (0, 1));

CREATE INDEX cases_to_redraw ON cases (id) WHERE is_card_stale = 1;
