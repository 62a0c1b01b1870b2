-- Configuration: every published document, and the one that is served.

CREATE TABLE config_revisions (
  revision INTEGER PRIMARY KEY CHECK (revision > 0), -- 0 is the bundled document, which is not here
  document TEXT NOT NULL CHECK (json_valid(document)),
  replaces INTEGER NOT NULL,                         -- what was served before: where a rollback goes
  author TEXT NOT NULL,
  note TEXT,
  created_at INTEGER NOT NULL                        -- milliseconds since the epoch
);

CREATE TRIGGER config_revisions_immutable BEFORE UPDATE ON config_revisions
BEGIN
  SELECT RAISE(ABORT, 'a published revision is immutable');
END;

CREATE TABLE config_pointer (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  revision INTEGER NOT NULL,
  moved_at INTEGER NOT NULL
);

INSERT INTO config_pointer (id, revision, moved_at) VALUES (1, 0, 0);

-- Who changed what. Written in the transaction of the change, before it.
CREATE TABLE audit (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  at INTEGER NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  detail TEXT NOT NULL CHECK (json_valid(detail))
);

CREATE TRIGGER audit_immutable BEFORE UPDATE ON audit
BEGIN
  SELECT RAISE(ABORT, 'the audit is append-only');
END;

CREATE TRIGGER audit_undeletable BEFORE DELETE ON audit
BEGIN
  SELECT RAISE(ABORT, 'the audit is append-only');
END;
