-- Whose each request was, and what its usage counts besides tokens.

ALTER TABLE requests ADD COLUMN org TEXT;
ALTER TABLE requests ADD COLUMN team TEXT;
ALTER TABLE requests ADD COLUMN app TEXT;
ALTER TABLE requests ADD COLUMN user TEXT;
ALTER TABLE requests ADD COLUMN tool_calls INTEGER;
ALTER TABLE requests ADD COLUMN images INTEGER;
ALTER TABLE requests ADD COLUMN seconds REAL;

CREATE INDEX requests_by_org ON requests (org, started_at, id);
CREATE INDEX requests_by_team ON requests (team, started_at, id);
CREATE INDEX requests_by_app ON requests (app, started_at, id);
CREATE INDEX requests_by_user ON requests (user, started_at, id) WHERE user IS NOT NULL;
CREATE INDEX requests_by_error ON requests (error_code, started_at, id) WHERE error_code IS NOT NULL;
-- The newest runs, without the calls that belong to none.
CREATE INDEX requests_in_runs ON requests (started_at, id) WHERE run IS NOT NULL;

-- What all requests came to since this table is there: added to in the transaction that writes their rows.
CREATE TABLE totals (
  route TEXT NOT NULL,
  dialect TEXT NOT NULL,            -- '' where there is none, here and below
  model TEXT NOT NULL,              -- provider/model that served; provider/other beyond a thousand rows
  status TEXT NOT NULL,
  error TEXT NOT NULL,
  requests INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  input_tokens INTEGER NOT NULL,
  output_tokens INTEGER NOT NULL,
  cache_read_tokens INTEGER NOT NULL,
  cache_write_tokens INTEGER NOT NULL,
  reasoning_tokens INTEGER NOT NULL,
  tool_calls INTEGER NOT NULL,
  cost INTEGER NOT NULL,            -- nano-USD
  unpriced INTEGER NOT NULL,        -- requests that were served at no known price
  duration_ms INTEGER NOT NULL,
  durations TEXT NOT NULL,          -- JSON: how many lasted no longer than each bound
  first_tokens INTEGER NOT NULL,    -- requests that had a first token
  first_token_ms INTEGER NOT NULL,
  first_token_waits TEXT NOT NULL,  -- JSON, as durations
  PRIMARY KEY (route, dialect, model, status, error)
) WITHOUT ROWID;

-- Counts that belong to no request.
CREATE TABLE counters (
  name TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) WITHOUT ROWID;
