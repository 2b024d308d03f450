-- Of how many pictures a start picture is the mean: 0 if it is one picture.

ALTER TABLE job_parents ADD COLUMN blended INTEGER NOT NULL DEFAULT 0 CHECK (blended = 0 OR blended BETWEEN 2 AND 5);
