-- What people let clients of OAuth do in their name lies in objects; here stands whose it is, for those who take it back.

CREATE TABLE oauth_grants (
  id TEXT PRIMARY KEY,                     -- of the object
  org_id TEXT NOT NULL,
  app_id TEXT NOT NULL,
  user TEXT,                               -- NULL: of the whole app
  key_id TEXT,                             -- the gateway key that was signed in with; NULL where it was a person
  client TEXT NOT NULL,
  client_name TEXT NOT NULL,               -- as the client calls itself
  resource TEXT NOT NULL,
  scopes TEXT NOT NULL,                    -- with spaces between them
  created_at INTEGER NOT NULL,             -- milliseconds since the epoch
  expires_at INTEGER NOT NULL
);

CREATE INDEX oauth_grants_by_org ON oauth_grants (org_id, created_at, id);
CREATE INDEX oauth_grants_by_age ON oauth_grants (created_at, id);
CREATE INDEX oauth_grants_by_end ON oauth_grants (expires_at);
