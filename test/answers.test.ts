import { expect, test } from "bun:test";
import { z } from "zod";
import { route } from "../src/platform/http/route.ts";
import { Metrics } from "../src/platform/metrics/metrics.ts";
import { declaredBy, recordAnswers, unanswered } from "./answers.ts";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const readNote = route({
  method: "GET",
  path: "/api/v1/notes/{id}",
  summary: "Read a note",
  tag: "notes",
  access: "member",
  scope: "notes:read",
  params: z.object({ id: z.string() }),
  replies: { 200: z.object({}) },
  errors: ["links.not_found"],
  handler: () => ({ status: 200 }),
});
const name = "GET /api/v1/notes/{id}";

test("a route declares its success and the errors that a caller can provoke", () => {
  expect(declaredBy(readNote)).toEqual([200, 400, 401, 403, 404, 429]);
});

test("what no test saw is told, over all processes that recorded", async () => {
  const folder = await mkdtemp(join(tmpdir(), "stoa-answers-"));
  const file = join(folder, "answers");
  const before = process.env["ROUTE_ANSWERS_FILE"];
  process.env["ROUTE_ANSWERS_FILE"] = file;
  try {
    for (const statuses of [
      ["200", "404"],
      ["401", "403", "429"],
    ]) {
      const metrics = new Metrics();
      for (const status of statuses) {
        metrics.counter("stoa_http_requests_total", "", { route: name, status }).add();
      }
      recordAnswers([readNote], metrics);
    }
    expect(unanswered(await Bun.file(file).text())).toEqual([
      `${name}: no test sees it answer 400`,
    ]);
  } finally {
    if (before === undefined) delete process.env["ROUTE_ANSWERS_FILE"];
    else process.env["ROUTE_ANSWERS_FILE"] = before;
    await rm(folder, { recursive: true });
  }
});

test("a run that recorded nothing is no success", () => {
  expect(unanswered("")).toHaveLength(1);
});
