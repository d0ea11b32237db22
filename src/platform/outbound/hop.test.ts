import { describe, expect, test } from "bun:test";
import { client, refusal, web } from "./loopback.fixture.ts";

describe("redirects", () => {
  test("are followed, each hop counted, and the last answer returned", async () => {
    const site = web((request) => {
      const step = Number(new URL(request.url).pathname.slice(1));
      return step < 3
        ? new Response(null, { status: 302, headers: { location: `${step + 1}` } })
        : new Response("end");
    });
    const response = await client().fetch({ url: `${site.url}/0` });
    expect(response).toMatchObject({ status: 200, hops: 3, finalUrl: `${site.url}/3` });
  });

  test.each([
    "http://127.0.0.2/",
    "http://10.0.0.1/",
    "http://[::1]/",
    "http://2130706434/",
    "//169.254.169.254/latest/",
    "http://inside.test/",
  ])("to %p are refused at any hop", async (target) => {
    for (const depth of [1, 3]) {
      const site = web((request) => {
        const step = Number(new URL(request.url).pathname.slice(1)) + 1;
        const location = step === depth ? target : `/${step}`;
        return new Response(null, { status: 307, headers: { location } });
      });
      const resolve = async (host: string) => [host === "inside.test" ? "10.1.1.1" : "127.0.0.1"];
      const outcome = await refusal({ url: `${site.url}/0` }, { resolve });
      expect(outcome).toBe("outbound.refused address");
      expect(site.seen).toHaveLength(depth);
    }
  });

  test.each([
    ["file:///etc/passwd", "scheme"],
    ["javascript:alert(1)", "scheme"],
    ["http://u:p@site.test/", "credentials"],
    ["http://site.test:22/", "port"],
    ["http://[", "url"],
  ])("to %p are refused", async (location, reason) => {
    const site = web(() => new Response(null, { status: 302, headers: { location } }));
    expect(await refusal({ url: site.url })).toBe(`outbound.refused ${reason}`);
  });

  test("that loop end at the limit", async () => {
    const site = web(() => new Response(null, { status: 302, headers: { location: "/again" } }));
    const outcome = await refusal({ url: site.url, redirectsMax: 4 });
    expect(outcome).toBe("outbound.failed redirects");
    expect(site.seen).toHaveLength(5);
  });

  test("are the answer itself when none may be followed", async () => {
    const site = web(() => new Response(null, { status: 302, headers: { location: "/x" } }));
    const response = await client().fetch({ url: site.url, redirectsMax: 0 });
    expect(response).toMatchObject({ status: 302, hops: 0 });
    expect(site.seen).toHaveLength(1);
  });

  const secrets = { Authorization: "Bearer s", Cookie: "s=1", "X-Api-Key": "s", Accept: "text/a" };

  test("to another origin carry neither credentials nor the body", async () => {
    const target = web(async (request) => new Response(await request.text()));
    const location = `http://other.test:${target.port}/`;
    const site = web(() => new Response(null, { status: 307, headers: { location } }));
    const request = { url: site.url, method: "POST", headers: secrets, body: "secret" };
    const response = await client().fetch(request);
    expect(response.body).toHaveLength(0);
    const [seen] = target.seen;
    expect(seen?.method).toBe("GET");
    for (const name of ["authorization", "cookie", "x-api-key", "content-length"]) {
      expect(seen?.headers.get(name)).toBeNull();
    }
    expect(seen?.headers.get("accept")).toBe("text/a");
  });

  test("within the origin keep credentials; 307 repeats the body, 303 does not", async () => {
    for (const [status, method, body] of [
      [307, "POST", "kept"],
      [303, "GET", ""],
    ] as const) {
      const site = web(async (request) =>
        new URL(request.url).pathname === "/"
          ? new Response(null, { status, headers: { location: "/next" } })
          : new Response(await request.text()),
      );
      const request = { url: site.url, method: "POST", headers: secrets, body: "kept" };
      const response = await client().fetch(request);
      expect(new TextDecoder().decode(response.body)).toBe(body);
      expect(site.seen[1]?.method).toBe(method);
      expect(site.seen[1]?.headers.get("authorization")).toBe("Bearer s");
    }
  });
});
