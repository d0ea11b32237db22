import type { Route } from "../../src/platform/http/route.ts";
import { password, type Person, type World } from "../world.ts";

/** How somebody comes to have one of whatever a path names, so that tests can attack it. */
export async function signIn(world: World, person: Person): Promise<string> {
  const body = { email: person.email, password };
  const reply = await world.call("POST", "/api/v1/sessions", { as: null, body });
  return (reply.body as { access_token: string }).access_token;
}

export async function keyWith(
  world: World,
  { person, scopes, expires_at = null }: KeyWish,
): Promise<{ id: string; key: string }> {
  const wish = { name: "attack", scopes, expires_at };
  return await world.db.write((tx) => world.running.operations.createKey(tx, person.id, wish));
}

type KeyWish = { person: Person; scopes: string[]; expires_at?: Date | null };
/** `within` are the ids made for the parameters before it. */
type Maker = (world: World, person: Person, token: string, within: string[]) => Promise<string>;

let count = 0;

/**
 * Parameters that name nobody's own thing: places within what comes before them, a link that is
 * itself the right to follow it, a file that its signature opens, people whom anybody may block.
 */
const namesNothing = /\{(seq|n|emoji|token|upload_id)\}|^PUT .*\/blocks\/\{account_id\}/;

/** Of each parameter of a path, whether it names something that somebody has. */
export function ownedPlaces({ method, path }: Pick<Route, "method" | "path">): boolean[] {
  return [...path.matchAll(/\{\w+\}/g)].map((match) => {
    const upTo = path.slice(0, match.index) + match[0];
    return !namesNothing.test(match[0]) && !namesNothing.test(`${method} ${upTo}`);
  });
}

/** By the path up to the parameter. */
const makers: Record<string, Maker> = {
  "/api/v1/sessions/": async (world, person) => {
    const as = await signIn(world, person);
    const { items } = (await world.call("GET", "/api/v1/sessions", { as })).body as {
      items: { id: string; current: boolean }[];
    };
    return items.find((item) => item.current)?.id as string;
  },
  "/api/v1/keys/": async (world, person) =>
    (await keyWith(world, { person, scopes: ["links:read"] })).id,
  "/api/v1/links/": (world, _, token) =>
    made(world, token, "links", { url: "https://example.com/" }),
  "/api/v1/domains/": (world, _, token) =>
    made(world, token, "domains", { host: `go${++count}.example.com` }),
  "/api/v1/webhooks/": (world, _, token) =>
    made(world, token, "webhooks", { url: "http://127.0.0.1:9/", event_types: ["*"] }),
  "/api/v1/chat/conversations/": (world, _, token) =>
    made(world, token, "chat/conversations", { kind: "group", title: "A group" }),
  // With all that a message may have, so that all that is done to one can be.
  "/api/v1/chat/conversations/{id}/messages/": async (world, _, token, [group]) => {
    const poll = { question: "Which?", options: ["this", "that"] };
    const attachments = [{ upload_id: await uploaded(world, token), kind: "file" }];
    const reply = await world.call("POST", `/api/v1/chat/conversations/${group}/messages`, {
      ...{ as: token, body: { client_msg_id: `attacked-${++count}`, body: { poll, attachments } } },
    });
    return String((reply.body as { seq: number }).seq);
  },
  "/api/v1/chat/conversations/{id}/messages/{seq}/attachments/": async () => "0",
  "/api/v1/chat/conversations/{id}/messages/{seq}/reactions/": async (world, _, token, ids) => {
    const emoji = encodeURIComponent("👍");
    const path = `/api/v1/chat/conversations/${ids[0]}/messages/${ids[1]}/reactions/${emoji}`;
    await world.call("PUT", path, { as: token });
    return emoji;
  },
  "/api/v1/chat/uploads/": async () => "1",
  "/api/v1/chat/scheduled/": async (world, _, token) => {
    const conversation_id = await made(world, token, "chat/conversations", {
      ...{ kind: "group", title: "A group" },
    });
    return await made(world, token, "chat/scheduled", {
      ...{ conversation_id, client_msg_id: `attacked-${++count}`, body: { text: "Later" } },
      send_at: new Date(Date.now() + 3_600_000).toISOString(),
    });
  },
  "/api/v1/chat/conversations/{id}/members/": async (world, _, token, [group]) => {
    const id = await somebody(world);
    const body = { account_ids: [id] };
    await world.call("POST", `/api/v1/chat/conversations/${group}/members`, { as: token, body });
    return id;
  },
  "/api/v1/chat/conversations/{id}/invites/": (world, _, token, [group]) =>
    made(world, token, `chat/conversations/${group}/invites`, {}),
  "/api/v1/chat/conversations/{id}/filters/": (world, _, token, [group]) =>
    made(world, token, `chat/conversations/${group}/filters`, { text: "darn", action: "mask" }),
  "/api/v1/chat/blocks/": async (world, _, token) => {
    const id = await somebody(world);
    await world.call("PUT", `/api/v1/chat/blocks/${id}`, { as: token });
    return id;
  },
  "/api/v1/chat/invites/": async (world, _, token) => {
    const group = await made(world, token, "chat/conversations", { kind: "group", title: "Open" });
    const path = `/api/v1/chat/conversations/${group}/invites`;
    const reply = await world.call("POST", path, { as: token, body: {} });
    return (reply.body as { token: string }).token;
  },
};

/** A file that is stored and in no message yet. */
async function uploaded(world: World, as: string): Promise<string> {
  const reply = await world.call("POST", "/api/v1/chat/uploads", { as, body: { kind: "file" } });
  const { upload_id, url } = reply.body as { upload_id: string; url: string };
  const { pathname, search } = new URL(url);
  const headers = { "content-type": "text/plain" };
  await fetch(world.url + pathname + search, { method: "PUT", body: "words", headers });
  return upload_id;
}

/** Another account, that nothing else is known of. */
async function somebody(world: World): Promise<string> {
  const email = `somebody${++count}@stoa.test`;
  const account = await world.db.write((tx) =>
    world.running.operations.createAccount(tx, { email, password }),
  );
  return account.id;
}
const deliveries = "/api/v1/webhooks/{id}/deliveries/";

/** Fresh ids of the person's own for every parameter of a path, in order. */
export async function ownIds(
  world: World,
  { path }: Pick<Route, "path">,
  person: Person,
  token: string,
): Promise<string[]> {
  const ids: string[] = [];
  for (const match of path.matchAll(/\{\w+\}/g)) {
    const before = path.slice(0, match.index);
    if (before === deliveries) ids.push(await made(world, token, `webhooks/${ids[0]}/test`));
    else {
      const make = makers[before];
      if (!make) throw new Error(`${path}: say in makers how somebody comes to have one of these`);
      ids.push(await make(world, person, token, ids));
    }
  }
  return ids;
}

async function made(world: World, as: string, what: string, body?: unknown): Promise<string> {
  const reply = await world.call("POST", `/api/v1/${what}`, { as, body });
  if (reply.status >= 300) throw new Error(`POST ${what}: ${JSON.stringify(reply.body)}`);
  return (reply.body as { id: string }).id;
}
