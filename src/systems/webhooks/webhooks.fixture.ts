import { expect } from "bun:test";
import { z } from "zod";
import { recordAnswers } from "../../../test/answers.ts";
import { testDatabase } from "../../../test/database.ts";
import type { Principal } from "../../platform/auth/principal.ts";
import { fakeClock, systemClock } from "../../platform/clock/clock.ts";
import { createEvents, eventsMigration } from "../../platform/events/outbox.ts";
import { idempotencyMigration } from "../../platform/http/idempotency.ts";
import { createApi } from "../../platform/http/server.ts";
import { idsMigration, openIds } from "../../platform/ids/ids.ts";
import { deadLetterRoutes } from "../../platform/jobs/http.ts";
import { createJobs, jobsMigration } from "../../platform/jobs/queue.ts";
import { silentLog } from "../../platform/log/log.ts";
import { Metrics } from "../../platform/metrics/metrics.ts";
import { createOutbound } from "../../platform/outbound/outbound.ts";
import type { AuditEntry } from "../accounts/contract.ts";
import { webhooksMigrations } from "./migrations.ts";
import { createWebhooks } from "./system.ts";

/**
 * Webhooks behind the real HTTP block, on real queues, events and outbound requests to receivers
 * on loopback. Time is the test's own; the names in the Authorization header are the callers.
 */
export type Stage = Awaited<ReturnType<typeof openStage>>;

const migrations = [
  ...[idsMigration, idempotencyMigration, jobsMigration, eventsMigration],
  ...webhooksMigrations,
];

export const linkCreated = {
  type: "links.created",
  summary: "",
  schema: z.object({ code: z.string() }),
};

const people: Record<string, Pick<Principal, "account_id" | "role" | "scopes">> = {
  ada: { account_id: "11", role: "member", scopes: ["*"] },
  bob: { account_id: "12", role: "member", scopes: ["*"] },
  eve: { account_id: "13", role: "member", scopes: ["*"] },
  reader: { account_id: "11", role: "member", scopes: ["webhooks:read"] },
  admin: { account_id: "1", role: "admin", scopes: ["*"] },
  narrow_admin: { account_id: "1", role: "admin", scopes: ["links:*"] },
};

async function authenticate(request: Request): Promise<Principal | null> {
  const name = request.headers.get("authorization") ?? "";
  const person = people[name];
  return person ? { ...person, kind: "key", tier: "free", credential_id: name } : null;
}

type StageOptions = { allowPrivate?: boolean; webhooksPerOwnerMax?: number };

export async function openStage(options: StageOptions = {}) {
  const database = await testDatabase(migrations);
  const { db } = database;
  const clock = fakeClock(Date.now());
  const log = silentLog;
  const metrics = new Metrics();
  const audited: AuditEntry[] = [];
  const ids = await openIds({ db, clock: systemClock, log });
  const jobs = createJobs({ db, clock, log, ids, random: () => 0 });
  const events = createEvents({ db, clock, log, ids, jobs });
  const { allowPrivate = true, webhooksPerOwnerMax = 50 } = options;
  const outbound = createOutbound({ log, clock: systemClock, allowPrivate });
  const webhooks = createWebhooks({
    ...{ db, clock, ids, jobs, events, outbound, metrics },
    config: { webhooksPerOwnerMax, outboundAllowPrivate: allowPrivate },
    accounts: { audit: async (_, entry) => void audited.push(entry) },
    random: () => 0,
  });
  jobs.register(webhooks.jobs ?? [], webhooks.schedules ?? []);
  events.register(webhooks.subscriptions ?? []);
  const routes = [...webhooks.routes, ...deadLetterRoutes(jobs, events)];
  const limits = { requestTimeoutMs: 30_000, requestsInFlightMax: 100 };
  const api = createApi({
    ...{ db, clock: systemClock, log, metrics, routes, authenticate, ...limits },
    requestBodyBytesMax: 1_048_576,
  });

  const call = async (as: string, method: string, path: string, given: Given = {}) => {
    const headers = new Headers({ authorization: as, ...given.headers });
    let body: string | null = null;
    if (given.body !== undefined) {
      headers.set("content-type", "application/json");
      body = JSON.stringify(given.body);
    }
    const request = new Request(`http://stoa.test${path}`, { method, headers, body });
    const response = await api.fetch(request, "203.0.113.9");
    const text = await response.text();
    // Tests look at it as what they expect it to be.
    const parsed: never = (text === "" ? null : JSON.parse(text)) as never;
    return { status: response.status, body: parsed, text };
  };
  return {
    ...{ db, clock, ids, jobs, events, audited, call },
    settle: () => jobs.settle(),
    /** A webhook of Ada's; returns its id and secret. */
    async subscribe(url: string, more: Record<string, unknown> = {}, as = "ada") {
      const body = { url, event_types: ["*"], ...more };
      const made = await call(as, "POST", "/api/v1/webhooks", { body });
      expect(made.status).toBe(201);
      return made.body as { id: string; secret: string };
    },
    publish: (code: string, owner = "11") =>
      db.write((tx) => events.publish(tx, linkCreated, { owner_id: owner, data: { code } })),
    async deliveries(id: string) {
      const page = await call("ada", "GET", `/api/v1/webhooks/${id}/deliveries?limit=100`);
      return (page.body as { items: Delivery[] }).items;
    },
    async close() {
      recordAnswers(routes, metrics);
      await ids.close();
      await database.drop();
    },
  };
}

type Given = { body?: unknown; headers?: Record<string, string> };

export type Delivery = {
  id: string;
  event_id: string;
  event_type: string;
  status: string;
  attempts: number;
  next_attempt_at: string | null;
  response_status: number | null;
  response_body: string | null;
  error: string | null;
};

export type Received = { headers: Headers; body: string; at: number };

/** A receiver on loopback that answers as told. */
export function openReceiver(answer: (n: number) => Response | Promise<Response>) {
  const received: Received[] = [];
  const state = { atOnce: 0, atOnceMost: 0 };
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      state.atOnceMost = Math.max(state.atOnceMost, ++state.atOnce);
      received.push({ headers: request.headers, body: await request.text(), at: Date.now() });
      const response = await answer(received.length);
      state.atOnce--;
      return response;
    },
  });
  return {
    ...{ received, state, url: `http://127.0.0.1:${server.port}/hook` },
    close: () => server.stop(true),
  };
}
