import { createOutsideIssuer, type OutsideIssuer } from "../../platform/auth/jwks.ts";
import { createPasswords, type Passwords } from "../../platform/auth/password.ts";
import type { Authenticate } from "../../platform/auth/principal.ts";
import { createAccessTokens } from "../../platform/auth/tokens.ts";
import type { Clock } from "../../platform/clock/clock.ts";
import type { Config } from "../../platform/config/config.ts";
import type { Db } from "../../platform/db/db.ts";
import { AppError } from "../../platform/errors/errors.ts";
import type { Events } from "../../platform/events/events.ts";
import type { Log } from "../../platform/log/log.ts";
import type { Outbound } from "../../platform/outbound/outbound.ts";
import type { System } from "../../platform/system.ts";
import { createApiKeys, createKeyUse } from "./api-keys.ts";
import { createAttempts } from "./attempts.ts";
import { createAudit } from "./audit.ts";
import { createAuthenticate } from "./authenticate.ts";
import { createChanges } from "./changes.ts";
import type { Accounts } from "./contract.ts";
import { createRefreshCookie } from "./cookie.ts";
import { createCredentials } from "./credentials.ts";
import { createDeletion } from "./deletion.ts";
import { createDirectory } from "./directory.ts";
import { deletionRoutes } from "./deletion-http.ts";
import type { Limits } from "../limits/contract.ts";
import { accountRoutes } from "./http.ts";
import { keyRoutes } from "./keys-http.ts";
import { accountsMigrations } from "./migrations.ts";
import { createOperations, type Operations } from "./operations.ts";
import { createProvision } from "./outside-people.ts";
import { createRefresh } from "./refresh.ts";
import { createRegister, normaliseEmail } from "./register.ts";
import { sessionRoutes } from "./sessions-http.ts";
import { createSessions } from "./sessions.ts";
import { createSignIn, createVerifyPassword } from "./sign-in.ts";
import { createSignOut } from "./sign-out.ts";
import { createSigningKeys, type SigningKeys } from "./signing-keys.ts";
import * as store from "./store.ts";
import { createWatchers } from "./watchers.ts";

export type { Operations };

/** Accounts and access: who people and programs are, and what they may do. */
export type AccountsSystem = System & {
  authenticate: Authenticate;
  /** For other systems. */
  contract: Accounts;
  /** For the command line, the first start and seeds; nothing here needs `start`. */
  operations: Operations;
};

export type AccountsOptions = {
  db: Db;
  config: Config;
  clock: Clock;
  log: Log;
  nextId: () => string;
  events: Events;
  limits: Limits;
  outbound: Pick<Outbound, "fetch">;
  /** Given by tests that count or cheapen hashing. */
  passwords?: Passwords;
};

const pruneBatch = 10_000;
const dayMs = 86_400_000;

export function accountsSystem(options: AccountsOptions): AccountsSystem {
  const { db, config, clock } = options;
  const passwords =
    options.passwords ?? createPasswords({ hashesAtOnce: config.passwordHashesAtOnce });
  const changes = createChanges(options);
  const signingKeys = createSigningKeys({ db, clock, changes });
  const tokens = createAccessTokens({ keys: signingKeys, clock });
  const audit = createAudit(options);
  const attempts = createAttempts(options.limits);
  const { tiers } = config;
  const base = { ...options, passwords, changes, tokens, audit, attempts, tiers };
  const register = createRegister({ ...base, firstTier: tiers[0] ?? "free" });
  const directory = createDirectory(base);
  const deleteAccount = createDeletion(base);
  const keys = createApiKeys({ ...base, keysPerAccountMax: config.apiKeysPerAccountMax });
  const sessions = createSessions({ ...base, ...config });
  const verifyPassword = createVerifyPassword(base);
  const credentials = createCredentials({ changes, clock });
  const watchers = createWatchers({ ...options, changes });
  const keyUse = createKeyUse(options);

  return {
    name: "accounts",
    migrations: accountsMigrations,
    routes: [
      ...accountRoutes({ ...base, ...config, register, directory, verifyPassword }),
      ...deletionRoutes({ deleteAccount, attempts, verifyPassword }),
      ...sessionRoutes({
        signIn: createSignIn({ ...base, sessions, verifyPassword }),
        refresh: createRefresh({ ...base, sessions }),
        signOut: createSignOut({ ...base, sessions }),
        cookie: createRefreshCookie(config.publicUrl),
        now: clock.now,
      }),
      ...keyRoutes(keys),
    ],
    jobs: [{ kind: "accounts.prune", run: (_, signal) => prune(options, signingKeys, signal) }],
    schedules: [{ kind: "accounts.prune", cron: "17 * * * *" }],
    async start() {
      await changes.start();
      await signingKeys.rotate();
      keyUse.start();
    },
    async stop() {
      await keyUse.stop();
      watchers.stop();
      await changes.stop();
    },
    authenticate: createAuthenticate({
      ...base,
      outside: outsideIssuerOf(options),
      credentials,
      provision: createProvision({ ...base, register }),
      keyUse,
    }),
    contract: {
      audit,
      findAccount: store.findAccount,
      findAccounts: store.findAccounts,
      findByEmail: (reader, email) => store.findByEmail(reader, normaliseEmail(email)),
      listAccounts: store.listAccounts,
      watch: watchers.add,
      unwatch: watchers.delete,
    },
    operations: createOperations({ ...base, register, directory, deleteAccount, keys }),
  };
}

/** Removes what has expired, and replaces the signing key when it is due. */
async function prune(
  { db, clock, config }: AccountsOptions,
  signingKeys: SigningKeys,
  signal: AbortSignal,
): Promise<void> {
  await signingKeys.rotate();
  let removed = pruneBatch;
  while (removed >= pruneBatch && !signal.aborted) {
    const now = clock.now();
    const auditBefore = now - config.auditRetentionDays * dayMs;
    removed = await db.write((tx) =>
      store.deleteExpired(tx, { now, auditBefore, limit: pruneBatch }),
    );
  }
}

function outsideIssuerOf(options: AccountsOptions): OutsideIssuer | null {
  const { jwksUrl: url, jwksIssuer: issuer, jwksAudience: audience } = options.config;
  if (url === "") return null;
  if (issuer === "" || audience === "") {
    throw new Error("STOA_JWKS_URL needs STOA_JWKS_ISSUER and STOA_JWKS_AUDIENCE beside it.");
  }
  const { outbound, clock, log } = options;
  return createOutsideIssuer({
    url,
    issuer,
    audience,
    clock,
    log,
    fetchJson,
  });

  async function fetchJson(from: string): Promise<unknown> {
    const response = await outbound.fetch({ url: from, method: "GET" });
    if (response.status !== 200) {
      throw new AppError("outbound.failed", `The issuer's keys answered ${response.status}.`);
    }
    return JSON.parse(new TextDecoder().decode(response.body));
  }
}
