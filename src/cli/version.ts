import { version } from "../../package.json";
import type { Call } from "./call.ts";

export async function versionCommand(call: Call): Promise<number> {
  if (call.is("json")) call.json({ stoa: version, bun: Bun.version });
  else call.print(`stoa ${version} (Bun ${Bun.version})`);
  return 0;
}
