-- Rows of removed uploads are looked for at every sweep.
CREATE INDEX uploads_removed ON uploads (id) WHERE removed_at IS NOT NULL;
