-- The table `audit` becomes the index of the chains that the ledgers keep: what is there is written with the change, or
-- says how one ended that was not made. A change has one row: a second one breaks the constraint, and so undoes the batch.

ALTER TABLE audit ADD COLUMN change TEXT;                           -- the id of the change, as in the chain
ALTER TABLE audit ADD COLUMN seq INTEGER;                           -- the number of its intent in the chain
ALTER TABLE audit ADD COLUMN outcome TEXT NOT NULL DEFAULT 'done';  -- done, failed, unknown

CREATE UNIQUE INDEX audit_by_change ON audit (change);
