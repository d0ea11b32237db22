import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../free-port.ts";
import { startWorld, type World } from "../world.ts";
import { nginxConfiguration } from "./proxy.ts";
import { inner, smuggling } from "./smuggling.ts";
import { headerOf, request, talk } from "./sockets.ts";

/**
 * HTTP as no client speaks it: to each of the two sockets itself, and through the proxy that
 * deploy/ sets up.
 */
let world: World;
let port: number;
let redirectPort: number;
const target = "https://example.com/outer";
const innerTarget = "https://example.com/inner";

beforeAll(async () => {
  redirectPort = freePort();
  world = await startWorld({
    STOA_REQUEST_TIMEOUT_MS: "2500",
    STOA_REDIRECT_PORT: String(redirectPort),
  });
  for (const [alias, url] of Object.entries({ outer: target, "inner-one": innerTarget })) {
    await world.call("POST", "/api/v1/links", { body: { url, alias } });
    // Known from here on, so that its answer waits for nothing.
    await world.visit(`/${alias}`);
  }
}, 60_000);
afterAll(() => world.stop(), 60_000);

const ask = async (...pieces: string[]) => await talk(port, pieces);

function reachedInner(text: string): boolean {
  return text.toLowerCase().includes(innerTarget);
}

describe.each(["PORT", "STOA_REDIRECT_PORT"])("%s", (door) => {
  beforeAll(() => {
    port = door === "PORT" ? world.running.port : redirectPort;
  });

  describe("smuggling", () => {
    test("two honest requests on one connection are both answered", async () => {
      const { answers, text } = await ask(
        request("POST /healthz", ["Content-Length: 1"], "a") + inner,
      );
      // What the edge hands on is the last on its connection.
      const both = door === "PORT";
      expect(answers.map((a) => a.status)).toEqual(both ? [405, 302] : [405]);
      expect(reachedInner(text)).toBe(both);
    });

    test("a request behind one that waits is answered in its turn or not at all", async () => {
      const waits = request("GET /api/v1/account", [`Authorization: Bearer ${world.ada.key}`]);
      const { answers } = await ask(waits + inner);
      expect([[], [200], [200, 302]]).toContainEqual(answers.map((a) => a.status));
    });

    test("no body holds a second request, whoever reads it how", async () => {
      const talks = await Promise.all(
        smuggling().map(async ([name, bytes]) => ({ name, ...(await ask(bytes)) })),
      );
      expect(talks.length).toBeGreaterThan(40);
      expect(talks.filter((t) => reachedInner(t.text)).map((t) => t.name)).toEqual([]);
      // What is ambiguous ends the connection, so that nothing after it is taken for a request.
      const taken = talks.filter((t) => !t.closed).map((t) => t.name);
      const kept = ["Transfer_Encoding: chunked", "a body of GET"];
      expect(taken).toEqual(door === "PORT" ? kept : []);
      // A chunk that is none is met after the answer, and refused before the connection ends.
      const more = talks.filter((t) => t.answers.slice(1).some((a) => a.status !== 400));
      expect(more.map((t) => t.name)).toEqual([]);
    }, 60_000);
  });

  describe("where a request says that it goes", () => {
    const create = (headers: string[], line = "POST /api/v1/links") => {
      const body = JSON.stringify({ url: "https://example.com/" });
      const own = [`Authorization: Bearer ${world.ada.key}`, "Content-Type: application/json"];
      return request(line, [...headers, ...own, `Content-Length: ${body.length}`], body);
    };

    test("short links are built from the configured host alone", async () => {
      const forged = [
        "X-Forwarded-Host: evil.test",
        "X-Forwarded-Proto: https",
        "Forwarded: host=evil.test",
      ];
      const ways = [
        create(["Host: evil.test"]),
        create(["Host: stoa.test", "Host: evil.test"]),
        create(forged),
        create(["X-Original-URL: /evil", "X-Rewrite-URL: /evil", "X-Host: evil.test"]),
        create([], "POST http://evil.test/api/v1/links"),
      ];
      for (const bytes of ways) {
        const { answers, text } = await ask(bytes);
        expect(answers[0]?.status).toBe(201);
        expect(text).toContain('"short_url":"http://stoa.test/');
        expect(text).not.toContain("evil.test");
        expect(headerOf(answers[0], "location")).toMatch(/^\/api\/v1\/links\/\d+$/);
      }
      for (const path of ["/openapi.json", "/docs", "/console", "/", "/outer+"]) {
        const reply = await fetch(world.url + path, {
          headers: { host: "evil.test", "x-forwarded-host": "evil.test", accept: "text/html" },
          redirect: "manual",
        });
        expect(await reply.text(), path).not.toContain("evil.test");
        expect(reply.headers.get("location") ?? "", path).not.toContain("evil.test");
      }
    });

    test("a host that is none leads nowhere, and never to a fault", async () => {
      const hosts = [
        "a b",
        "[::1",
        "%zz",
        "a:99999",
        "a\\b",
        "x/healthz?",
        "x#y",
        "a@b",
        "",
        ",",
        "\u00ff",
      ];
      const paths = ["/outer", "/api/v1/account", "/healthz"];
      const ways = hosts.flatMap((host) => paths.map((path) => ({ host, path })));
      const said = await Promise.all(
        ways.map(async ({ host, path }) => {
          const { answers } = await ask(request(`GET ${path}`, [`Host: ${host}`]));
          return {
            host,
            path,
            answers: answers.length,
            failed: (answers[0]?.status ?? 500) >= 500,
          };
        }),
      );
      expect(said).toEqual(ways.map((way) => ({ ...way, answers: 1, failed: false })));
      const split = await ask(request("GET /zz", ["Host: stoa.test/api/v1/admin/health?"]));
      expect(split.answers[0]?.status).toBe(404);
    }, 30_000);

    test("TRACE echoes nothing and CONNECT opens nothing", async () => {
      for (const line of [
        "TRACE /outer",
        "TRACE /api/v1/account",
        "TRACE /healthz",
        "TRACK /outer",
      ]) {
        const { answers, text } = await ask(request(line, ["X-Canary: canary-7731"]));
        // Bun closes the connection on a method that it has never heard of.
        expect([400, 404, 405, 501]).toContain(answers[0]?.status ?? 501);
        expect(text).not.toContain("canary-7731");
      }
      for (const line of ["CONNECT 127.0.0.1:80", "CONNECT /outer", "CONNECT evil.test:443"]) {
        const { answers } = await ask(request(line));
        expect([400, 404, 405, 501]).toContain(answers[0]?.status as number);
      }
    });
  });

  describe("what goes into a header", () => {
    test("Location stays one line and on the target's host", async () => {
      const body = { url: "https://example.com/base", forward_path: true, forward_query: true };
      const { code } = (await world.call("POST", "/api/v1/links", { body })).body as {
        code: string;
      };
      const tails = [
        ...["/%0d%0aSet-Cookie:%20a=1", "?a=%0d%0aSet-Cookie:%20a=1", "/%250d%250aX:1", "?%0aX=1"],
        ...[
          "//evil.test",
          "/%2f%2fevil.test",
          "/..%2f..%2f",
          "/@evil.test",
          "/%5c%5cevil.test",
          "?u=//e",
        ],
        ...[
          "/\\evil.test",
          "/.evil.test",
          "/%E5%98%8A%E5%98%8DX:1",
          "/%00",
          "?%00=1",
          "/;@evil.test",
        ],
      ];
      const talks = await Promise.all(tails.map((tail) => ask(request(`GET /${code}${tail}`))));
      for (const [i, { answers, text }] of talks.entries()) {
        const tail = tails[i];
        expect(answers, tail).toHaveLength(1);
        expect(text.split("\r\n\r\n")[0], tail).not.toMatch(/^(set-cookie|x):/im);
        const location = headerOf(answers[0], "location");
        if (location !== null) expect(new URL(location).host, tail).toBe("example.com");
      }
    });

    test("a request id is echoed only when it is one", async () => {
      const echoed = async (id: string) => {
        const { answers } = await ask(request("GET /api/v1/account", [`X-Request-Id: ${id}`]));
        return headerOf(answers[0], "x-request-id");
      };
      expect(await echoed("proxy-id.1234")).toBe("proxy-id.1234");
      for (const id of [
        "a b c d e f g h",
        "<script>alert(1)</script>",
        "x".repeat(65),
        "%0d%0aA: b",
        "\u00e9".repeat(9),
      ]) {
        expect(await echoed(id)).toMatch(/^[\da-f-]{36}$/);
      }
    });

    test("nobody is believed about addresses unless the configuration says so", async () => {
      const headers = {
        ...{ "x-forwarded-for": "203.0.113.7", "x-real-ip": "203.0.113.7" },
        ...{
          forwarded: "for=203.0.113.7",
          "cf-connecting-ip": "203.0.113.7",
          "true-client-ip": "203.0.113.7",
        },
      };
      const body = { email: world.bob.email, password: "correct horse battery staple" };
      const made = await world.call("POST", "/api/v1/sessions", { as: null, body, headers });
      const as = (made.body as { access_token: string }).access_token;
      const listed = JSON.stringify((await world.call("GET", "/api/v1/sessions", { as })).body);
      expect(listed).toContain('"127.0.0.1"');
      expect(listed).not.toContain("203.0.113.7");
    });
  });

  describe("too much, and too slow", () => {
    test("headers, names of headers and addresses have their limits", async () => {
      const bombs = [
        request("GET /outer", [`X-A: ${"a".repeat(200_000)}`]),
        request(
          "GET /outer",
          Array.from({ length: 5_000 }, (_, i) => `X-${i}: a`),
        ),
        request(`GET /outer?${"a".repeat(100_000)}`),
        request("GET /outer", [`Cookie: ${"a=b; ".repeat(20_000)}`]),
      ];
      for (const bytes of bombs) {
        const { answers, closed } = await ask(bytes);
        expect([400, 413, 414, 431]).toContain(answers[0]?.status as number);
        expect(closed).toBe(true);
      }
      const long = await ask(request(`GET /outer?${"a=b&".repeat(3_000)}`));
      expect(long.answers[0]?.status).toBe(302);
      const codes = await ask(request(`GET /${"a".repeat(12_000)}`, ["Accept: text/html"]));
      expect(codes.answers[0]?.status).toBe(404);
    });

    test("a thousand requests at once on one connection are all answered, in order", async () => {
      const { text } = await ask(request("GET /outer").repeat(999) + inner);
      expect(text.match(/^HTTP\/1\.1 302/gm)).toHaveLength(1_000);
      expect(text.lastIndexOf(innerTarget)).toBeGreaterThan(text.lastIndexOf(target));
    });

    test("slow heads and slow bodies are waited for without holding up others", async () => {
      const open = (start: string) => {
        const socket = connect({ port, host: "127.0.0.1" });
        let text = "";
        socket.on("data", (chunk) => (text += chunk.toString("latin1")));
        socket.on("error", () => {});
        socket.write(start);
        return { socket, said: () => text };
      };
      const head = "GET /outer HTTP/1.1\r\nHost: stoa.test\r\nX-";
      const body = ["Content-Type: application/json", "Content-Length: 1000"];
      const slow = Array.from({ length: 150 }, () => [
        open(head),
        open(request("POST /api/v1/sessions", body, "{")),
      ]).flat();
      const dribble = setInterval(() => slow.forEach(({ socket }) => socket.write("a")), 100);
      try {
        const started = performance.now();
        for (let i = 0; i < 50; i++) {
          expect((await world.visit("/outer")).status).toBe(302);
          expect((await world.call("GET", "/api/v1/account")).status).toBe(200);
        }
        expect(performance.now() - started).toBeLessThan(10_000);
        // A body that does not come in time is given up, though its bytes keep dripping in.
        const bodies = slow.filter((_, i) => i % 2 === 1);
        const deadline = performance.now() + 12_000;
        while (bodies.some((b) => b.said() === "") && performance.now() < deadline) {
          await Bun.sleep(20);
        }
        expect(new Set(bodies.map((b) => b.said().slice(9, 12)))).toEqual(new Set(["503"]));
      } finally {
        clearInterval(dribble);
        for (const { socket } of slow) socket.destroy();
      }
      expect((await world.visit("/outer")).status).toBe(302);
    }, 30_000);
  });

  const nginx = Bun.which("nginx");
  if (nginx !== null) {
    describe("behind nginx as deploy/ has it", () => {
      let folder: string;
      let front: number;
      let child: Bun.Subprocess;

      beforeAll(async () => {
        folder = await mkdtemp(join(tmpdir(), "stoa-nginx-"));
        front = freePort();
        const conf = await nginxConfiguration({ folder, listen: front, port });
        await Bun.write(join(folder, "nginx.conf"), conf);
        const command = [
          nginx,
          "-p",
          folder,
          "-c",
          join(folder, "nginx.conf"),
          "-g",
          "daemon off;",
        ];
        child = Bun.spawn(command, { stdout: "ignore", stderr: "ignore" });
        const deadline = performance.now() + 20_000;
        while (performance.now() < deadline) {
          if ((await talk(front, [request("GET /outer")], 50)).answers[0]?.status === 302) return;
        }
        throw new Error("nginx does not pass requests on");
      }, 60_000);
      afterAll(async () => {
        child.kill();
        await child.exited;
        await rm(folder, { recursive: true });
      });

      test("no body of one holds a request that another gets the answer of", async () => {
        for (const [name, bytes] of smuggling()) {
          const attack = talk(front, [bytes], 30);
          const victims = await Promise.all(
            Array.from({ length: 4 }, () => talk(front, [request("GET /outer")], 30)),
          );
          for (const { text, answers } of victims) {
            expect(
              answers.map((a) => a.status),
              name,
            ).toEqual([302]);
            expect(reachedInner(text), name).toBe(false);
          }
          expect(reachedInner((await attack).text), name).toBe(false);
        }
      }, 30_000);

      test("metrics stay inside, and a visitor's own request id outside", async () => {
        for (const path of ["/metrics", "/%6detrics", "//metrics", "/x/../metrics", "/metrics?x"]) {
          const { answers } = await talk(front, [request(`GET ${path}`)], 50);
          expect([400, 404], path).toContain(answers[0]?.status as number);
          expect(answers[0]?.body, path).not.toContain("stoa_");
        }
        const { text } = await talk(
          front,
          [request("GET /outer", ["X-Request-Id: mine-1234"])],
          50,
        );
        expect(text).not.toContain("mine-1234");
      });
    });
  }
});
