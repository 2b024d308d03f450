-- The number and length of the pictures' files, kept by triggers: a limit on them is looked at each minute, by reading one row.
CREATE TABLE stored_pictures (
    id        INTEGER PRIMARY KEY CHECK (id = 1),
    pictures  INTEGER NOT NULL,
    bytes     INTEGER NOT NULL
) STRICT;
INSERT INTO stored_pictures
SELECT 1, count(*), coalesce(sum(bytes), 0) FROM images WHERE removed_at IS NULL;

CREATE TRIGGER stored_pictures_are_counted AFTER INSERT ON images WHEN new.removed_at IS NULL BEGIN
    UPDATE stored_pictures SET pictures = pictures + 1, bytes = bytes + new.bytes;
END;
CREATE TRIGGER removed_pictures_are_not_counted AFTER UPDATE OF removed_at, bytes ON images BEGIN
    UPDATE stored_pictures SET
        pictures = pictures + (new.removed_at IS NULL) - (old.removed_at IS NULL),
        bytes = bytes + (new.removed_at IS NULL) * new.bytes - (old.removed_at IS NULL) * old.bytes;
END;
CREATE TRIGGER deleted_pictures_are_not_counted AFTER DELETE ON images WHEN old.removed_at IS NULL BEGIN
    UPDATE stored_pictures SET pictures = pictures - 1, bytes = bytes - old.bytes;
END;
