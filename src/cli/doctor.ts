import { ConfigError, loadConfig, type Config } from "../platform/config/config.ts";
import type { Call, Env } from "./call.ts";
import { checkDatabase } from "./doctor-database.ts";
import { checkFolder } from "./doctor-folder.ts";
import { checkMachine } from "./doctor-machine.ts";
import { checkSettings } from "./doctor-settings.ts";
import { checkState } from "./doctor-state.ts";
import { fail, type Finding, sound } from "./finding.ts";
import { tableLines } from "./terminal.ts";

/** `stoa doctor`: checks the machine and the configuration. It starts and changes nothing. */
export async function doctorCommand(call: Call): Promise<number> {
  const { config, problems } = loadWhatCanBe(call.env);
  const findings = [
    ...problems,
    ...(await checkSettings(config, call.env)),
    ...(await checkMachine(config)),
    ...(await checkFolder(config)),
    ...(await checkDatabase(config)),
    ...(await checkState(config)),
  ];
  const failed = findings.filter(({ status }) => status === "fail").length;
  const warned = findings.filter(({ status }) => status === "warn").length;
  if (call.is("json")) call.json({ ok: failed === 0, findings });
  else {
    const lines = tableLines(findings.map(({ status, check, found }) => [status, check, found]));
    for (const [index, { remedy }] of findings.entries()) {
      call.print(lines[index] ?? "");
      if (remedy) call.print(`      ${remedy}`);
    }
    const good = failed + warned === 0;
    call.say(good ? "Everything is sound." : `${failed} to mend, ${warned} to look at.`);
  }
  return failed > 0 ? 1 : 0;
}

/** What cannot be right is told and taken as if it were not set, so that the rest is checked. */
function loadWhatCanBe(env: Env): { config: Config; problems: Finding[] } {
  try {
    return { config: loadConfig(env), problems: [sound("settings", "all can be right")] };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const usable = { ...env };
    const problems = error.problems.map((problem) => {
      const [name = ""] = problem.split(":");
      delete usable[name];
      return fail("settings", problem, "Stoa does not start with it: correct or remove it.");
    });
    return { config: loadConfig(usable), problems };
  }
}
