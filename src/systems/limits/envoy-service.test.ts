import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { connect } from "node:http2";
import { freePort } from "../../../test/free-port.ts";
import { startWorld, type World } from "../../../test/world.ts";
import { descriptor, EnvoyClient, method, type AskedOfEnvoy } from "./envoy-client.fixture.ts";
import { grpcStatus } from "./grpc-call.ts";

let world: World;
let envoy: EnvoyClient;
let port: number;
beforeAll(async () => {
  port = freePort();
  world = await startWorld({ STOA_LIMIT_GRPC_PORT: String(port) });
  envoy = new EnvoyClient(port);
}, 60_000);
afterAll(async () => {
  envoy.close();
  await world.stop();
}, 60_000);

let domains = 0;
/** Five an hour for each user, in a domain of its own. */
async function domainWith(more: object = {}): Promise<string> {
  return (await ruleWith(more)).domain;
}

async function ruleWith(more: object): Promise<{ domain: string; id: string }> {
  const domain = `edge-${++domains}`;
  const plain = { algorithm: "fixed_window", limit: 5, window_ms: 3_600_000, service: true };
  const body = { name: `${domain}.per_user`, key: ["user"], ...plain, ...more };
  const made = await world.call("POST", "/api/v1/limits/rules", { as: world.admin, body });
  if (made.status !== 201) throw new Error(JSON.stringify(made.body));
  return { domain, id: (made.body as { id: string }).id };
}

function ask(asked: AskedOfEnvoy, key: string | undefined = world.admin.key) {
  return envoy.ask(asked, key);
}

function codeOf(refused: Promise<unknown>): Promise<number> {
  return refused.then(
    () => 0,
    (error: { code: number }) => error.code,
  );
}

describe("a proxy that asks", () => {
  test("is told what is left, and by which rule it is over", async () => {
    const domain = await domainWith({ limit: 2 });
    const asked = { domain, descriptors: [descriptor({ user: "7" })] };
    const first = await ask(asked);
    expect(first.overall_code).toBe("OK");
    const [status] = first.statuses;
    const name = `${domain}.per_user`;
    expect(status).toMatchObject({
      ...{ code: "OK", limit_remaining: 1 },
      current_limit: { requests_per_unit: 2, unit: "HOUR", name },
    });
    const seconds = status?.duration_until_reset?.seconds ?? -1;
    expect(seconds).toBeGreaterThanOrEqual(0);
    expect(seconds).toBeLessThanOrEqual(3_600);
    const headers = Object.fromEntries(
      first.response_headers_to_add.map(({ key, value }) => [key, value]),
    );
    expect(headers["x-ratelimit-remaining"]).toBe("1");
    expect(headers["ratelimit"]).toStartWith(`"${name}";r=1;t=`);
    expect((await ask(asked)).overall_code).toBe("OK");
    const over = await ask(asked);
    expect(over).toMatchObject({ overall_code: "OVER_LIMIT", statuses: [{ code: "OVER_LIMIT" }] });
    expect(over.response_headers_to_add.map(({ key }) => key)).toContain("retry-after");
    const other = await ask({ domain, descriptors: [descriptor({ user: "8" })] });
    expect(other.overall_code).toBe("OK");
  });

  test("passes where no rule is, which is counted", async () => {
    const domain = await domainWith();
    const before = unmatched();
    const answer = await ask({
      domain,
      descriptors: [descriptor({ plan: "x" }), descriptor({ user: "1" })],
    });
    expect(answer.overall_code).toBe("OK");
    expect(answer.statuses).toMatchObject([
      { code: "OK", current_limit: null },
      { code: "OK", limit_remaining: 4 },
    ]);
    const nowhere = await ask({ domain: "nowhere", descriptors: [descriptor({ user: "1" })] });
    expect(nowhere).toMatchObject({ overall_code: "OK", response_headers_to_add: [] });
    expect(unmatched() - before).toBe(2);
  });

  test("is not refused by a shadow rule, which counts", async () => {
    const domain = await domainWith({ limit: 1, mode: "shadow" });
    const asked = { domain, descriptors: [descriptor({ user: "7" })] };
    for (let i = 0; i < 3; i++) expect((await ask(asked)).overall_code).toBe("OK");
    expect(world.running.metrics.render()).toContain(
      `stoa_limits_decisions_total{rule="${domain}.per_user",outcome="refused"} 2`,
    );
  });

  test("gets exactly what there is, however many ask at once", async () => {
    const domain = await domainWith({ limit: 100 });
    const asked = { domain, descriptors: [descriptor({ user: "7" })] };
    const answers = await Promise.all(Array.from({ length: 400 }, () => ask(asked)));
    expect(answers.filter(({ overall_code }) => overall_code === "OK")).toHaveLength(100);
  }, 60_000);

  test("sees a change of the rule", async () => {
    const { domain, id } = await ruleWith({ limit: 1 });
    const asked = { domain, descriptors: [descriptor({ user: "7" })] };
    await ask(asked);
    expect((await ask(asked)).overall_code).toBe("OVER_LIMIT");
    const path = `/api/v1/limits/rules/${id}`;
    await world.call("PATCH", path, { as: world.admin, body: { limit: 2 } });
    expect((await ask(asked)).overall_code).toBe("OK");
  });
});

