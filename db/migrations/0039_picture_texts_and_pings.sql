-- What was recognised as written in the picture, where a package for it is installed. It is judged with each prompt that uses the
-- picture, and emptied when the picture is removed.
ALTER TABLE uploads ADD COLUMN text TEXT NOT NULL DEFAULT '';

-- A mention that is due is looked for every few seconds. It stays due until it is posted.
CREATE INDEX jobs_to_ping ON jobs (finished_at) WHERE is_pinging = 1;
