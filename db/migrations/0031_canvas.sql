-- How a source picture lies on the canvas and which part of it is redrawn, as JSON of numbers; and how much it is enlarged:
-- 0 for what the settings say.

ALTER TABLE job_parents ADD COLUMN placement TEXT CHECK (placement IS NULL OR json_type(placement) = 'object');
ALTER TABLE job_parents ADD COLUMN region TEXT CHECK (region IS NULL OR json_type(region) = 'object');
ALTER TABLE job_parents ADD COLUMN factor INTEGER NOT NULL DEFAULT 0 CHECK (factor IN (0, 2, 4));
