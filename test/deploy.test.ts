import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { settings } from "../src/platform/config/config.ts";
import { freePort } from "./free-port.ts";
import { startRedis } from "./redis.ts";
import { readProject, root } from "./tidy/source.ts";
import { startWorld } from "./world.ts";

/** What lies in deploy/ speaks of the program as it is. */
const sources = await readProject();
const deployed = sources.filter((s) => s.path.startsWith("deploy/"));
const read = (path: string) => Bun.file(join(root, path)).text();

/** Prometheus' own check of rules. A machine without it fails the test, as one without Redis. */
function promtool(...command: string[]): { exitCode: number; out: string } {
  const binary = Bun.which("promtool");
  if (!binary) throw new Error("promtool is not here: run bin/setup.");
  const cwd = join(root, "deploy/prometheus");
  const { exitCode, stdout, stderr } = Bun.spawnSync([binary, ...command], { cwd });
  return { exitCode, out: `${stdout}${stderr}` };
}

describe("deploy/", () => {
  test("asks for metrics that are there", async () => {
    // With shared state and a service for proxies, which have metrics of their own.
    const redis = await startRedis();
    const world = await startWorld({
      REDIS_URL: redis.url,
      STOA_LIMIT_GRPC_PORT: String(freePort()),
    });
    try {
      await world.call("GET", "/api/v1/links");
      const exported = [...world.running.metrics.render().matchAll(/^# TYPE (\S+)/gm)];
      const names = new Set(exported.map((match) => match[1]));
      const asked = deployed.flatMap((s) => s.text.match(/\b(stoa|process)_[a-z_]+\b/g) ?? []);
      const families = asked.map((name) => name.replace(/_(bucket|count|sum)$/, ""));
      expect(families).toContain("stoa_links_redirect_seconds");
      expect(families).toContain("stoa_limits_away_total");
      expect([...new Set(families)].filter((name) => !names.has(name))).toEqual([]);
    } finally {
      await world.stop();
      await redis.stop();
    }
  });

  test("has alerts that fire when they should and rest when they should", () => {
    const checked = promtool("check", "rules", "stoa.rules.yml");
    expect(checked).toMatchObject({ exitCode: 0, out: expect.stringContaining("SUCCESS") });
    expect(promtool("test", "rules", "stoa.rules.test.yml")).toMatchObject({ exitCode: 0 });
  }, 120_000);

  test("tries every alert", async () => {
    const rules = await read("deploy/prometheus/stoa.rules.yml");
    const tried = await read("deploy/prometheus/stoa.rules.test.yml");
    const alerts = [...rules.matchAll(/- alert: (\w+)/g)].map((match) => match[1]!);
    expect(alerts.length).toBeGreaterThan(10);
    expect(alerts.filter((name) => !new RegExp(`\\b${name}\\b`).test(tried))).toEqual([]);
  });

  test("names settings that are there", () => {
    const known = new Set(Object.values(settings).map((setting) => setting.env));
    // Of the compose files alone: where certificates are, and the role's password.
    const own = ["STOA_TLS_DIR", "STOA_PASSWORD"];
    const named = deployed.flatMap((s) => s.text.match(/\bSTOA_[A-Z_]+\b/g) ?? []);
    expect(named).toContain("STOA_TRUSTED_PROXIES");
    expect(named.filter((name) => !known.has(name) && !own.includes(name))).toEqual([]);
  });

  test("passes on while it arrives only a body whose route bounds its time itself", async () => {
    const blocks = (await read("deploy/nginx/stoa.conf")).split(/^\s*location /m).slice(1);
    const unbuffered = blocks.filter((block) => /^\s*proxy_request_buffering off;/m.test(block));
    expect(unbuffered.map((block) => block.split(" {")[0])).toEqual([
      "= /api/v1/links/import",
      "/api/v1/chat/uploads/",
    ]);
  });

  test("stops later than Stoa drains", async () => {
    const graceSeconds = settings.drainGraceMs.fallback / 1000;
    const compose = /stop_grace_period: (\d+)s/.exec(await read("deploy/compose.yaml"));
    const unit = /TimeoutStopSec=(\d+)/.exec(await read("deploy/systemd/stoa.service"));
    expect(Number(compose?.[1])).toBeGreaterThan(graceSeconds);
    expect(Number(unit?.[1])).toBeGreaterThan(graceSeconds);
  });

  test("has a board that can be imported", async () => {
    const board = JSON.parse(await read("deploy/grafana/stoa.json")) as {
      title: string;
      panels: { id: number; type: string; targets?: { expr: string }[] }[];
    };
    const ids = board.panels.map((panel) => panel.id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const panel of board.panels.filter((p) => p.type !== "row")) {
      expect(panel.targets?.length).toBeGreaterThan(0);
    }
  });
});
