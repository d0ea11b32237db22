import type { Principal } from "../../platform/auth/principal.ts";
import type { Clock } from "../../platform/clock/clock.ts";
import { AppError, errorStatus } from "../../platform/errors/errors.ts";
import { invalid } from "../../platform/http/problem.ts";
import { route, type Route } from "../../platform/http/route.ts";
import { toWire, type Naming } from "./link.ts";
import type { Draft, Shorten } from "./shorten.ts";
import type { ListedRow } from "./store.ts";
import { bulkBody, bulkReply, createLinkBody, type CreateLink } from "./wire.ts";

/** Many links in one request and one transaction, where each has its own outcome. */
type BulkDeps = { clock: Clock; shorten: Shorten; naming: Naming };

/** 1,000 links with long URLs and rules. */
const bulkBytesMax = 10 * 1024 * 1024;
/** Each password takes tens of milliseconds of a processor: these make a few seconds. */
export const passwordsPerBulkMax = 50;

export function bulkRoute(deps: BulkDeps): Route {
  return route({
    method: "POST",
    path: "/api/v1/links/bulk",
    summary: "Make up to 1,000 links, each with its own result",
    tag: "links",
    access: "member",
    scope: "links:create",
    idempotent: true,
    bodyBytesMax: bulkBytesMax,
    body: bulkBody,
    replies: { 200: bulkReply },
    errors: ["links.alias_limit"],
    async handler({ body: { links }, principal, write }) {
      const prepared = await prepareAll(deps.shorten, principal, links);
      return await write(async (tx) => {
        const drafts = prepared.filter((p): p is Draft => !(p instanceof AppError));
        const made = await deps.shorten.createMany(tx, drafts);
        return { status: 200, body: summarise(deps, merge(prepared, made)) };
      });
    },
  });
}

/**
 * Each wish is judged alone, so that one that is wrong costs the others nothing. Passwords are
 * hashed one after another: in the queue of hashes a bulk takes the place of a single link.
 */
async function prepareAll(shorten: Shorten, owner: Principal, wishes: unknown[]) {
  let passwords = 0;
  let lastHashed: Promise<unknown> = Promise.resolve();
  const prepared = wishes.map((wish, i): AppError | Promise<Draft | AppError> => {
    const parsed = createLinkBody.safeParse(wish);
    if (!parsed.success) return invalid(`links[${i}]`, parsed.error);
    if (!parsed.data.password) return draftOf(shorten, owner, parsed.data);
    if (++passwords > passwordsPerBulkMax) return tooManyPasswords(`links[${i}].password`);
    const mine = lastHashed.then(() => draftOf(shorten, owner, parsed.data));
    lastHashed = mine;
    return mine;
  });
  return await Promise.all(prepared);
}

async function draftOf(
  shorten: Shorten,
  owner: Principal,
  wish: CreateLink,
): Promise<Draft | AppError> {
  try {
    return await shorten.draft(owner, wish);
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
}

function tooManyPasswords(field: string): AppError {
  const message = `one call makes ${passwordsPerBulkMax} links with a password; send it in another`;
  return new AppError("links.invalid", `${field}: ${message}`, { fields: [{ field, message }] });
}

type Outcome = ListedRow | AppError;

/** Puts what became of the drafts back between the refusals, in the order of the wishes. */
function merge(prepared: (Draft | AppError)[], made: Outcome[]): Outcome[] {
  let next = 0;
  return prepared.map((p) => (p instanceof AppError ? p : (made[next++] as Outcome)));
}

function summarise({ naming, clock }: BulkDeps, outcomes: Outcome[]) {
  const results = outcomes.map((outcome) =>
    outcome instanceof AppError
      ? refused(outcome)
      : { status: 201, link: toWire(outcome, naming, clock.now()) },
  );
  const created = results.filter((result) => result.status === 201).length;
  return { created, failed: results.length - created, results };
}

function refused(error: AppError) {
  const { code, message: detail, fields } = error;
  return {
    status: errorStatus[code],
    code,
    detail,
    ...(fields.length > 0 ? { errors: fields } : {}),
  };
}
