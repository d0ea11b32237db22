import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import dgram from "node:dgram";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createLog } from "../log/log.ts";
import { client, closers, raw, refusal, web } from "./loopback.fixture.ts";
import { OutboundError } from "./outbound-error.ts";
import { deniedPorts } from "./ports.ts";

describe("requests", () => {
  test("carry method, path, query, headers and body; status and headers come back", async () => {
    const bodies: string[] = [];
    const site = web(async (request) => {
      bodies.push(await request.text());
      return new Response("made", {
        status: 201,
        headers: [
          ["x-one", "1"],
          ["set-cookie", "a=1"],
          ["set-cookie", "b=2"],
        ],
      });
    });
    const response = await client().fetch({
      url: `${site.url}/a%20b?c=d#e`,
      method: "post",
      headers: { "X-Signed": "yes", Host: "evil.test", "Transfer-Encoding": "chunked" },
      body: "héllo",
    });
    expect(response.status).toBe(201);
    expect(new TextDecoder().decode(response.body)).toBe("made");
    expect(response.headers.getSetCookie()).toEqual(["a=1", "b=2"]);
    expect(response).toMatchObject({ finalUrl: `${site.url}/a%20b?c=d`, hops: 0 });
    expect(response.truncated).toBe(false);
    const [request] = site.seen;
    expect(bodies).toEqual(["héllo"]);
    expect(request?.method).toBe("POST");
    expect(request?.url).toBe(`${site.url}/a%20b?c=d`);
    expect(request?.headers.get("x-signed")).toBe("yes");
    expect(request?.headers.get("host")).toBe(`site.test:${site.port}`);
    expect(request?.headers.get("accept-encoding")).toBe("identity");
    expect(request?.headers.get("transfer-encoding")).toBeNull();
  });

  test("ignore a proxy named by the environment", async () => {
    const proxy = await raw((socket) => socket.end());
    const site = web(() => new Response("direct"));
    const names = ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "NODE_USE_ENV_PROXY"];
    const before = names.map((name) => process.env[name]);
    try {
      for (const name of names) process.env[name] = `http://127.0.0.1:${proxy.port}`;
      process.env["NODE_USE_ENV_PROXY"] = "1";
      expect((await client().fetch({ url: site.url })).status).toBe(200);
    } finally {
      names.forEach((name, i) => {
        if (before[i] === undefined) delete process.env[name];
        else process.env[name] = before[i];
      });
    }
    expect(proxy.state.connections).toBe(0);
  });

  test.each([
    ["ftp://site.test/", "scheme"],
    ["file:///etc/passwd", "scheme"],
    ["gopher://site.test/", "scheme"],
    ["data:text/plain,x", "scheme"],
    ["not a url", "url"],
    [`http://site.test/${"a".repeat(9_000)}`, "url"],
    ["http://user:pass@site.test/", "credentials"],
    ["http://user@site.test/", "credentials"],
  ])("refuse %p", async (url, reason) => {
    expect(await refusal({ url })).toBe(`outbound.refused ${reason}`);
  });

  test("refuse methods and headers that would change the connection", async () => {
    const url = "http://site.test/";
    expect(await refusal({ url, method: "CONNECT" })).toBe("outbound.refused method");
    expect(await refusal({ url, method: "TRACE" })).toBe("outbound.refused method");
    const headers = { "x-a": "b\r\nHost: evil.test" };
    expect(await refusal({ url, headers })).toBe("outbound.refused header");
  });

  test("refuse every port that belongs to another protocol", async () => {
    for (const port of deniedPorts) {
      if (port === 80 || port === 443) throw new Error("HTTP's own port is denied");
      expect(await refusal({ url: `http://site.test:${port}/` })).toBe("outbound.refused port");
    }
  });

  test("never log the path, the query or a body", async () => {
    const lines: string[] = [];
    const log = createLog({ write: (line) => void lines.push(line) });
    const url = "http://site.test/canary-path?k=canary-query";
    await refusal({ url, body: "canary-body" }, { log, resolve: async () => ["10.0.0.1"] });
    expect(lines.join("")).toContain("10.0.0.1");
    expect(lines.join("")).not.toContain("canary");
  });
});

