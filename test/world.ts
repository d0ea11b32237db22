import type { SQL } from "bun";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadConfig } from "../src/platform/config/config.ts";
import type { Db } from "../src/platform/db/db.ts";
import { createLog, type Log, silentLog } from "../src/platform/log/log.ts";
import type { Outbound } from "../src/platform/outbound/outbound.ts";
import { platformMigrations } from "../src/platform/platform.ts";
import { migrations } from "../src/migrations.ts";
import { startStoa, type Running } from "../src/stoa.ts";
import { recordAnswers } from "./answers.ts";
import { shareConsole } from "./data-folder.ts";
import { testDatabase } from "./database.ts";

/**
 * The whole program on a database of its own, and the people every test knows: an admin, Ada and
 * Bob, who are members and strangers to each other. Ada's keys show what a key with less than
 * everything may do.
 */
export type Person = { id: string; email: string; key: string };

export type Reply = {
  status: number;
  headers: Headers;
  /** Parsed JSON, or the text. */
  body: never;
};

export type World = {
  url: string;
  db: Db;
  /** A client outside the world's database, with the rights to break it. */
  server: SQL;
  running: Running;
  admin: Person;
  ada: Person;
  bob: Person;
  /** Ada's key that only reads, and the one that only creates. */
  readOnlyKey: string;
  createOnlyKey: string;
  call(method: string, path: string, options?: CallOptions): Promise<Reply>;
  /** Follows nothing: the redirect itself is the answer. */
  visit(path: string, headers?: Record<string, string>): Promise<Response>;
  settle(): Promise<void>;
  stop(): Promise<void>;
};

export type CallOptions = {
  as?: Person | string | null;
  body?: unknown;
  headers?: Record<string, string>;
};

export const publicUrl = "http://stoa.test";
export const password = "correct horse battery staple";

/** What the program logs goes to `log`; to the terminal with TEST_LOG, else nowhere. */
export async function startWorld(
  env: Record<string, string> = {},
  log: Log = process.env["TEST_LOG"] ? createLog({ level: "debug" }) : silentLog,
  outbound?: Outbound,
): Promise<World> {
  const dataDir = mkdtempSync(join(tmpdir(), "stoa-world-"));
  shareConsole(dataDir, env["STOA_SIGN_UP_OPEN"]);
  const test = await testDatabase([...platformMigrations, ...migrations]);
  const config = loadConfig({
    PORT: "0",
    HOST: "127.0.0.1",
    STOA_PUBLIC_URL: publicUrl,
    STOA_DATA_DIR: dataDir,
    STOA_OUTBOUND_ALLOW_PRIVATE: "true",
    ...env,
  });
  const database = { db: test.db, connection: test.connection, embedded: null, close: test.drop };
  const running = await startStoa(config, log, database, outbound);
  const url = `http://127.0.0.1:${running.port}`;

  async function keyFor(id: string, name: string, scopes: string[]): Promise<string> {
    const made = await test.db.write((tx) =>
      running.operations.createKey(tx, id, { name, scopes, expires_at: null }),
    );
    return made.key;
  }

  async function person(email: string, role: "admin" | "member"): Promise<Person> {
    const account = await test.db.write((tx) =>
      running.operations.createAccount(tx, { email, password, role }),
    );
    return { id: account.id, email, key: await keyFor(account.id, "all", ["*"]) };
  }

  const [admin, ada, bob] = await Promise.all([
    person("root@stoa.test", "admin"),
    person("ada@stoa.test", "member"),
    person("bob@stoa.test", "member"),
  ]);

  return {
    ...{ url, db: test.db, server: test.admin, running, admin, ada, bob },
    readOnlyKey: await keyFor(ada.id, "read-only", ["*:read"]),
    createOnlyKey: await keyFor(ada.id, "create-only", ["*:create"]),
    async call(method, path, { as = ada, body, headers = {} } = {}) {
      const key = typeof as === "string" ? as : as?.key;
      const response = await fetch(url + path, {
        method,
        redirect: "manual",
        headers: {
          ...(key ? { authorization: `Bearer ${key}` } : {}),
          ...(body === undefined ? {} : { "content-type": "application/json" }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      return { status: response.status, headers: response.headers, body: await parsed(response) };
    },
    visit: (path, headers = {}) => fetch(url + path, { redirect: "manual", headers }),
    settle: running.settle,
    async stop() {
      recordAnswers(running.routes, running.metrics);
      await running.stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

async function parsed(response: Response): Promise<never> {
  const text = await response.text();
  const json = response.headers.get("content-type")?.includes("json") ?? false;
  return (json && text !== "" ? JSON.parse(text) : text) as never;
}
