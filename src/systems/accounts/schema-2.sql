-- The plan that an account is on, by which rules of limits tell callers apart.
ALTER TABLE accounts.accounts ADD COLUMN tier text NOT NULL DEFAULT 'free';

-- Failed attempts are counted by rules of limits.
DROP TABLE accounts.attempts;
