-- What was recognised as written in the picture, where a package for it is installed. It is judged with each prompt that uses the
-- picture, and emptied when the picture is removed.
ALTER TABLE uploads ADD COLUMN text TEXT NOT NULL DEFAULT '';
