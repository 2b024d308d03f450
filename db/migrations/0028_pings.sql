-- Whether the member is mentioned when the job ends. Set back when the mention is sent.
ALTER TABLE jobs ADD COLUMN is_pinging INTEGER NOT NULL DEFAULT 0 CHECK (is_pinging IN (0, 1));
