-- A result that Discord does not take is kept: the member can take it from /history, and after hours the bot gives up.
ALTER TABLE jobs ADD COLUMN handed_out_at REAL CHECK (handed_out_at IS NULL OR finished_at IS NOT NULL);
ALTER TABLE jobs ADD COLUMN given_up_at REAL CHECK (given_up_at IS NULL OR finished_at IS NOT NULL);

DROP INDEX jobs_undelivered;
CREATE INDEX jobs_undelivered ON jobs (finished_at, id)
WHERE finished_at IS NOT NULL AND delivered_at IS NULL AND given_up_at IS NULL;
