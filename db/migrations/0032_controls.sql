-- How a control picture is read: its kind, and whether it is a control map already, as JSON.

ALTER TABLE job_parents ADD COLUMN control TEXT CHECK (control IS NULL OR json_type(control) = 'object');
