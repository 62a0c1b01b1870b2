-- What came of answers that were given by meaning: the policy `cache` with `semantic`.

CREATE TABLE semantic_checks (
  org TEXT NOT NULL,
  route TEXT NOT NULL,
  day INTEGER NOT NULL,                 -- since the epoch, UTC
  hits INTEGER NOT NULL DEFAULT 0,      -- calls that were given one
  checked INTEGER NOT NULL DEFAULT 0,   -- of which it is known whether the answer was right
  wrong INTEGER NOT NULL DEFAULT 0,     -- of those: it was not
  unsure INTEGER NOT NULL DEFAULT 0,    -- compared without a verdict
  asked INTEGER NOT NULL DEFAULT 0,     -- calls made once more to find out
  PRIMARY KEY (org, route, day)
) WITHOUT ROWID;

CREATE INDEX semantic_checks_by_day ON semantic_checks (day);

-- What callers say of answers: once of each.
CREATE TABLE feedback (
  request_id TEXT PRIMARY KEY,
  org TEXT NOT NULL,
  app TEXT NOT NULL,
  score INTEGER NOT NULL,               -- 1 good, -1 bad
  comment TEXT,
  at INTEGER NOT NULL                   -- milliseconds since the epoch
) WITHOUT ROWID;

CREATE INDEX feedback_by_org ON feedback (org, at);
