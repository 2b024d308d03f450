-- When raid mode began, and the ends of raid mode and of the panic switch, in unix seconds; NULL: a moderator ends them.
ALTER TABLE gates ADD COLUMN raid_at REAL;
ALTER TABLE gates ADD COLUMN raid_until REAL;
ALTER TABLE gates ADD COLUMN mode_until REAL;
