-- Pictures that members supply. Their files are in the same folder as finished pictures. The row of a removed one stays while an
-- order names it.
CREATE TABLE uploads (
    id          TEXT PRIMARY KEY CHECK (length(id) = 10 AND id NOT GLOB '*[^a-z2-7]*'),
    member      INTEGER NOT NULL,
    guild_id    INTEGER,
    channel_id  INTEGER NOT NULL,
    sha256      TEXT NOT NULL CHECK (length(sha256) = 64),
    width       INTEGER NOT NULL CHECK (width > 0),
    height      INTEGER NOT NULL CHECK (height > 0),
    bytes       INTEGER NOT NULL CHECK (bytes > 0),
    created_at  REAL NOT NULL,
    removed_at  REAL
) STRICT;

CREATE INDEX uploads_of_member ON uploads (member);
CREATE INDEX uploads_of_guild ON uploads (guild_id) WHERE guild_id IS NOT NULL;
CREATE INDEX uploads_by_hash ON uploads (sha256);
CREATE INDEX uploads_by_age ON uploads (created_at);

-- An order grows from pictures of orders and from uploads.
CREATE TABLE new_job_parents (
    job           TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    position      INTEGER NOT NULL CHECK (position >= 0),
    parent        TEXT REFERENCES jobs (id) ON DELETE CASCADE,
    parent_image  INTEGER CHECK (parent_image >= 0),
    role          TEXT NOT NULL CHECK (role <> ''),
    strength      REAL NOT NULL CHECK (strength > 0 AND strength <= 1),
    upload        TEXT REFERENCES uploads (id) ON DELETE CASCADE,
    PRIMARY KEY (job, position),
    CHECK ((parent IS NULL) = (parent_image IS NULL)),
    CHECK ((parent IS NULL) <> (upload IS NULL))
) STRICT, WITHOUT ROWID;

INSERT INTO new_job_parents (job, position, parent, parent_image, role, strength)
SELECT job, position, parent, parent_image, role, strength FROM job_parents;
DROP TABLE job_parents;
ALTER TABLE new_job_parents RENAME TO job_parents;
CREATE INDEX job_parents_by_parent ON job_parents (parent) WHERE parent IS NOT NULL;
CREATE INDEX job_parents_by_upload ON job_parents (upload) WHERE upload IS NOT NULL;

-- The limit on all pictures' files counts them too.
CREATE TRIGGER stored_uploads_are_counted AFTER INSERT ON uploads WHEN new.removed_at IS NULL BEGIN
    UPDATE stored_pictures SET pictures = pictures + 1, bytes = bytes + new.bytes;
END;
CREATE TRIGGER removed_uploads_are_not_counted AFTER UPDATE OF removed_at ON uploads BEGIN
    UPDATE stored_pictures SET
        pictures = pictures + (new.removed_at IS NULL) - (old.removed_at IS NULL),
        bytes = bytes + (new.removed_at IS NULL) * new.bytes - (old.removed_at IS NULL) * old.bytes;
END;
CREATE TRIGGER deleted_uploads_are_not_counted AFTER DELETE ON uploads WHEN old.removed_at IS NULL BEGIN
    UPDATE stored_pictures SET pictures = pictures - 1, bytes = bytes - old.bytes;
END;
