import { createStoa } from "../../sdk/stoa.ts";

/**
 * The console's one client and its credentials. The access token lives in this module's memory
 * only; the refresh token is a cookie that scripts cannot read.
 */
export type Account = Awaited<ReturnType<typeof stoa.account.get>>;
type Token = { value: string; expiresAt: number };

/** Renewed this long before its end, so that a call does not meet it on the way. */
const renewAheadMs = 15_000;

/** Spares those who are signed out a call that must fail; the cookie itself cannot be seen. */
const markKey = "stoa.signed_in";

let token: Token | null = null;
let renewal: Promise<string | null> | null = null;
/** `left`: somebody signed out, rather than that the time was over. */
type End = { left: boolean };
const ended = new Set<(end: End) => void>();
const tabs = new BroadcastChannel("stoa.session");

export const stoa = createStoa({ getToken });

export function getToken({ refresh }: { refresh: boolean }): Promise<string | null> | string {
  const good = token && token.expiresAt - renewAheadMs > Date.now();
  return good && !refresh ? (token as Token).value : renew();
}

export type SignedIn = Awaited<ReturnType<typeof stoa.sessions.refresh>>;

export function hold(signedIn: { access_token: string; expires_in: number }): void {
  const expiresAt = Date.now() + signedIn.expires_in * 1000;
  token = { value: signedIn.access_token, expiresAt };
  localStorage.setItem(markKey, "yes");
}

/** Tabs take turns, because each use of the cookie replaces it. */
function renew(): Promise<string | null> {
  renewal ??= navigator.locks
    .request("stoa.refresh", () => stoa.sessions.refresh())
    .then((signedIn) => {
      hold(signedIn);
      return signedIn.access_token;
    })
    .catch((error: unknown) => {
      if ((error as { status?: number }).status === 401) endHere({ left: false });
      else throw error;
      return null;
    })
    .finally(() => (renewal = null));
  return renewal;
}

export function mayBeSignedIn(): boolean {
  return localStorage.getItem(markKey) !== null;
}

function endHere(end: End): void {
  token = null;
  localStorage.removeItem(markKey);
  for (const listener of ended) listener(end);
}

/** Called when the session is over, here or in another tab. */
export function onSessionEnd(listener: (end: End) => void): () => void {
  ended.add(listener);
  return () => ended.delete(listener);
}

export async function signOut(everywhere = false): Promise<void> {
  if (everywhere) await stoa.sessions.endAll();
  else await stoa.sessions.end();
  forget();
}

/** The session is over on the server already: ends it in every tab. */
export function forget(): void {
  tabs.postMessage("ended");
  endHere({ left: true });
}

tabs.addEventListener("message", () => endHere({ left: true }));
