import type { Limits } from "../limits/contract.ts";

/** Slows down whoever guesses the password of a link: a few tries a minute and address. */
export type PasswordTries = {
  /** Throws when this one is too many; else counts it. */
  admit(linkId: string, address: string): Promise<void>;
  /** It was right, so the tries before it are forgotten. */
  succeeded(linkId: string, address: string): Promise<void>;
};

const rule = "links.password_tries";

export function createPasswordTries(limits: Limits): PasswordTries {
  return {
    async admit(link, ip) {
      const { refusal } = await limits.take(rule, { link, ip });
      if (refusal) throw refusal;
    },
    // What is not forgotten passes by itself; the visitor may go on all the same.
    succeeded: (link, ip) => limits.reset(rule, { link, ip }).catch(() => {}),
  };
}
