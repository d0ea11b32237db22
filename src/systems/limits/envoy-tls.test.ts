import { afterAll, beforeAll, expect, test } from "bun:test";
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../../../test/free-port.ts";
import { systemClock } from "../../platform/clock/clock.ts";
import { silentLog } from "../../platform/log/log.ts";
import { Metrics } from "../../platform/metrics/metrics.ts";
import { descriptor, EnvoyClient } from "./envoy-client.fixture.ts";
import { EnvoyLimits } from "./envoy.ts";
import { listenForEnvoy } from "./envoy-service.ts";
import { headersIn } from "./headers.ts";
import { assembleInMemory } from "./preset-limits.fixture.ts";

const folder = mkdtempSync(join(tmpdir(), "stoa-envoy-tls-"));
const cert = join(folder, "cert.pem");
const key = join(folder, "key.pem");
const otherKey = join(folder, "other.pem");
beforeAll(() => {
  const curve = ["-algorithm", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"];
  for (const file of [key, otherKey]) openssl("genpkey", ...curve, "-out", file);
  certify(key, cert);
});
afterAll(() => rmSync(folder, { recursive: true }));

function certify(keyFile: string, file: string): void {
  const subject = ["-subj", "/CN=stoa", "-addext", "subjectAltName=DNS:localhost"];
  openssl("req", "-x509", "-key", keyFile, "-days", "2", ...subject, "-out", file);
}

function openssl(...args: string[]): void {
  const made = Bun.spawnSync(["openssl", ...args]);
  if (!made.success) throw new Error(`openssl: ${made.stderr.toString()}`);
}

const tlsEveryMs = 20;

async function listen(limitGrpcTlsCert: string, limitGrpcTlsKey: string, limitGrpcPort: number) {
  const metrics = new Metrics();
  const parts = assembleInMemory(systemClock, metrics);
  const server = await listenForEnvoy({
    ...{ clock: systemClock, log: silentLog, metrics, shared: false, tlsEveryMs },
    config: {
      ...{ host: "127.0.0.1", limitGrpcPort, limitGrpcTrusted: ["127.0.0.1"] },
      ...{ limitGrpcTlsCert, limitGrpcTlsKey },
    },
    limits: new EnvoyLimits({ ...parts, headersOf: headersIn("none", systemClock), metrics }),
    authenticate: async () => null,
  });
  if (!server) throw new Error("it does not listen");
  return server;
}

const asked = { domain: "nowhere", descriptors: [descriptor({ user: "1" })] };

test("a proxy asks by TLS, from its own address, and not without", async () => {
  const port = freePort();
  const server = await listen(cert, key, port);
  const client = new EnvoyClient(port, await Bun.file(cert).text());
  expect((await client.ask(asked)).overall_code).toBe("OK");
  client.close();
  const plain = new EnvoyClient(port);
  await expect(plain.ask(asked, undefined, 1_000)).rejects.toThrow();
  plain.close();
  // A connection that never becomes one by TLS holds up no stop.
  const silent = connect(port, "127.0.0.1");
  const ended = new Promise<void>((resolve) => silent.on("close", () => resolve()));
  silent.on("error", () => {});
  await new Promise<void>((resolve) => silent.on("connect", () => resolve()));
  await server.stop(AbortSignal.timeout(500));
  await ended;
});

test("a renewed certificate is served without a restart, once it fits its key", async () => {
  const [ownCert, ownKey] = [join(folder, "own-cert.pem"), join(folder, "own-key.pem")];
  const renewed = join(folder, "renewed.pem");
  certify(otherKey, renewed);
  copyFileSync(cert, ownCert);
  copyFileSync(key, ownKey);
  const port = freePort();
  const server = await listen(ownCert, ownKey, port);
  const old = new EnvoyClient(port, await Bun.file(cert).text());
  expect((await old.ask(asked)).overall_code).toBe("OK");
  const served = async (file: string) => {
    const client = new EnvoyClient(port, await Bun.file(file).text());
    const answer = await client.ask(asked, undefined, 1_000).catch(() => null);
    client.close();
    return answer !== null;
  };
  copyFileSync(renewed, ownCert);
  // For several looks the two do not belong together.
  for (const end = performance.now() + 5 * tlsEveryMs; performance.now() < end;) {
    expect(await served(cert)).toBe(true);
  }
  copyFileSync(otherKey, ownKey);
  const end = performance.now() + 5_000;
  while (!(await served(renewed))) expect(performance.now()).toBeLessThan(end);
  expect(await served(cert)).toBe(false);
  // Who is connected stays so.
  expect((await old.ask(asked)).overall_code).toBe("OK");
  old.close();
  await server.stop(AbortSignal.timeout(500));
});

test("what cannot be is told by its setting, at the start", async () => {
  const broken = join(folder, "broken.pem");
  writeFileSync(broken, "no certificate");
  const none = join(folder, "none.pem");
  const cases: [string, string, string][] = [
    [cert, "", "STOA_LIMIT_GRPC_TLS_KEY: must be set"],
    ["", key, "STOA_LIMIT_GRPC_TLS_CERT: must be set"],
    [none, key, "STOA_LIMIT_GRPC_TLS_CERT: "],
    [cert, none, "STOA_LIMIT_GRPC_TLS_KEY: "],
    [broken, key, "STOA_LIMIT_GRPC_TLS_CERT: is no certificate"],
    [cert, otherKey, "for the key of STOA_LIMIT_GRPC_TLS_KEY"],
  ];
  for (const [certFile, keyFile, message] of cases) {
    await expect(listen(certFile, keyFile, freePort())).rejects.toThrow(message);
  }
});
