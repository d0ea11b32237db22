import { SQL } from "bun";
import { findRunning } from "../../src/platform/db/embedded.ts";
import { Line } from "./line.ts";
import { Stage, until } from "./stage.ts";
import { copyFolder, startStoa, tree, type Stoa } from "./stoa.ts";

/**
 * An installed Stoa with its first admin and an API key, made once and copied by every scenario,
 * since a first start takes several times as long as any other.
 */
export type Install = { dataDir: string; key: string };

const seeds = new Map<string, Promise<Install>>();

/** `madeBy` is the build that makes it: one with another schema needs an install of its own. */
export async function install(stage: Stage, madeBy = tree): Promise<Install> {
  const seed = seeds.get(madeBy) ?? makeSeed(madeBy);
  seeds.set(madeBy, seed);
  const { dataDir: from, key } = await seed;
  const dataDir = await stage.folder("data");
  copyFolder(from, dataDir);
  return { dataDir, key };
}

async function makeSeed(madeBy: string): Promise<Install> {
  await using stage = new Stage();
  // Of no scenario: it goes when the whole run has ended.
  const kept = new Stage();
  const dataDir = await kept.folder("seed");
  const stoa = await startStoa(stage, { dataDir, tree: madeBy });
  const key = await firstKey(stoa);
  await stoa.stop();
  return { dataDir, key };
}

type Saying = Pick<Stoa, "port" | "said">;

/** Of the admin whom the first start has made. It answers a moment before it says so. */
export async function firstSignIn(stoa: Saying): Promise<{ email: string; password: string }> {
  const said = () => /e-mail +(\S+)\s+password +(\S+)\s/.exec(stoa.said());
  await until("the first sign-in is said", () => said() !== null);
  const [, email = "", password = ""] = said() ?? [];
  return { email, password };
}

/** Signs in as that admin, and makes a key for everything. */
export async function firstKey(stoa: Saying): Promise<string> {
  const signIn = await firstSignIn(stoa);
  const line = new Line(stoa.port);
  const post = async (path: string, body: unknown, headers: Record<string, string> = {}) => {
    const answer = await line.ask({ method: "POST", path, headers, body: JSON.stringify(body) });
    if (answer.status >= 300) throw new Error(`${path}: ${answer.status} ${answer.body}`);
    return JSON.parse(answer.body) as Record<string, string>;
  };
  const { access_token: token } = await post("/api/v1/sessions", signIn);
  const authorization = { authorization: `Bearer ${token}` };
  const made = await post("/api/v1/keys", { name: "faults", scopes: ["*"] }, authorization);
  line.close();
  return made["key"] as string;
}

/** A superuser's client of the embedded database that runs on this folder. */
export async function openEmbedded(stage: Stage, dataDir: string): Promise<SQL> {
  const running = await findRunning(dataDir);
  if (!running) throw new Error(`no PostgreSQL runs on ${dataDir}`);
  const sql = new SQL({ ...running.admin, database: "stoa", max: 2 });
  stage.defer(() => sql.close({ timeout: 1 }));
  return sql;
}
