-- What operators have approved of the tools of MCP servers, and calls of tools that wait for an operator.

-- Sources whose tools are pinned, since they were first read.
CREATE TABLE mcp_pinned (
  org TEXT NOT NULL,                    -- '': of the route, for every organisation
  route TEXT NOT NULL,
  source TEXT NOT NULL,
  token TEXT NOT NULL,                  -- of the reading that came first: what it read is what first use trusts
  at INTEGER NOT NULL,                  -- milliseconds since the epoch
  PRIMARY KEY (org, route, source)
) WITHOUT ROWID;

CREATE TABLE mcp_tools (
  id TEXT PRIMARY KEY,
  org TEXT NOT NULL,
  route TEXT NOT NULL,
  source TEXT NOT NULL,
  name TEXT NOT NULL,                   -- the source's own
  status TEXT NOT NULL CHECK (status IN ('approved', 'pending', 'changed', 'rejected')),
  approved_digest TEXT,                 -- SHA-256 of the definition that may be used; NULL: none was ever approved
  approved TEXT,                        -- that definition, JSON; NULL likewise, and where it is too large to be kept
  approved_by TEXT,                     -- an id, or 'first-use'
  approved_at INTEGER,
  seen_digest TEXT NOT NULL,            -- of the definition that was seen last and is not the approved one, or is
  seen TEXT,
  flags TEXT NOT NULL CHECK (json_valid(flags)),  -- hidden text in what was seen
  first_seen_at INTEGER NOT NULL,
  seen_at INTEGER NOT NULL,             -- when `seen` was seen first
  version INTEGER NOT NULL DEFAULT 1
);

CREATE UNIQUE INDEX mcp_tools_by_place ON mcp_tools (org, route, source, name);
CREATE INDEX mcp_tools_by_age ON mcp_tools (seen_at, id);

CREATE TABLE mcp_approvals (
  id TEXT PRIMARY KEY,
  org TEXT NOT NULL,
  team TEXT NOT NULL,
  app TEXT NOT NULL,
  key_id TEXT NOT NULL,
  user TEXT,
  route TEXT NOT NULL,
  source TEXT NOT NULL,
  tool TEXT NOT NULL,                   -- as clients see it
  call TEXT NOT NULL,                   -- SHA-256 of who calls, where, which tool and with what
  digest TEXT NOT NULL,                 -- SHA-256 of the arguments
  preview TEXT NOT NULL,                -- of the arguments, cut and redacted
  status TEXT NOT NULL CHECK (status IN ('pending', 'approved', 'denied', 'used')),
  claim TEXT,                           -- of the one request that used it
  at INTEGER NOT NULL,                  -- milliseconds since the epoch
  ttl INTEGER NOT NULL,                 -- milliseconds it may wait, and be used after it was granted
  expires_at INTEGER NOT NULL,
  decided_at INTEGER,
  decided_by TEXT,
  reason TEXT,
  used_at INTEGER
);

CREATE INDEX mcp_approvals_by_call ON mcp_approvals (call, expires_at);
CREATE INDEX mcp_approvals_by_org ON mcp_approvals (org, at, id);
CREATE INDEX mcp_approvals_by_age ON mcp_approvals (at, id);
