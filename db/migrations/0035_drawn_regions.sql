-- Regions of a picture that members draw on the page. A row is the link to the page, and then what was drawn there. A new link
-- replaces the member's earlier one of that picture. `region`: JSON, as in job_parents; NULL until it is sent.
CREATE TABLE drawn_regions (
    member       INTEGER NOT NULL,
    job          TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    image_index  INTEGER NOT NULL CHECK (image_index >= 0),
    link         TEXT NOT NULL UNIQUE CHECK (length(link) BETWEEN 10 AND 40),
    created_at   REAL NOT NULL,
    region       TEXT CHECK (region IS NULL OR json_type(region) = 'object'),
    drawn_at     REAL,
    PRIMARY KEY (member, job, image_index),
    CHECK ((region IS NULL) = (drawn_at IS NULL))
) STRICT, WITHOUT ROWID;

CREATE INDEX drawn_regions_by_job ON drawn_regions (job);
