-- Whether a variation was ordered with other words than its parent's. An action of its own would be a new table: what an action
-- may be is checked by the old one.
ALTER TABLE jobs ADD COLUMN is_remix INTEGER NOT NULL DEFAULT 0 CHECK (is_remix IN (0, 1));
