import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { testDatabase } from "../../../test/database.ts";
import { fakeClock, systemClock } from "../clock/clock.ts";
import { loadConfig } from "../config/config.ts";
import { secretsMigration } from "../db/secrets.ts";
import { createApi } from "../http/server.ts";
import { idsMigration, openIds } from "../ids/ids.ts";
import { silentLog } from "../log/log.ts";
import { Metrics } from "../metrics/metrics.ts";
import type { Blobs } from "./blobs.ts";
import type { MediaType } from "./media-types.ts";
import { openBlobs } from "./open.ts";
import type { Bytes } from "./samples.fixture.ts";
import { openUploads, uploadsMigration } from "./uploads.ts";

/** Uploads of a system called `test`, served on a real socket, with a clock that tests move. */
export const origin = "http://stoa.test";
export const ownerId = "42";

export type World = Awaited<ReturnType<typeof startUploads>>;

export async function startUploads(env: Record<string, string> = {}, s3Url = "") {
  const dataDir = mkdtempSync(join(tmpdir(), "stoa-uploads-"));
  const database = await testDatabase([secretsMigration, idsMigration, uploadsMigration]);
  const { db } = database;
  const config = loadConfig({
    ...{ STOA_PUBLIC_URL: origin, STOA_DATA_DIR: dataDir, S3_URL: s3Url },
    ...env,
  });
  const clock = fakeClock();
  const ids = await openIds({ db, clock: systemClock, log: silentLog });
  const blobs = breakable(await openBlobs(config, systemClock));
  // The time that an answer waits for a picture is real, so that a slow machine has it.
  const sleeping = { ...clock, sleep: systemClock.sleep };
  const deps = { config, blobs, db, ids, clock: sleeping, log: silentLog };
  const opened = await openUploads(deps);
  const uploads = opened.under({ system: "test", base: "/api/v1/test/uploads" });
  const other = opened.under({ system: "other", base: "/api/v1/other/uploads" });
  const api = createApi({
    ...{ ...config, routes: [...uploads.routes, ...other.routes], db, clock: systemClock },
    ...{ log: silentLog, metrics: new Metrics(), authenticate: async () => null },
  });
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    maxRequestBodySize: config.blobBytesMax,
    fetch: (request) => api.fetch(request, "127.0.0.1"),
  });
  /** At the address where it really listens. */
  const here = (url: string) => url.replace(origin, `http://127.0.0.1:${server.port}`);

  return {
    ...{ uploads, other, db, blobs, clock, dataDir, here, port: server.port ?? 0 },
    offer: (terms: Partial<Parameters<typeof uploads.offer>[0]> = {}) =>
      uploads.offer({
        ...{ ownerId, types: ["image/png", "text/plain"] satisfies MediaType[] },
        ...{ bytesMax: 1_000_000, expiresInMs: 60_000, ...terms },
      }),
    send: (url: string, body: BodyInit, type = "application/octet-stream") =>
      fetch(here(url), { method: "PUT", body, headers: { "content-type": type } }),
    /** Stored, and as its reply says it. */
    async stored(bytes: Bytes, type: MediaType) {
      const { url } = uploads.offer({
        ...{ ownerId, types: [type], bytesMax: bytes.byteLength, expiresInMs: 60_000 },
      });
      const response = await fetch(here(url), {
        method: "PUT",
        body: bytes,
        headers: { "content-type": type },
      });
      return (await response.json()) as { upload_id: string; sha256: string } & Sent;
    },
    get: (url: string, headers: Record<string, string> = {}, method = "GET") =>
      fetch(here(url), { method, headers }),
    async sweep() {
      const job = uploads.jobs[0];
      const payload = { id: "1", kind: job?.kind ?? "", payload: null, attempt: 1, key: null };
      await job?.run(payload, new AbortController().signal);
    },
    rows: () => db.all<{ id: string; attempts: number }>`SELECT * FROM platform.uploads`,
    async stop() {
      await server.stop(true);
      await ids.close();
      await database.drop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

/** What a test makes fail, or looks at, on its way to the store. */
function breakable(stored: Blobs): Blobs {
  return {
    put: (...given) => stored.put(...given),
    get: (...given) => stored.get(...given),
    head: (...given) => stored.head(...given),
    remove: (...given) => stored.remove(...given),
  };
}

type Sent = {
  type: string;
  bytes: number;
  width: number | null;
  height: number | null;
  thumbnail: { width: number; height: number } | null;
};

export async function codeOf(response: Response): Promise<string> {
  const { code } = (await response.json()) as { code: string };
  return `${response.status} ${code}`;
}

export function files(folder: string): string[] {
  const all = readdirSync(folder, { recursive: true, withFileTypes: true });
  return all.filter((one) => one.isFile()).map((one) => one.name);
}
