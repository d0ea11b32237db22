import { firstKey } from "./install.ts";
import { startPostgres, type Postgres } from "./postgres.ts";
import type { Stage } from "./stage.ts";
import { startStoa, type Stoa, type StoaOptions } from "./stoa.ts";

/** Several processes of Stoa, each with a data folder of its own, on one database. */
export type Many = {
  postgres: Postgres;
  key: string;
  stoas: Stoa[];
  /** Starts the process with this number again, on the same port and folder. */
  again(number: number): Promise<Stoa>;
};

export type ManyOptions = Partial<StoaOptions> & {
  /** What the process with this number reaches the database by. */
  databaseUrl?(postgres: Postgres, number: number): Promise<string>;
  /** Further settings of the process with this number. */
  envOf?(number: number): Record<string, string>;
};

const poolMax = "8";
const startsAtOnce = 4;

export async function startMany(
  stage: Stage,
  count: number,
  options: ManyOptions = {},
): Promise<Many> {
  const { databaseUrl, envOf, ...others } = options;
  const postgres = await startPostgres(stage);
  const start = async (number: number, dataDir: string, port?: number) =>
    await startStoa(stage, {
      ...others,
      dataDir,
      port,
      env: {
        DATABASE_URL: (await databaseUrl?.(postgres, number)) ?? postgres.url(),
        STOA_DATABASE_POOL_MAX: poolMax,
        ...others.env,
        ...envOf?.(number),
      },
    });
  const folders = await Promise.all(Array.from({ length: count }, () => stage.folder("data")));
  const stoas = [await start(0, folders[0]!)];
  const key = await firstKey(stoas[0]!);
  const rest = folders.slice(1);
  for (let first = 1; rest.length > 0; first += startsAtOnce) {
    const next = rest.splice(0, startsAtOnce);
    stoas.push(...(await Promise.all(next.map((folder, n) => start(first + n, folder)))));
  }
  return {
    postgres,
    key,
    stoas,
    async again(number) {
      return (stoas[number] = await start(number, folders[number]!, stoas[number]!.port));
    },
  };
}
