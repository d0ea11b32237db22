import { afterAll, beforeAll, expect, test } from "bun:test";
import { startWorld, type Person, type World } from "../../../test/world.ts";

/** What a domain may not do to others, and to its own links. Proofs need a name server. */
let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.stop());

const host = "go.example.org";

async function claim(as: Person): Promise<string> {
  const reply = await world.call("POST", "/api/v1/domains", { as, body: { host } });
  expect(reply.status).toBe(201);
  return (reply.body as { id: string }).id;
}

test("one claim can be proved; another one learns that, and links keep their domain", async () => {
  const [mine, theirs] = [await claim(world.ada), await claim(world.bob)];
  await world.db.write(async (tx) => {
    await tx.run`UPDATE links.domains SET verified_at = now() WHERE id = ${mine}`;
    await tx.all`SELECT pg_notify('links_domains_changed', '')`;
  });
  const again = await world.call("POST", `/api/v1/domains/${mine}/verify`);
  expect(again.status).toBe(200);
  const body = { url: "https://example.com/", domain: host };
  let made = await world.call("POST", "/api/v1/links", { body });
  while (made.status !== 201) {
    await Bun.sleep(10);
    made = await world.call("POST", "/api/v1/links", { body });
  }
  const late = await world.call("POST", `/api/v1/domains/${theirs}/verify`, { as: world.bob });
  expect([late.status, (late.body as { code: string }).code]).toEqual([409, "links.domain_taken"]);
  const kept = await world.call("DELETE", `/api/v1/domains/${mine}`);
  expect([kept.status, (kept.body as { code: string }).code]).toEqual([409, "links.domain_in_use"]);
  const gone = await world.call("DELETE", `/api/v1/domains/${theirs}`, { as: world.bob });
  expect(gone.status).toBe(204);
});
