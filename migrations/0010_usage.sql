-- What was used and what it cost: one row for each call that was settled, written once. The ledger of an organisation
-- counts limits by itself; this is its account, for reading.

CREATE TABLE usage (
  id TEXT NOT NULL,              -- of the hold: unique within its organisation
  org TEXT NOT NULL,
  team TEXT NOT NULL,
  app TEXT NOT NULL,
  key_id TEXT NOT NULL,
  user TEXT,
  run TEXT,
  request_id TEXT NOT NULL,
  route TEXT,
  model TEXT,                    -- provider/model that served
  started_at INTEGER NOT NULL,   -- milliseconds since the epoch
  ended_at INTEGER NOT NULL,
  input_tokens INTEGER,          -- cached tokens included
  output_tokens INTEGER,         -- reasoning tokens included
  cache_read_tokens INTEGER,
  cache_write_tokens INTEGER,
  reasoning_tokens INTEGER,
  tool_calls INTEGER,
  images INTEGER,
  seconds INTEGER,
  cost INTEGER,                  -- nano-USD; NULL where no price was known
  price_version TEXT,
  estimated INTEGER NOT NULL,    -- 1 where nobody told the true numbers
  status TEXT NOT NULL,          -- complete, partial, aborted, failed, abandoned, lost
  PRIMARY KEY (org, id)
) WITHOUT ROWID;

CREATE INDEX usage_by_end ON usage (org, ended_at, id);
CREATE INDEX usage_by_run ON usage (run, ended_at) WHERE run IS NOT NULL;
