-- What the gateway shows the servers behind it: values that organisations keep, and where the grants are that their callers gave.

CREATE TABLE credentials (
  id TEXT PRIMARY KEY,
  org_id TEXT NOT NULL REFERENCES orgs (id),
  name TEXT NOT NULL,
  description TEXT NOT NULL,
  wrapped TEXT,                            -- the value's own key, sealed with one derived from WEIR_SECRET; NULL once deleted
  sealed TEXT,                             -- the value, sealed with its own key; NULL once deleted
  revision INTEGER NOT NULL DEFAULT 1,     -- of the value
  version INTEGER NOT NULL DEFAULT 1,      -- of the row
  created_at INTEGER NOT NULL,             -- milliseconds since the epoch
  updated_at INTEGER NOT NULL,
  deleted_at INTEGER                       -- rows are kept
);

CREATE UNIQUE INDEX credentials_by_name ON credentials (org_id, name) WHERE deleted_at IS NULL;
CREATE INDEX credentials_by_age ON credentials (created_at, id);

-- What was granted lies in objects, sealed; here stands who granted it for what.
CREATE TABLE connections (
  id TEXT PRIMARY KEY,                     -- of the object
  org_id TEXT NOT NULL,
  app_id TEXT,                             -- NULL: of the whole organisation
  user TEXT,                               -- whom the credential of the caller named
  route TEXT NOT NULL,
  source TEXT NOT NULL,
  kind TEXT NOT NULL,                      -- oauth, key
  issuer TEXT,
  scopes TEXT,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
);

CREATE INDEX connections_by_org ON connections (org_id, created_at, id);
CREATE INDEX connections_by_age ON connections (created_at, id);
