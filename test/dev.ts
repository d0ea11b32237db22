import { AppError } from "../src/platform/errors/errors.ts";
import { loadConfig } from "../src/platform/config/config.ts";
import type { Db } from "../src/platform/db/db.ts";
import { createLog } from "../src/platform/log/log.ts";
import { openDatabase } from "../src/platform/platform.ts";
import { startStoa, type Running } from "../src/stoa.ts";
import { password } from "./world.ts";

/**
 * Stoa for working on Stoa, run by `bin/dev`: its data lasts over restarts, and the people that
 * every test knows are there with the same password. Ada has a few links to look at.
 */
const people = [
  { email: "root@stoa.test", role: "admin" },
  { email: "ada@stoa.test", role: "member" },
  { email: "bob@stoa.test", role: "member" },
] as const;

const links = [
  { url: "https://example.com/", alias: "hello", title: "Hello", tags: ["demo"] },
  { url: "https://example.com/sale?utm_source=mail", alias: "spring-sale", tags: ["mail"] },
  { url: "https://example.org/app", title: "Without an alias", tags: ["demo"] },
  { url: "https://example.net/ten", alias: "only-ten", max_clicks: 10 },
];

const config = loadConfig(process.env);
const log = createLog({ level: config.logLevel });
const database = await openDatabase(config, log);
const running = await startStoa(config, log, database);
await seed(database.db, running);
process.stdout.write(`\n  ${running.publicUrl}  ${people.map((p) => p.email).join("  ")}\n`);
process.stdout.write(`  password: ${password}\n\n`);

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => void running.stop().then(() => process.exit(0)));
}

async function seed(db: Db, { operations, port }: Running): Promise<void> {
  for (const { email, role } of people) {
    try {
      const account = await db.write((tx) =>
        operations.createAccount(tx, { email, password, role }),
      );
      if (email !== "ada@stoa.test") continue;
      const { key } = await db.write((tx) =>
        operations.createKey(tx, account.id, { name: "seed", scopes: ["*"], expires_at: null }),
      );
      for (const link of links) await create(port, key, link);
    } catch (error) {
      // An earlier run made them.
      if (!(error instanceof AppError && error.code === "accounts.email_taken")) throw error;
    }
  }
}

async function create(port: number, key: string, link: object): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${port}/api/v1/links`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: JSON.stringify(link),
  });
  if (response.status !== 201) throw new Error(`seeding: ${await response.text()}`);
}
