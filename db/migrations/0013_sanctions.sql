-- A member may have several blocks in a server at once, each of its own case; the one that ends last holds.
DROP INDEX blocks_live;
CREATE INDEX blocks_live ON blocks (guild_id, member) WHERE lifted_at IS NULL;
