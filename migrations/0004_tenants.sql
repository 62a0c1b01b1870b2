-- Who may use the gateway: organisations, their teams, their apps, and the keys of those.
-- `limits`, the four allow-lists and `metadata` are JSON; a list that is NULL allows everything.

CREATE TABLE orgs (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  limits TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(limits)),
  models TEXT CHECK (json_valid(models)),
  routes TEXT CHECK (json_valid(routes)),
  ips TEXT CHECK (json_valid(ips)),
  countries TEXT CHECK (json_valid(countries)),
  metadata TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(metadata)),
  disabled INTEGER NOT NULL DEFAULT 0,
  version INTEGER NOT NULL DEFAULT 1,    -- counts the changes of this row
  created_at INTEGER NOT NULL,           -- milliseconds since the epoch
  updated_at INTEGER NOT NULL,
  deleted_at INTEGER,                    -- rows are kept
  generation INTEGER NOT NULL DEFAULT 1  -- counts the changes of everything in the organisation
);

CREATE TABLE teams (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  limits TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(limits)),
  models TEXT CHECK (json_valid(models)),
  routes TEXT CHECK (json_valid(routes)),
  ips TEXT CHECK (json_valid(ips)),
  countries TEXT CHECK (json_valid(countries)),
  metadata TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(metadata)),
  disabled INTEGER NOT NULL DEFAULT 0,
  version INTEGER NOT NULL DEFAULT 1,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  deleted_at INTEGER,
  org_id TEXT NOT NULL REFERENCES orgs (id)
);

CREATE TABLE apps (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  limits TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(limits)),
  models TEXT CHECK (json_valid(models)),
  routes TEXT CHECK (json_valid(routes)),
  ips TEXT CHECK (json_valid(ips)),
  countries TEXT CHECK (json_valid(countries)),
  metadata TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(metadata)),
  disabled INTEGER NOT NULL DEFAULT 0,
  version INTEGER NOT NULL DEFAULT 1,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  deleted_at INTEGER,
  org_id TEXT NOT NULL REFERENCES orgs (id),
  team_id TEXT NOT NULL REFERENCES teams (id)
);

CREATE TABLE keys (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  limits TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(limits)),
  models TEXT CHECK (json_valid(models)),
  routes TEXT CHECK (json_valid(routes)),
  ips TEXT CHECK (json_valid(ips)),
  countries TEXT CHECK (json_valid(countries)),
  metadata TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(metadata)),
  disabled INTEGER NOT NULL DEFAULT 0,
  version INTEGER NOT NULL DEFAULT 1,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  deleted_at INTEGER,                    -- revoked for ever
  org_id TEXT NOT NULL REFERENCES orgs (id),
  team_id TEXT NOT NULL REFERENCES teams (id),
  app_id TEXT NOT NULL REFERENCES apps (id),
  environment TEXT NOT NULL,             -- live, dev, test: what stands in the key
  digest TEXT,                           -- HMAC-SHA-256 of the key; NULL: the key is a secret of the Worker
  pepper TEXT,                           -- which pepper it was made with
  previous_digest TEXT,                  -- of the key before the last rotation
  previous_pepper TEXT,
  previous_until INTEGER,                -- until when that one is good
  expires_at INTEGER
);

-- A name is given once among its siblings, and is free again when they are deleted.
CREATE UNIQUE INDEX orgs_by_name ON orgs (name) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX teams_by_name ON teams (org_id, name) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX apps_by_name ON apps (team_id, name) WHERE deleted_at IS NULL;

CREATE INDEX orgs_by_age ON orgs (created_at, id);
CREATE INDEX teams_by_org ON teams (org_id, created_at, id);
CREATE INDEX teams_by_age ON teams (created_at, id);
CREATE INDEX apps_by_org ON apps (org_id, created_at, id);
CREATE INDEX apps_by_team ON apps (team_id, created_at, id);
CREATE INDEX apps_by_age ON apps (created_at, id);
CREATE INDEX keys_by_org ON keys (org_id, created_at, id);
CREATE INDEX keys_by_team ON keys (team_id, created_at, id);
CREATE INDEX keys_by_app ON keys (app_id, created_at, id);
CREATE INDEX keys_by_age ON keys (created_at, id);

-- Whom the key of the deployment itself belongs to (the secret WEIR_DEV_KEY).
INSERT INTO orgs (id, name, created_at, updated_at) VALUES ('org_dev', 'dev', 0, 0);
INSERT INTO teams (id, name, created_at, updated_at, org_id) VALUES ('team_dev', 'dev', 0, 0, 'org_dev');
INSERT INTO apps (id, name, created_at, updated_at, org_id, team_id) VALUES ('app_dev', 'dev', 0, 0, 'org_dev', 'team_dev');
INSERT INTO keys (id, name, created_at, updated_at, org_id, team_id, app_id, environment)
  VALUES ('key_dev', 'dev', 0, 0, 'org_dev', 'team_dev', 'app_dev', 'dev');

-- What an audited action was done to, and whose it is.
ALTER TABLE audit ADD COLUMN subject TEXT;
ALTER TABLE audit ADD COLUMN org TEXT;
CREATE INDEX audit_by_subject ON audit (subject, id) WHERE subject IS NOT NULL;
CREATE INDEX audit_by_org ON audit (org, id) WHERE org IS NOT NULL;
