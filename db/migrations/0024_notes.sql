-- What the bot left out of a prompt or read in its own way, as a list of {"kind": …, "names": […]}: told on the order's card.
ALTER TABLE jobs ADD COLUMN notes TEXT NOT NULL DEFAULT '[]' CHECK (json_type(notes) = 'array');
