-- The request log: one row per exchange, written once.

CREATE TABLE requests (
  id TEXT PRIMARY KEY,
  started_at INTEGER NOT NULL,   -- milliseconds since the epoch
  duration_ms INTEGER,
  first_token_ms INTEGER,
  key_id TEXT,
  run TEXT,
  route TEXT NOT NULL,
  dialect TEXT,
  asked_model TEXT,
  served_model TEXT,             -- provider/model
  status TEXT NOT NULL,          -- complete, partial, aborted, failed
  http_status INTEGER,
  error_code TEXT,
  stream INTEGER NOT NULL,
  lane TEXT,
  attempts INTEGER,
  input_tokens INTEGER,          -- cached tokens included
  output_tokens INTEGER,         -- reasoning tokens included
  cache_read_tokens INTEGER,
  cache_write_tokens INTEGER,
  reasoning_tokens INTEGER,
  estimated INTEGER,             -- 1 where the vendor gave no usage
  metadata TEXT,                 -- JSON
  facts TEXT                     -- JSON
);

CREATE INDEX requests_by_start ON requests (started_at, id);
CREATE INDEX requests_by_key ON requests (key_id, started_at, id);
CREATE INDEX requests_by_run ON requests (run, started_at, id) WHERE run IS NOT NULL;