describe("a proxy's credentials", () => {
  const asked = { domain: "nowhere", descriptors: [descriptor({ user: "1" })] };

  test("are an administrator's", async () => {
    expect(await codeOf(envoy.ask(asked))).toBe(grpcStatus.unauthenticated);
    expect(await codeOf(ask(asked, "stoa_nobodys"))).toBe(grpcStatus.unauthenticated);
    expect(await codeOf(ask(asked, world.ada.key))).toBe(grpcStatus.permission_denied);
    expect(await codeOf(ask(asked))).toBe(0);
  });

  test("may be any bytes", async () => {
    const status = async (authorization: string) => {
      const session = connect(`http://127.0.0.1:${port}`);
      session.on("error", () => {});
      const stream = session.request({
        ...{ ":method": "POST", ":path": method.path, "content-type": "application/grpc" },
        ...{ authorization },
      });
      const said = new Promise((resolve) => {
        stream.on("response", (headers) => resolve(Number(headers["grpc-status"])));
        stream.on("error", () => resolve("closed"));
      });
      stream.end(Buffer.alloc(5));
      return await said.finally(() => session.destroy());
    };
    const odd = ["", "Bearer", "Bearer \u00ff\u0080", "Basic eA==", `Bearer ${"x".repeat(9_000)}`];
    for (const each of odd) expect(await status(each)).toBe(grpcStatus.unauthenticated);
    expect(await status(`Bearer ${"x".repeat(100_000)}`)).toBe("closed");
    expect((await ask(asked)).overall_code).toBe("OK");
  });

  test("have the scope to charge", async () => {
    const keyWith = async (scope: string) => {
      const { operations } = world.running;
      const made = await world.db.write((tx) =>
        operations.createKey(tx, world.admin.id, { name: "e", scopes: [scope], expires_at: null }),
      );
      return made.key;
    };
    expect(await codeOf(ask(asked, await keyWith("limits:read")))).toBe(
      grpcStatus.permission_denied,
    );
    expect(await codeOf(ask(asked, await keyWith("limits:create")))).toBe(0);
  });

  test("are not asked of trusted addresses", async () => {
    const free = freePort();
    const open = await startWorld({
      STOA_LIMIT_GRPC_PORT: String(free),
      STOA_LIMIT_GRPC_TRUSTED: "10.0.0.0/8,127.0.0.1",
    });
    const client = new EnvoyClient(free);
    expect((await client.ask(asked)).overall_code).toBe("OK");
    client.close();
    await open.stop();
  }, 60_000);

  test("may ask first whether the service is there, and needs no key for that", async () => {
    expect(await envoy.health("")).toBe(1);
    expect(await envoy.health("envoy.service.ratelimit.v3.RateLimitService")).toBe(1);
    expect(await codeOf(envoy.health("grpc.testing.Other"))).toBe(grpcStatus.not_found);
  });
});

function unmatched(): number {
  const line = /^stoa_limits_envoy_unmatched_total (\d+)$/m.exec(world.running.metrics.render());
  return Number(line?.[1] ?? 0);
}
