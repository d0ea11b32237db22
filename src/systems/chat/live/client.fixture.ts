import type { Person, World } from "../../../../test/world.ts";
import type { ServerFrame } from "../protocol.ts";

/** A client on a real socket that keeps what it is told, and waits for what it wants to hear. */
export type ChatClient = {
  frames: ServerFrame[];
  /** Null while it is open. */
  closed(): number | null;
  send(frame: object): void;
  raw(text: string | Uint8Array<ArrayBuffer>): void;
  /** The first frame so far or to come that is of this type and fits. */
  next<T extends ServerFrame["type"]>(type: T, fits?: (frame: Of<T>) => boolean): Promise<Of<T>>;
  all<T extends ServerFrame["type"]>(type: T): Of<T>[];
  forget(): void;
  close(): Promise<void>;
  waitClosed(): Promise<number>;
};

type Of<T extends ServerFrame["type"]> = Extract<ServerFrame, { type: T }>;

const waitMsMax = 20_000;
const socketPath = "/api/v1/chat/socket";

export async function until<T>(
  found: () => T | undefined | null | false | Promise<T | undefined | null | false>,
  label: string,
): Promise<T> {
  const deadline = performance.now() + waitMsMax;
  for (;;) {
    const value = await found();
    if (value !== undefined && value !== null && value !== false) return value;
    if (performance.now() > deadline) throw new Error(`never came: ${label}`);
    await Bun.sleep(3);
  }
}

/** Connects without a word. */
export async function clientOf(url: string): Promise<ChatClient> {
  const socket = new WebSocket(url.replace(/^http/, "ws") + socketPath);
  const client = clientOn(socket);
  await until(() => socket.readyState === WebSocket.OPEN, "an open socket");
  return client;
}

export async function signIn(
  world: Pick<World, "url">,
  person: Person,
  hello: Record<string, unknown> = {},
): Promise<ChatClient> {
  const client = await clientOf(world.url);
  client.send({ type: "hello", v: 1, token: person.key, device_id: "device-one", ...hello });
  await client.next("ready");
  return client;
}

export async function openGroup(world: World, owner: Person, members: Person[]): Promise<string> {
  const { status, body } = await world.call("POST", "/api/v1/chat/conversations", {
    as: owner,
    body: { kind: "group", title: "Group", account_ids: members.map(({ id }) => id) },
  });
  if (status !== 201) throw new Error(JSON.stringify(body));
  return (body as { id: string }).id;
}

export function message(conversationId: string, text: string, id: string = crypto.randomUUID()) {
  return {
    type: "send",
    conversation_id: conversationId,
    client_msg_id: id,
    body: { text },
  };
}

function clientOn(socket: WebSocket): ChatClient {
  const frames: ServerFrame[] = [];
  let code: number | null = null;
  socket.addEventListener("message", ({ data }) => {
    for (const line of String(data).split("\n")) frames.push(JSON.parse(line) as ServerFrame);
  });
  socket.addEventListener("close", (event) => (code = event.code));
  const client: ChatClient = {
    frames,
    closed: () => code,
    send: (frame) => socket.send(JSON.stringify(frame)),
    raw: (text) => socket.send(text),
    next: (type, fits = () => true) =>
      until(() => client.all(type).find(fits), `${type} among ${JSON.stringify(frames)}`),
    all: (type) => frames.filter((frame) => frame.type === type) as never,
    forget: () => void frames.splice(0),
    async close() {
      socket.close();
      await client.waitClosed();
    },
    waitClosed: () => until(() => code, "the end of the connection"),
  };
  return client;
}