describe("addresses", () => {
  test.each([
    "127.1",
    "0x7f.1",
    "2130706433",
    "①②⑦.⓪.⓪.①",
    "[::1]",
    "[::]",
    "0",
    "10.0.0.1",
    "[::ffff:127.0.0.1]",
    "169.254.169.254",
    "[fd00:ec2::254]",
    "[64:ff9b::7f00:1]",
    "127.0.0.1.",
  ])("%p is refused before any connection", async (host) => {
    const site = web(() => new Response("inside"));
    const url = `http://${host}:${site.port}/`;
    expect(await refusal({ url }, { allowPrivate: false })).toBe("outbound.refused address");
    expect(site.seen).toHaveLength(0);
  });

  test("a name is refused if any of its addresses is private", async () => {
    for (const bad of ["10.0.0.1", "::1", "fe80::1%eth0", "::ffff:8.8.8.8", "nonsense"]) {
      const resolve = async () => ["93.184.216.34", bad];
      const url = "http://site.test/";
      expect(await refusal({ url }, { resolve })).toBe("outbound.refused address");
    }
  });

  test("the refusal does not tell which address the name has", async () => {
    const outbound = client({ resolve: async () => ["10.9.8.7"] });
    const error = await outbound.fetch({ url: "http://site.test/" }).catch((e: Error) => e);
    expect((error as Error).message).not.toContain("10.9.8.7");
  });

  test("a real private name of this machine is refused", async () => {
    const site = web(() => new Response("inside"));
    const options = { resolve: undefined, allowPrivate: false };
    for (const host of ["localhost", "LOCALHOST", "localhost."]) {
      const outcome = await refusal({ url: `http://${host}:${site.port}/` }, options);
      expect(["outbound.refused address", "outbound.failed dns"]).toContain(outcome);
    }
    expect(site.seen).toHaveLength(0);
  });

  test("the address checked is the address connected, whatever the name says next", async () => {
    const checked = await raw((s) => s.end("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nchecked"));
    const other = await raw((s) => s.end("HTTP/1.1 200 OK\r\n\r\n"), checked.port, "127.0.0.2");
    let asked = 0;
    const resolve = async () => [asked++ === 0 ? "127.0.0.1" : "127.0.0.2"];
    const outbound = client({ resolve, allowPrivate: ["127.0.0.1"] });
    const response = await outbound.fetch({ url: checked.url });
    expect(new TextDecoder().decode(response.body)).toBe("checked");
    expect(asked).toBe(1);
    // The name has been rebound now; a new request asks again and is refused.
    const again = await outbound.fetch({ url: checked.url }).catch((e: OutboundError) => e);
    expect(again).toMatchObject({ code: "outbound.refused", reason: "address" });
    expect(checked.state.connections).toBe(1);
    expect(other.state.connections).toBe(0);
  });

  test("the next checked address is tried when the first refuses the connection", async () => {
    const site = web(() => new Response("second"));
    const resolve = async () => ["127.0.0.3", "127.0.0.1"];
    const response = await client({ resolve, allowPrivate: true }).fetch({ url: site.url });
    expect(response.status).toBe(200);
  });

  test("a name without addresses, or that fails to resolve, is a failure of DNS", async () => {
    const url = "http://site.test/";
    expect(await refusal({ url }, { resolve: async () => [] })).toBe("outbound.failed dns");
    const resolve = () => Promise.reject(new Error("SERVFAIL"));
    expect(await refusal({ url }, { resolve })).toBe("outbound.failed dns");
  });
});

describe("TLS", () => {
  let folder = "";
  let key = "";
  let cert = "";
  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), "stoa-outbound-"));
    const made = Bun.spawnSync([
      "openssl",
      "req",
      "-x509",
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:prime256v1",
      "-nodes",
      "-keyout",
      `${folder}/key`,
      "-out",
      `${folder}/cert`,
      "-days",
      "2",
      "-subj",
      "/CN=site.test",
      "-addext",
      "subjectAltName=DNS:site.test",
    ]);
    if (!made.success) throw new Error(`openssl: ${made.stderr.toString()}`);
    key = readFileSync(`${folder}/key`, "utf8");
    cert = readFileSync(`${folder}/cert`, "utf8");
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  function secure() {
    let requests = 0;
    const fetch = () => {
      requests++;
      return new Response("secret");
    };
    const server = Bun.serve({ port: 0, hostname: "127.0.0.1", tls: { key, cert }, fetch });
    closers.push(() => void server.stop(true));
    return { port: server.port, requests: () => requests };
  }

  test("verifies the host name of the URL over the pinned connection", async () => {
    const site = secure();
    const response = await client({ ca: cert }).fetch({ url: `https://site.test:${site.port}/` });
    expect(new TextDecoder().decode(response.body)).toBe("secret");
    const other = { url: `https://other.test:${site.port}/`, headers: { authorization: "s" } };
    expect(await refusal(other, { ca: cert })).toBe("outbound.failed tls");
    const bare = { url: `https://127.0.0.1:${site.port}/` };
    expect(await refusal(bare, { ca: cert })).toBe("outbound.failed tls");
    expect(site.requests()).toBe(1);
  });

  test("distrusts unknown issuers even where the environment turns checks off", async () => {
    const site = secure();
    const before = process.env["NODE_TLS_REJECT_UNAUTHORIZED"];
    process.env["NODE_TLS_REJECT_UNAUTHORIZED"] = "0";
    try {
      const outcome = await refusal({ url: `https://site.test:${site.port}/` });
      expect(outcome).toBe("outbound.failed tls");
    } finally {
      if (before === undefined) delete process.env["NODE_TLS_REJECT_UNAUTHORIZED"];
      else process.env["NODE_TLS_REJECT_UNAUTHORIZED"] = before;
    }
    expect(site.requests()).toBe(0);
  });
});

describe("resolveTxt", () => {
  /** Answers every question with `records`, or with the response code given. */
  async function nameServer(records: string[], code = 0) {
    const socket = dgram.createSocket("udp4");
    socket.on("message", (query, from) => {
      const question = query.subarray(12, query.indexOf(0, 12) + 5);
      const head = Buffer.from([0x81, 0x80 | code, 0, 1, 0, records.length, 0, 0, 0, 0]);
      const answers = records.map((text) => {
        const fixed = [0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 60, 0, text.length + 1, text.length];
        return Buffer.concat([Buffer.from(fixed), Buffer.from(text)]);
      });
      const reply = Buffer.concat([query.subarray(0, 2), head, question, ...answers]);
      socket.send(reply, from.port, from.address);
    });
    await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
    closers.push(() => void socket.close());
    return client({ dnsServers: [`127.0.0.1:${socket.address().port}`] });
  }

  test("gives the records of a name", async () => {
    const outbound = await nameServer(["stoa-verify=abc", "v=spf1 -all"]);
    const records = await outbound.resolveTxt("_stoa.example.com");
    expect(records.sort()).toEqual(["stoa-verify=abc", "v=spf1 -all"]);
  });

  test("gives none for an unknown name and fails when the server does", async () => {
    expect(await (await nameServer([], 3)).resolveTxt("example.com")).toEqual([]);
    const broken = await (await nameServer([], 2)).resolveTxt("example.com").catch((e) => e);
    expect(broken).toMatchObject({ code: "outbound.failed", reason: "dns" });
  });
});
