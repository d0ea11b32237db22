import type { SQL } from "bun";
import { lcg } from "./load.ts";

/** Fills the tables by COPY with rows as the program would have written them. */
const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const rowsPerChunk = 5_000;

/** The code of seeded link `n`: 62^5 numbers, spelled with a fixed start. */
export function seededCode(n: number): string {
  let rest = Math.imul(n, 2_654_435_761) >>> 0;
  let code = "";
  for (let i = 0; i < 6; i++) {
    code += digits[rest % 62];
    rest = Math.floor(rest / 62);
  }
  return `z${code}`;
}

/** Links `from` to `to - 1` of one owner; their ids are their numbers plus one. */
export async function seedLinks(
  sql: SQL,
  options: { ownerId: string; from: number; to: number },
): Promise<void> {
  const random = lcg(7);
  const stream = sql
    .unsafe(
      "COPY links.links (id, owner_id, domain_id, code, url, url_host, expires_at) FROM STDIN",
    )
    .writable()
    .getWriter();
  for (let n = options.from; n < options.to; n += rowsPerChunk) {
    let chunk = "";
    const end = Math.min(n + rowsPerChunk, options.to);
    for (let i = n; i < end; i++) {
      const host = `site${Math.floor(random() * 5_000)}.example.com`;
      const url = `https://${host}/articles/${i}/a-page-with-an-ordinary-name`;
      const fields = [i + 1, options.ownerId, 0, seededCode(i), url, host, "2031-01-01"];
      chunk += `${fields.join("\t")}\n`;
    }
    await stream.write(chunk);
  }
  await stream.close();
}
