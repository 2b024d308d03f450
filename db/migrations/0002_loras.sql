-- What the pictures are drawn with besides the model: {"name": weight, ...}
ALTER TABLE jobs ADD COLUMN loras TEXT NOT NULL DEFAULT '{}' CHECK (json_type(loras) = 'object');
