import { afterAll, beforeAll, expect, test } from "bun:test";
import { startWorld, type World } from "../../../test/world.ts";

let world: World;
beforeAll(async () => {
  world = await startWorld();
}, 60_000);
afterAll(() => world?.stop(), 60_000);

const path = "/api/v1/admin/health";

test("administrators see the state of the process, and nobody else does", async () => {
  const { status, body } = await world.call("GET", path, { as: world.admin });
  expect(status).toBe(200);
  expect(body).toMatchObject({ ready: true, version: expect.stringMatching(/^\d+\.\d+\.\d+$/) });
  const { database_ms, metrics } = body as { database_ms: number; metrics: string };
  expect(database_ms).toBeGreaterThan(0);
  expect(metrics.includes("process_resident_memory_bytes ")).toBe(true);
  expect((await world.call("GET", path, { as: null })).status).toBe(401);
  expect((await world.call("GET", path, { as: world.ada })).status).toBe(403);
});
