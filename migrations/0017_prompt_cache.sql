-- What providers' prompt caches saved, and what writing to them cost on top, in nano-USD.
ALTER TABLE totals ADD COLUMN prompt_cache_saved INTEGER NOT NULL DEFAULT 0;
ALTER TABLE totals ADD COLUMN prompt_cache_surcharge INTEGER NOT NULL DEFAULT 0;
