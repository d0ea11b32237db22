import { afterAll, beforeAll, expect, test } from "bun:test";
import { startWorld, type World } from "../../../../test/world.ts";

let world: World;
beforeAll(async () => {
  world = await startWorld();
}, 30_000);
afterAll(() => world.stop(), 30_000);

test("smoke", async () => {
  const { ada, bob } = world;
  const r = await world.call("POST", "/api/v1/chat/conversations", {
    body: { kind: "direct", account_id: bob.id },
  });
  console.log(r.status, r.body);
  const g = await world.call("POST", "/api/v1/chat/conversations", {
    body: { kind: "group", title: "Hi", account_ids: [bob.id] },
  });
  console.log(g.status, g.body);
  const id = (g.body as { id: string }).id;
  console.log((await world.call("GET", `/api/v1/chat/conversations/${id}`)).body);
  console.log((await world.call("GET", `/api/v1/chat/conversations/${id}/members`)).body);
  console.log((await world.call("GET", `/api/v1/chat/people?q=bo`)).body);
});
