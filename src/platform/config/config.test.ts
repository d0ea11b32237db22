import { expect, test } from "bun:test";
import { ConfigError, loadConfig } from "./config.ts";

function problemsOf(env: Record<string, string>): string[] {
  try {
    loadConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

test.each([
  [{ PORT: "4000", STOA_REDIRECT_PORT: "4000" }, ["STOA_REDIRECT_PORT: 4000 is PORT too"]],
  [{ STOA_LIMIT_GRPC_PORT: "3000" }, ["STOA_LIMIT_GRPC_PORT: 3000 is PORT too"]],
  [
    { STOA_REDIRECT_PORT: "4001", STOA_LIMIT_GRPC_PORT: "4001" },
    ["STOA_LIMIT_GRPC_PORT: 4001 is STOA_REDIRECT_PORT too"],
  ],
  [{ PORT: "x", STOA_REDIRECT_PORT: "x" }, ['PORT: "x" is not', 'STOA_REDIRECT_PORT: "x" is not']],
  [{ STOA_LEASE_REDIS_URLS: "redis://127.0.0.1:1" }, ["STOA_LEASE_REDIS_URLS: needs REDIS_URL"]],
  [{ STOA_LEASE_REDIS_URLS: "redis://127.0.0.1:1", REDIS_URL: "redis://127.0.0.1:2" }, []],
  [{ PORT: "0", STOA_REDIRECT_PORT: "0" }, []],
  [{ PORT: "4000", STOA_REDIRECT_PORT: "4001" }, []],
] as [Record<string, string>, string[]][])("what is wrong with %j", (env, said) => {
  const problems = problemsOf(env);
  expect(problems).toHaveLength(said.length);
  for (const [n, text] of said.entries()) expect(problems[n]).toStartWith(text);
});
