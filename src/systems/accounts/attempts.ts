import type { Writer } from "../../platform/db/db.ts";
import type { Limits } from "../limits/contract.ts";

/**
 * Limits guessing, per account and per address, by rules of the limits system. An attempt is
 * counted before the password is looked at and given back when it was right, so attempts in
 * parallel cannot slip past. Addresses that belong to no account are counted alike and so tell
 * nothing apart.
 */
export type Attempts = {
  /** Throws `request.rate_limited`. Without an e-mail only the address is counted. */
  count(attempt: Attempt): Promise<void>;
  /** It was no failure after all, once `tx` commits: forgets the account's, takes back the other. */
  succeeded(tx: Writer, attempt: Attempt): void;
  /** It never came to a decision, such as in overload. */
  takeBack(attempt: Attempt): Promise<void>;
};

export type Attempt = { email: string | null; address: string };

const rules = "accounts.sign_in";
const accountRule = "accounts.sign_in.per_account";
const addressRule = "accounts.sign_in.per_address";

export function createAttempts(limits: Limits): Attempts {
  return {
    async count(attempt) {
      const { refusal } = await limits.take(rules, about(attempt));
      if (refusal) throw refusal;
    },
    succeeded(tx, { email, address }) {
      tx.afterCommit(() => {
        // What is not given back drains by itself; the sign-in is good all the same.
        limits.refund(addressRule, { ip: address }).catch(() => {});
        if (email === null) return;
        limits.reset(accountRule, { account: accountKey(email) }).catch(() => {});
      });
    },
    takeBack: (attempt) => limits.refund(rules, about(attempt)),
  };
}

function about({ email, address }: Attempt) {
  return { ip: address, account: email === null ? undefined : accountKey(email) };
}

/** Hashed: what people type here is sometimes their password. */
function accountKey(email: string): string {
  return new Bun.CryptoHasher("sha256").update(email).digest("hex");
}
