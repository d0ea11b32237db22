import { useQueryClient } from "@tanstack/react-query";
import { createContext, useContext, useEffect, useMemo, useState, type ReactNode } from "react";
import { hold, mayBeSignedIn, onSessionEnd, stoa, type Account, type SignedIn } from "./stoa.ts";

/** Who is signed in on this device. */
type Session = {
  /** Undefined until the cookie has been tried. */
  account: Account | null | undefined;
  begin: (signedIn: SignedIn) => void;
  change: (account: Account) => void;
};

const SessionContext = createContext<Session | null>(null);

export function SessionProvider(props: { children: ReactNode }) {
  const [account, setAccount] = useState<Account | null | undefined>(
    mayBeSignedIn() ? undefined : null,
  );
  const queries = useQueryClient();

  useEffect(() => {
    if (!mayBeSignedIn()) return;
    let current = true;
    begin().then(
      (found) => current && setAccount(found),
      () => current && setAccount(null),
    );
    return () => {
      current = false;
    };
  }, []);

  useEffect(
    () =>
      onSessionEnd(() => {
        setAccount(null);
        // What one person saw must not flash up for the next.
        queries.clear();
      }),
    [queries],
  );

  const session = useMemo<Session>(
    () => ({
      account,
      begin: (signedIn) => {
        hold(signedIn);
        setAccount(signedIn.account);
      },
      change: setAccount,
    }),
    [account],
  );
  return <SessionContext value={session}>{props.children}</SessionContext>;
}

export function useSession(): Session {
  const session = useContext(SessionContext);
  if (!session) throw new Error("useSession outside its provider");
  return session;
}

/** For pages behind the sign-in. */
export function useAccount(): Account {
  const { account } = useSession();
  if (!account) throw new Error("useAccount while signed out");
  return account;
}

async function begin(): Promise<Account> {
  const signedIn = await stoa.sessions.refresh();
  hold(signedIn);
  return signedIn.account;
}
