-- The scheduler's name as members chose it, such as "DPM++ 2M Karras"; empty: the model's own.
ALTER TABLE jobs ADD COLUMN scheduler TEXT NOT NULL DEFAULT '';

-- Whether members pay for access in this server: models whose licence forbids that are not offered.
ALTER TABLE guilds ADD COLUMN is_paid INTEGER NOT NULL DEFAULT 0 CHECK (is_paid IN (0, 1));
