import { afterAll, beforeAll, expect, test } from "bun:test";
import { createLog } from "../../platform/log/log.ts";
import { startWorld, type World } from "../../../test/world.ts";
import { changesChannel } from "./store.ts";
import type { Link } from "./wire.ts";

/** Late notifications lose none, so silence alone forgets nothing; a lost session may lose some. */
const said: string[] = [];
let world: World;
beforeAll(async () => {
  world = await startWorld({}, createLog({ level: "info", write: (line) => said.push(line) }));
});
afterAll(() => world.stop());

async function hears(what: string): Promise<void> {
  while (!said.some((line) => line.includes(`"${what}"`))) await Bun.sleep(5);
  said.length = 0;
}

/** As another process would: nobody here is told but by the database. */
async function editElsewhere(link: Link, url: string): Promise<void> {
  await world.db.write(async (tx) => {
    await tx.run`UPDATE links.links SET url = ${url} WHERE id = ${link.id}`;
    await tx.all`SELECT pg_notify(${changesChannel}, ${`edit 0 ${link.code}`})`;
  });
}

test("what was said while the listening session was gone is not missed", async () => {
  const body = { url: "https://example.com/before" };
  const link: Link = (await world.call("POST", "/api/v1/links", { body })).body;
  const location = async () => (await world.visit(`/${link.code}`)).headers.get("location");
  await hears("link changes are heard");
  expect(await location()).toBe(body.url);
  const { client } = world.db;
  const [{ name }] = await client`SELECT current_database() AS name`;
  const admit = (any: boolean) =>
    world.server.unsafe(`ALTER DATABASE ${name} ALLOW_CONNECTIONS ${any}`);
  await admit(false);
  const ended = await client`
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = ${name} AND query ILIKE 'listen%'`;
  expect(ended.length).toBeGreaterThan(0);
  await hears("link changes are not heard");
  await editElsewhere(link, "https://example.com/after");
  await admit(true);
  await hears("link changes are heard");
  expect(await location()).toBe("https://example.com/after");
});
