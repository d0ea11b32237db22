/** What one line of a block or allow file says, in any of the forms such files come in. */
/** The entries of a line, none for a comment, null for a line in no known form. */
export function entriesOf(line: string): string[] | null {
  const text = line.trim();
  if (text === "" || /^([#!;]|\[(?![\da-f:.]+\]$))/i.test(text)) return [];
  const urlhaus = /^"\d+","[^"]*","([^"]*)"/.exec(text);
  if (urlhaus !== null) return single(urlEntry(urlhaus[1] ?? ""));
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) return single(urlEntry(text.split(/\s/)[0] ?? ""));
  const [first = "", ...others] = (text.split(/\s#/)[0] ?? "").trim().split(/\s+/);
  if (others.length === 0) return single(hostEntry(first));
  if (!/^(\d{1,3}(\.\d{1,3}){3}|[\da-f]*:[\da-z:%]*)$/i.test(first)) return null;
  const hosts = others.map(hostEntry);
  return hosts.every((host) => host !== null) ? hosts : null;
}

function single(entry: string | null): string[] | null {
  return entry === null ? null : [entry];
}

function urlEntry(text: string): string | null {
  const url = URL.parse(text);
  return url === null || url.hostname === "" ? null : normalUrl(url);
}

function hostEntry(text: string): string | null {
  const bare = text
    .replace(/^(\|\||\*\.|\.)/, "")
    .replace(/[.^]$/, "")
    .toLowerCase();
  if (bare.length > 253 || /[/?#@\\:%|]/.test(bare.replace(/^\[[\da-f:]+\]$/, ""))) return null;
  const plain = /^[a-z0-9_-]+(\.[a-z0-9_-]+)*\.[a-z][a-z0-9-]*$/.test(bare);
  return plain ? bare : URL.parse(`http://${bare}/`)?.hostname || null;
}

/** The form in which URL entries are stored and looked up. */
export function normalUrl(url: URL): string {
  const plain = new URL(url);
  plain.hash = "";
  plain.hostname = plain.hostname.replace(/\.$/, "");
  return plain.href;
}
