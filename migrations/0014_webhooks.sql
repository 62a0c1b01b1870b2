-- Where operators are told what happens to the budgets of an organisation.

CREATE TABLE webhooks (
  id TEXT PRIMARY KEY,
  org_id TEXT NOT NULL REFERENCES orgs (id),
  url TEXT NOT NULL,
  events TEXT CHECK (json_valid(events)),  -- JSON list; NULL: all
  disabled INTEGER NOT NULL DEFAULT 0,
  secret TEXT,                             -- sealed with WEIR_SECRET; NULL once deleted
  previous_secret TEXT,                    -- before the last rotation, sealed likewise
  previous_until INTEGER,                  -- until when that one signs too
  gone_at INTEGER,                         -- since when the receiver says that it is gone
  version INTEGER NOT NULL DEFAULT 1,
  created_at INTEGER NOT NULL,             -- milliseconds since the epoch
  updated_at INTEGER NOT NULL,
  deleted_at INTEGER                       -- rows are kept
);

CREATE INDEX webhooks_by_org ON webhooks (org_id, created_at, id);
CREATE INDEX webhooks_by_age ON webhooks (created_at, id);
