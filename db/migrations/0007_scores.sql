-- What the picture check saw before the picture was marked: the mark changes what a detector sees. JSON: detector, category, 0 to 1.
-- Empty for what was drawn before.
ALTER TABLE images ADD COLUMN scores TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(scores));
