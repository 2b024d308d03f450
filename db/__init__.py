"""Everything that must survive: rows in one SQLite file, pictures in one folder. No Discord, no torch."""
