import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { copyCluster, shareConsole } from "../../test/data-folder.ts";
import { freePort } from "../../test/free-port.ts";

/** The real `stoa` command as a child process, in a folder and with settings of its own. */
const program = join(import.meta.dir, "../../bin/stoa");
const startTimeoutMs = 60_000;

export type Ran = { code: number; out: string; err: string };
type Env = Record<string, string>;

export type Place = {
  folder: string;
  dataDir: string;
  /** Runs a command to its end. */
  stoa(args: string[], options?: { env?: Env; stdin?: string }): Promise<Ran>;
  /** Starts a command whose words can be followed while it runs. */
  start(args: string[], options?: { env?: Env }): Started;
  remove(): Promise<void>;
};

export type Started = {
  pid: number;
  /** Everything said so far, on both streams. */
  said(): string;
  /** Resolves when the words match; fails when it ends before that. */
  until(pattern: RegExp): Promise<RegExpExecArray>;
  signal(name: NodeJS.Signals): void;
  ended: Promise<Ran>;
};

export async function createPlace(env: Env = {}): Promise<Place> {
  const folder = await mkdtemp(join(tmpdir(), "stoa-cli-"));
  const dataDir = join(folder, "data");
  copyCluster(dataDir);
  const start: Place["start"] = (args, options = {}) =>
    startProgram(folder, args, { STOA_DATA_DIR: dataDir, ...env, ...options.env });
  return {
    folder,
    dataDir,
    start,
    async stoa(args, options = {}) {
      const own = { STOA_DATA_DIR: dataDir, ...env, ...options.env };
      return await startProgram(folder, args, own, options.stdin ?? "").ended;
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

export type Server = { url: string; admin: string; stop(): Promise<Ran> };

export async function startServer(place: Place, env: Env = {}): Promise<Server> {
  const port = String(freePort());
  shareConsole(env["STOA_DATA_DIR"] ?? place.dataDir);
  const running = place.start(["serve", "--port", port, "--host", "127.0.0.1"], { env });
  await running.until(/Stoa is ready/);
  const admin = /e-mail +(\S+)/.exec(running.said())?.[1] ?? "";
  return {
    url: `http://127.0.0.1:${port}`,
    admin,
    async stop() {
      running.signal("SIGTERM");
      return await running.ended;
    },
  };
}

/** Nothing of our own environment but where programs and their folders are. */
function startProgram(cwd: string, args: string[], env: Env, stdin = ""): Started {
  const { PATH = "", HOME = "", TMPDIR } = process.env;
  const child = Bun.spawn([program, ...args], {
    cwd,
    env: { PATH, HOME, ...(TMPDIR ? { TMPDIR } : {}), ...env },
    stdin: new Blob([stdin]),
    stdout: "pipe",
    stderr: "pipe",
  });
  const said = { out: "", err: "" };
  const changed = new Set<() => void>();
  const follow = async (stream: ReadableStream<Uint8Array>, to: "out" | "err") => {
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      said[to] += decoder.decode(chunk, { stream: true });
      for (const look of changed) look();
    }
  };
  const streams = Promise.all([follow(child.stdout, "out"), follow(child.stderr, "err")]);
  const ended = streams.then(async () => ({ code: await child.exited, ...said }));
  const everything = () => said.out + said.err;
  return {
    pid: child.pid,
    said: everything,
    signal: (name) => child.kill(name),
    ended,
    until: (pattern) =>
      new Promise((resolve, reject) => {
        const settle = (done: () => void) => {
          changed.delete(look);
          clearTimeout(timer);
          done();
        };
        const fail = () =>
          reject(new Error(`${args.join(" ")} never said ${pattern}: ${everything()}`));
        const look = () => {
          const match = pattern.exec(everything());
          if (match) settle(() => resolve(match));
        };
        const timer = setTimeout(() => settle(fail), startTimeoutMs);
        changed.add(look);
        look();
        void ended.then(() => settle(fail));
      }),
  };
}
