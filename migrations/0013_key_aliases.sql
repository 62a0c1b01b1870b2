-- Keys that another gateway made and that stand for one of ours, so that who holds them need not be told of a move.

CREATE TABLE key_aliases (
  digest TEXT PRIMARY KEY,       -- HMAC-SHA-256 of the SHA-256 of the foreign key, written in hex
  pepper TEXT NOT NULL,          -- which pepper it was made with
  key_id TEXT NOT NULL REFERENCES keys (id),
  until INTEGER,                 -- since a rotation of the key: how long it is good yet; NULL: as long as the key
  created_at INTEGER NOT NULL    -- milliseconds since the epoch
);

CREATE INDEX key_aliases_by_key ON key_aliases (key_id);
