/**
 * Which pages may open a socket. A browser says whose page asks, and sends it for sockets to other
 * sites as well, so whoever is not expected is turned away before the upgrade. Programs send none.
 *
 * Expected are the public URL, the origins of the setting, and a page that came from the very
 * address it connects to. The last only where that is an address or `localhost`: a name could be
 * made to point here by anybody.
 */
export function createOriginCheck(
  publicUrl: string,
  listed: readonly string[],
): (origin: string | null, host: string | null) => boolean {
  const expected = new Set([originOf(publicUrl), ...listed.map(originOf)]);
  return (origin, host) => {
    if (origin === null) return true;
    if (expected.has(origin.toLowerCase())) return true;
    const from = hostOf(origin);
    return from !== null && host !== null && from === host.toLowerCase() && isAddress(host);
  };
}

function originOf(url: string): string {
  return URL.canParse(url) ? new URL(url).origin : url.toLowerCase();
}

function hostOf(origin: string): string | null {
  return /^https?:\/\/([^/?#@]+)$/i.exec(origin)?.[1]?.toLowerCase() ?? null;
}

function isAddress(host: string): boolean {
  return /^(\d{1,3}(\.\d{1,3}){3}|\[[\da-f:.]+\]|localhost)(:\d+)?$/i.test(host);
}
