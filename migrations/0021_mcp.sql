-- What requests to MCP servers were. NULL for all others.

ALTER TABLE requests ADD COLUMN mcp_method TEXT;
ALTER TABLE requests ADD COLUMN mcp_tool TEXT;      -- by the name that clients see
ALTER TABLE requests ADD COLUMN mcp_source TEXT;    -- the server behind the route, where the name told it
ALTER TABLE requests ADD COLUMN mcp_era TEXT;       -- modern, legacy
ALTER TABLE requests ADD COLUMN mcp_outcome TEXT;   -- complete, tool-error, input-required, error, cancelled, interrupted, accepted

CREATE INDEX requests_of_mcp ON requests (started_at, id) WHERE mcp_method IS NOT NULL;
CREATE INDEX requests_by_tool ON requests (mcp_tool, started_at, id) WHERE mcp_tool IS NOT NULL;

-- What they came to since this table is there: added to in the transaction that writes their rows.
CREATE TABLE mcp_totals (
  route TEXT NOT NULL,
  source TEXT NOT NULL,             -- '' where none is known, here and below
  method TEXT NOT NULL,             -- of the protocol, or 'other'
  tool TEXT NOT NULL,               -- one that has answered, or 'other'; likewise beyond a thousand rows
  outcome TEXT NOT NULL,
  requests INTEGER NOT NULL,
  cost INTEGER NOT NULL,            -- nano-USD
  duration_ms INTEGER NOT NULL,
  durations TEXT NOT NULL,          -- JSON: how many lasted no longer than each bound
  PRIMARY KEY (route, source, method, tool, outcome)
) WITHOUT ROWID;
