-- What each request cost, and by which price. NULL where no price was known.

ALTER TABLE requests ADD COLUMN cost INTEGER;        -- nano-USD
ALTER TABLE requests ADD COLUMN price_version TEXT;  -- 2026-09-23+359e32 of the catalogue, config:7 of a configuration
