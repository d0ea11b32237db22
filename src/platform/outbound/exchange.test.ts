import { describe, expect, test } from "bun:test";
import zlib from "node:zlib";
import { fakeClock } from "../clock/clock.ts";
import { client, closers, raw, refusal, until, web } from "./loopback.fixture.ts";

describe("limits", () => {
  const ok = "HTTP/1.1 200 OK\r\n";

  test("an endless body is cut at the limit and its connection dropped", async () => {
    const endless = await raw((socket) => {
      socket.write(`${ok}\r\n`);
      const block = Buffer.alloc(64 * 1024, "a");
      const pump = () => {
        while (!socket.destroyed && socket.write(block)) endless.state.sent += block.length;
      };
      socket.on("drain", pump);
      pump();
    });
    const request = { url: endless.url, bytesMax: 100_000 };
    expect(await refusal(request)).toBe("outbound.failed too_large");
    await until(() => endless.state.closed === 1, "the connection closes");
    const response = await client().fetch({ ...request, truncate: true });
    expect(response).toMatchObject({ status: 200, truncated: true });
    expect(response.body).toHaveLength(100_000);
    await until(() => endless.state.closed === 2, "the connection closes");
    expect(endless.state.sent).toBeLessThan(64 * 1024 * 1024);
  });

  test("a body of exactly the limit passes", async () => {
    const site = web(() => new Response("a".repeat(1_000)));
    const response = await client().fetch({ url: site.url, bytesMax: 1_000 });
    expect(response.body).toHaveLength(1_000);
    expect(response.truncated).toBe(false);
    const outcome = await refusal({ url: site.url, bytesMax: 999 });
    expect(outcome).toBe("outbound.failed too_large");
  });

  test("a slow drip ends at the time limit, however often a byte comes", async () => {
    let timer: ReturnType<typeof setInterval> | undefined;
    const drip = await raw((socket) => {
      socket.write(`${ok}\r\n`);
      timer = setInterval(() => {
        socket.write("a");
        drip.state.sent++;
      }, 2);
    });
    closers.push(() => clearInterval(timer));
    const clock = fakeClock();
    const outcome = refusal({ url: drip.url, timeoutMs: 5_000 }, { clock });
    await until(() => drip.state.sent > 5, "bytes drip");
    clock.advance(5_000);
    expect(await outcome).toBe("outbound.failed timeout");
    await until(() => drip.state.closed === 1, "the connection closes");
  });

  test.each(["", "HTTP/1.1 200 OK\r\nX-A: b", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"])(
    "a server silent after %p ends at the time limit",
    async (said) => {
      const silent = await raw((socket) => {
        socket.write(said);
        silent.state.sent++;
      });
      const clock = fakeClock();
      const outcome = refusal({ url: silent.url }, { clock });
      await until(() => silent.state.sent > 0, "the request arrives");
      clock.advance(10_000);
      expect(await outcome).toBe("outbound.failed timeout");
      await until(() => silent.state.closed === 1, "the connection closes");
    },
  );

  test("a resolver that never answers ends at the time limit", async () => {
    const clock = fakeClock();
    const outcome = refusal(
      { url: "http://site.test/" },
      { clock, resolve: () => new Promise<string[]>(() => {}) },
    );
    clock.advance(10_000);
    expect(await outcome).toBe("outbound.failed timeout");
  });

  test("redirects share one time limit", async () => {
    const clock = fakeClock();
    const site = web(() => {
      clock.advance(4_000);
      return new Response(null, { status: 302, headers: { location: "/next" } });
    });
    expect(await refusal({ url: site.url }, { clock })).toBe("outbound.failed timeout");
    expect(site.seen).toHaveLength(3);
  });

  test("the caller's signal ends it, before and during", async () => {
    const url = "http://site.test/";
    const early = AbortSignal.abort();
    expect(await refusal({ url, signal: early })).toBe("outbound.failed aborted");
    const silent = await raw(() => silent.state.sent++);
    const abort = new AbortController();
    const outcome = refusal({ url: silent.url, signal: abort.signal });
    await until(() => silent.state.sent > 0, "the request arrives");
    abort.abort();
    expect(await outcome).toBe("outbound.failed aborted");
  });

  test.each([
    ["many", `${"X-A: bbbbbbbbbb\r\n".repeat(5_000)}\r\n`],
    ["one long", `X-A: ${"b".repeat(100_000)}\r\n\r\n`],
    ["endless name", "X".repeat(100_000)],
  ])("a header bomb (%s) is cut", async (_, headers) => {
    const bomb = await raw((socket) => socket.write(ok + headers));
    expect(await refusal({ url: bomb.url })).toBe("outbound.failed headers_too_large");
  });

  test("trailers and chunk extensions are bounded as well", async () => {
    const chunked = `${ok}Transfer-Encoding: chunked\r\n\r\n`;
    const trailers = await raw((s) => s.end(`${chunked}0\r\n${"T: abc\r\n".repeat(9_000)}\r\n`));
    expect(await refusal({ url: trailers.url })).toBe("outbound.failed headers_too_large");
    const extension = await raw((s) =>
      s.end(`${chunked}1;${"e".repeat(99_999)}\r\na\r\n0\r\n\r\n`),
    );
    expect(await refusal({ url: extension.url })).toBe("outbound.failed protocol");
  });

  const brotliFast = { [zlib.constants.BROTLI_PARAM_QUALITY]: 3 };
  const zeros = Buffer.alloc(50 * 1024 * 1024);

  test.each([
    ["gzip", () => zlib.gzipSync(zeros)],
    ["deflate", () => zlib.deflateSync(zeros)],
    ["br", () => zlib.brotliCompressSync(zeros, { params: brotliFast })],
  ] as const)("a %s bomb is cut at the unpacked limit", async (encoding, pack) => {
    const packed = pack();
    expect(packed.length).toBeLessThan(100_000);
    const headers = { "content-encoding": encoding };
    const site = web(() => new Response(packed, { headers }));
    const request = { url: site.url, bytesMax: 200_000 };
    expect(await refusal(request)).toBe("outbound.failed too_large");
    const response = await client().fetch({ ...request, truncate: true });
    expect(response.body).toHaveLength(200_000);
    expect(response.truncated).toBe(true);
  });

  test("packed bytes that unpack to nothing are cut at the limit of the wire", async () => {
    const empty = zlib.gzipSync("");
    const body = Buffer.concat(Array.from({ length: 10_000 }, () => empty));
    const site = web(() => new Response(body, { headers: { "content-encoding": "gzip" } }));
    expect(await refusal({ url: site.url, bytesMax: 50_000 })).toBe("outbound.failed too_large");
  });

  test("a packed answer within the limit is unpacked; HEAD has nothing to unpack", async () => {
    const headers = { "content-encoding": "gzip" };
    const site = web(() => new Response(zlib.gzipSync("hello"), { headers }));
    const response = await client().fetch({ url: site.url });
    expect(new TextDecoder().decode(response.body)).toBe("hello");
    expect((await client().fetch({ url: site.url, method: "HEAD" })).status).toBe(200);
  });

  test("unknown, stacked and broken encodings are failures", async () => {
    for (const encoding of ["zstd", "gzip, gzip", "constructor", "compress"]) {
      const site = web(() => new Response("x", { headers: { "content-encoding": encoding } }));
      expect(await refusal({ url: site.url })).toBe("outbound.failed encoding");
    }
    for (const encoding of ["gzip", "x-gzip", "deflate", "br"]) {
      const site = web(() => new Response("plain", { headers: { "content-encoding": encoding } }));
      expect(await refusal({ url: site.url })).toBe("outbound.failed encoding");
    }
    const half = zlib.gzipSync("a".repeat(9_000)).subarray(0, 30);
    const site = web(() => new Response(half, { headers: { "content-encoding": "gzip" } }));
    expect(await refusal({ url: site.url })).toBe("outbound.failed encoding");
  });

  const switching = "HTTP/1.1 101 Go\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n";

  test.each([
    ["nothing", "", "connection"],
    ["another protocol", "SSH-2.0-OpenSSH_9.2\r\n", "protocol"],
    ["less than it announced", `${ok}Content-Length: 10\r\n\r\nabc`, "connection"],
    ["half a chunk", `${ok}Transfer-Encoding: chunked\r\n\r\n5\r\nab`, "connection"],
    ["two lengths", `${ok}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab`, "protocol"],
    ["a protocol switch", switching, "connection"],
  ])("a server that says %s fails", async (_, said, reason) => {
    const site = await raw((socket) => socket.end(said));
    expect(await refusal({ url: site.url })).toBe(`outbound.failed ${reason}`);
  });
});
