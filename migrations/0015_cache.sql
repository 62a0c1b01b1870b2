-- What was thrown away of the answers that are given again: whatever was asked for before is not given any more.

CREATE TABLE cache_purges (
  scope TEXT PRIMARY KEY,   -- what was thrown away, as JSON
  org TEXT,                 -- whose; NULL: of every organisation
  before INTEGER NOT NULL   -- milliseconds since the epoch
) WITHOUT ROWID;

CREATE INDEX cache_purges_by_org ON cache_purges (org);
CREATE INDEX cache_purges_by_age ON cache_purges (before);

-- Calls that the policy `cache` looked at, by what came of it, and what was saved, in nano-USD.
ALTER TABLE totals ADD COLUMN cache_hits INTEGER NOT NULL DEFAULT 0;
ALTER TABLE totals ADD COLUMN cache_misses INTEGER NOT NULL DEFAULT 0;
ALTER TABLE totals ADD COLUMN cache_saved INTEGER NOT NULL DEFAULT 0;
