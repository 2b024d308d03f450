-- A member's defaults for their orders; NULL: none. `vary` and `remix`: how far V and Remix go from a picture.
-- db/member_settings.py has the same limits.

CREATE TABLE member_settings (
    member     INTEGER PRIMARY KEY,
    aspect     TEXT CHECK (length(aspect) BETWEEN 1 AND 9),
    images     INTEGER CHECK (images BETWEEN 1 AND 4),
    model      TEXT CHECK (length(model) BETWEEN 1 AND 60),
    scheduler  TEXT CHECK (length(scheduler) BETWEEN 1 AND 60),
    suffix     TEXT CHECK (length(suffix) BETWEEN 1 AND 500),
    pings      INTEGER CHECK (pings IN (0, 1)),
    vary       TEXT CHECK (vary IN ('near', 'far')),
    remix      TEXT CHECK (remix IN ('near', 'far')),
    saved_at   REAL NOT NULL
) STRICT;
