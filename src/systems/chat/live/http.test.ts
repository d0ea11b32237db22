import { afterAll, beforeAll, expect, test } from "bun:test";
import { freePort } from "../../../../test/free-port.ts";
import { startWorld, type Person, type World } from "../../../../test/world.ts";
import { openStalled } from "../../../platform/realtime/stalled-client.fixture.ts";
import { closeCodes, type ServerFrame } from "../protocol.ts";
import { message, openGroup, signIn, until } from "./client.fixture.ts";

/** Where WebSockets are blocked or refused, and how a process ends, on the whole program. */
const redirectPort = freePort();
const socketPath = "/api/v1/chat/socket";
let world: World;
let group: string;
beforeAll(async () => {
  world = await startWorld({ STOA_REDIRECT_PORT: String(redirectPort) });
  group = await openGroup(world, world.ada, [world.bob]);
});
afterAll(() => world.stop());

/** An event stream, its frames as they come. */
async function openStream(person: Person) {
  const gone = new AbortController();
  const response = await fetch(`${world.url}/api/v1/chat/events?device_id=stream-device`, {
    headers: { authorization: `Bearer ${person.key}` },
    signal: gone.signal,
  });
  const frames: ServerFrame[] = [];
  let text = "";
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  const decoder = new TextDecoder();
  const read = async () => {
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      text += decoder.decode(part.value, { stream: true });
      const events = text.split("\n\n");
      text = events.pop() ?? "";
      for (const line of events.flatMap((event) => event.split("\n"))) {
        if (line.startsWith("data: {")) frames.push(JSON.parse(line.slice(6)) as ServerFrame);
      }
    }
  };
  const ended = read().catch(() => {});
  const next = (type: ServerFrame["type"]) =>
    until(() => frames.find((frame) => frame.type === type), `${type} on a stream`);
  return { response, frames, next, ended, close: () => gone.abort() };
}

const post = (body: unknown, as: Person | string | null = world.ada) =>
  world.call("POST", "/api/v1/chat/frames", { as, body });

test("the same frames come over an event stream, and what is posted is answered", async () => {
  const stream = await openStream(world.ada);
  expect(stream.response.headers.get("content-type")).toBe("text/event-stream");
  const welcome = await stream.next("welcome");
  await stream.next("ready");
  const sent = message(group, "posted");
  const { status, body } = await post({
    device_id: "stream-device",
    session_id: welcome.type === "welcome" ? welcome.session_id : "",
    frames: [sent, { type: "nonsense" }, message("7", "x"), { type: "presence", watch: [] }],
  });
  expect(status).toBe(200);
  expect((body as { frames: ServerFrame[] }).frames).toMatchObject([
    { type: "ack", client_msg_id: sent.client_msg_id },
    { type: "error", code: "request.invalid", field: "type" },
    { type: "error", code: "chat.not_found" },
  ]);
  const heard = await stream.next("message");
  expect(heard).toMatchObject({ message: { body: { text: "posted" } } });
  stream.close();
  await stream.ended;
});

test("what is posted needs no stream, except what is about one", async () => {
  const { body } = await post({
    device_id: "stream-device",
    frames: [{ type: "ping" }, { type: "watch", conversation_id: group, on: true }],
  });
  expect((body as { frames: ServerFrame[] }).frames).toMatchObject([
    { type: "beat", tops: [] },
    { type: "error", code: "request.invalid", field: "session_id" },
  ]);
});

test("a stream and posts are for whoever may read", async () => {
  const path = "/api/v1/chat/events?device_id=stream-device";
  expect((await world.call("GET", path, { as: null })).status).toBe(401);
  expect((await world.call("GET", path, { as: world.createOnlyKey })).status).toBe(403);
  expect((await world.call("GET", "/api/v1/chat/events?device_id=x")).status).toBe(400);
  const ping = { device_id: "stream-device", frames: [{ type: "ping" }] };
  expect((await post(ping, null)).status).toBe(401);
  expect((await post(ping, world.createOnlyKey)).status).toBe(403);
  expect((await post({ device_id: "stream-device", frames: [] })).status).toBe(400);
});

test("foreign pages are refused, and the port for short links opens no sockets", async () => {
  const { port } = new URL(world.url);
  const from = (origin: string, at = Number(port)) =>
    openStalled(at, socketPath, { Origin: origin });
  await expect(from("https://evil.example")).rejects.toThrow("403");
  await expect(from("http://stoa.test", redirectPort)).rejects.toThrow("404");
  (await from("http://stoa.test")).destroy();
  const missing = await fetch(`http://127.0.0.1:${redirectPort}/nothing`, { redirect: "manual" });
  expect(missing.status).toBe(404);
  expect((await fetch(`http://127.0.0.1:${redirectPort}/healthz`)).status).toBe(200);
});

test("a process that ends says so, and answers what it was asked before it closes", async () => {
  const ending = await startWorld();
  const id = await openGroup(ending, ending.ada, [ending.bob]);
  const ada = await signIn(ending, ending.ada);
  const sent = [...Array(20).keys()].map((n) => message(id, `${n}`));
  for (const one of sent) ada.send(one);
  await ada.next("ack");
  const stopped = ending.stop();
  expect((await ada.next("drain")).delay_ms).toBeGreaterThanOrEqual(0);
  expect(await ada.waitClosed()).toBe(closeCodes.draining);
  expect(ada.all("ack")).toHaveLength(20);
  await stopped;
});
