-- Retention follows the first three in slices; without them, each look reads the whole table.
DROP INDEX jobs_by_end;
CREATE INDEX jobs_by_end ON jobs (finished_at, id) WHERE finished_at IS NOT NULL;
CREATE INDEX strikes_by_end ON strikes (min(expires_at, coalesce(pardoned_at, expires_at)));
CREATE INDEX blocks_by_end ON blocks (coalesce(lifted_at, expires_at));
-- The reports that a deleted case takes with it, and those of a server.
CREATE INDEX reports_of_case ON reports (case_id);
CREATE INDEX reports_of_guild ON reports (guild_id, at);
-- A person's rows, for their export and erasure. Without them, one erasure reads every row of these tables under the write lock.
CREATE INDEX images_removed_by ON images (removed_by) WHERE removed_by IS NOT NULL;
CREATE INDEX cases_about ON cases (member);
CREATE INDEX cases_claimed_by ON cases (claimed_by) WHERE claimed_by IS NOT NULL;
CREATE INDEX cases_proposed_by ON cases (proposed_by) WHERE proposed_by IS NOT NULL;
CREATE INDEX cases_acted_by ON cases (acted_by) WHERE acted_by IS NOT NULL;
CREATE INDEX case_entries_written_by ON case_entries (written_by) WHERE written_by IS NOT NULL;
CREATE INDEX strikes_about ON strikes (member);
CREATE INDEX strikes_given_by ON strikes (given_by);
CREATE INDEX strikes_pardoned_by ON strikes (pardoned_by) WHERE pardoned_by IS NOT NULL;
CREATE INDEX appeals_by ON appeals (member);
CREATE INDEX appeals_decided_by ON appeals (decided_by) WHERE decided_by IS NOT NULL;
CREATE INDEX blocks_set_by ON blocks (set_by);
CREATE INDEX blocks_lifted_by ON blocks (lifted_by) WHERE lifted_by IS NOT NULL;
