import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type Person, publicUrl, startWorld, type World } from "../../../test/world.ts";
import type { Link } from "./wire.ts";

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(async () => {
  await world.stop();
});

describe("the QR code", () => {
  test("is a picture of the short URL that caches keep and check", async () => {
    const link: Link = (
      await world.call("POST", "/api/v1/links", { body: { url: "https://example.com/qr" } })
    ).body;
    const path = `/api/v1/links/${link.id}/qr`;
    const get = (query: string, headers = {}) => world.call("GET", path + query, { headers });
    const svg = await get("?size=300&dark=112233&light=%23ffeedd&level=H&margin=2");
    expect(svg.headers.get("content-type")).toBe("image/svg+xml");
    expect(svg.headers.get("cache-control")).toContain("immutable");
    expect(svg.body as string).toContain('width="300"');
    expect(svg.body as string).toContain("#112233");
    const etag = svg.headers.get("etag") as string;
    const query = "?size=300&dark=112233&light=ffeedd&level=H&margin=2";
    const kept = await get(query, { "if-none-match": `"x", W/${etag}` });
    expect([kept.status, kept.body as string]).toEqual([304, ""]);
    expect((await get("?size=301", { "if-none-match": etag })).status).toBe(200);
    const png = await fetch(`${world.url}${path}?format=png`, {
      headers: { authorization: `Bearer ${world.ada.key}` },
    });
    expect(png.headers.get("content-type")).toBe("image/png");
    expect(Buffer.from(await png.arrayBuffer()).toString("latin1", 1, 4)).toBe("PNG");
    expect(svg.body as string).not.toContain(publicUrl);
  });

  test("is the owner's alone and takes only what can be drawn", async () => {
    const link: Link = (
      await world.call("POST", "/api/v1/links", { body: { url: "https://example.com/qr2" } })
    ).body;
    const status = async (query: string, as: Person | string | null = world.ada, id = link.id) =>
      (await world.call("GET", `/api/v1/links/${id}/qr${query}`, { as })).status;
    expect(await status("", world.bob)).toBe(404);
    expect(await status("", world.ada, "123456789")).toBe(404);
    expect(await status("", null)).toBe(401);
    expect(await status("", world.createOnlyKey)).toBe(403);
    for (const query of ["?size=1", "?size=99999", "?dark=red", "?level=X", "?format=gif"]) {
      expect(await status(query)).toBe(400);
    }
    expect(await status("?format=png&size=64&margin=32")).toBe(422);
  });
});
