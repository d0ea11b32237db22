import type { Principal } from "../platform/auth/principal.ts";
import { createPasswords } from "../platform/auth/password.ts";
import { publicUrlOf } from "../platform/config/config.ts";
import type { Api } from "../platform/http/server.ts";
import type { Platform } from "../platform/platform.ts";
import type { Account } from "../systems/accounts/contract.ts";
import type { Operations } from "../systems/accounts/system.ts";
import { openAccounts } from "./accounts.ts";
import { type Call, CommandError } from "./call.ts";
import { withPlatform } from "./workplace.ts";

/**
 * The API of links without a socket: the routes that the server serves, called in this process
 * for an account that the machine's owner names. So a command checks, writes, audits and tells
 * running servers exactly what a request would.
 */
export type LinksApi = {
  platform: Platform;
  /** Answers as HTTP would; a problem is thrown. */
  request(method: string, path: string, options?: RequestOptions): Promise<Response>;
  json<T>(method: string, path: string, body?: unknown): Promise<T>;
};

export type RequestOptions = { body?: BodyInit; headers?: Record<string, string> };

/** What the audit log names beside the account. */
const credential = "command line";
const origin = "http://localhost";
const pageRows = 1_000;

/** Reading needs no block lists, which may take long to load. */
export async function withLinks<T>(
  call: Call,
  purpose: "read" | "write",
  work: (api: LinksApi) => Promise<T>,
): Promise<T> {
  return await withPlatform(call, async (platform) => {
    const { operations, contract, limits } = await openAccounts(platform);
    const account = await accountFor(call, platform, operations);
    const { linksSystem } = await import("../systems/links/system.ts");
    const { createApi } = await import("../platform/http/server.ts");
    const lists = purpose === "read" ? { linkBlocklistFiles: [], linkAllowlistFiles: [] } : {};
    const config = { ...platform.config, ...lists, clickGeoEnabled: false };
    const links = await linksSystem({
      ...platform,
      config,
      ...{ accounts: contract, limits, visitGuard: () => null },
      passwords: createPasswords({ hashesAtOnce: config.passwordHashesAtOnce }),
      publicUrl: publicUrlOf(config),
    });
    const api = createApi({
      ...config,
      ...platform,
      routes: links.routes,
      authenticate: async () => principalOf(account),
    });
    return await work(callerOf(call, platform, api));
  });
}

function callerOf(call: Call, platform: Platform, api: Api): LinksApi {
  async function request(method: string, path: string, { body, headers }: RequestOptions = {}) {
    const asked = new Request(origin + path, {
      method,
      signal: call.signal,
      ...(body === undefined ? {} : { body }),
      ...(headers ? { headers } : {}),
    });
    const reply = await api.fetch(asked, "");
    if (reply.ok) return reply;
    throw problemOf(await reply.json());
  }
  return {
    platform,
    request,
    async json<T>(method: string, path: string, body?: unknown) {
      const headers = { "content-type": "application/json" };
      const sent = body === undefined ? {} : { headers, body: JSON.stringify(body) };
      const reply = await request(method, path, sent);
      return (reply.status === 204 ? undefined : await reply.json()) as T;
    },
  };
}

type Problem = { detail: string; errors?: { field: string; message: string }[] };

export function problemOf({ detail, errors = [] }: Problem): CommandError {
  const others = errors.slice(1).map(({ field, message }) => `\n  ${field}: ${message}`);
  return new CommandError(detail + others.join(""));
}

function principalOf({ id, role, tier }: Account): Principal {
  const kind = "session";
  return { kind, account_id: id, role, tier, scopes: ["*"], credential_id: credential };
}

async function accountFor(call: Call, { db }: Platform, operations: Operations): Promise<Account> {
  const email = call.text("as");
  if (email !== undefined) return await operations.findByEmail(db, email);
  let first: Account | undefined;
  for (let before: string | null = null; ;) {
    const page: Account[] = await operations.listAccounts(db, { before, limit: pageRows });
    first = page.findLast(({ role, disabled_at }) => role === "admin" && !disabled_at) ?? first;
    if (page.length < pageRows) break;
    before = page.at(-1)?.id ?? null;
  }
  if (first) return first;
  throw new CommandError(
    "there is no administrator to act for; make one: stoa user create EMAIL --role admin",
  );
}
