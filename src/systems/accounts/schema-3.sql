-- Removing an account, and asking whether people of outside issuers are still welcome.
CREATE INDEX identities_account ON accounts.identities (account_id);
