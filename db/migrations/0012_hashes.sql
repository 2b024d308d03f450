-- Removed pictures are found by their hash too: a file of theirs is deleted at start, one that no row knows is kept.
DROP INDEX images_by_hash;
CREATE INDEX images_by_hash ON images (sha256);
