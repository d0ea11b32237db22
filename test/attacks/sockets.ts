import { connect } from "node:net";

/** HTTP as bytes, because no client writes what an attacker does. */
export type RawAnswer = { status: number; head: string; body: string };

export type Talk = {
  /** Everything that came back until the server closed or had nothing more to say. */
  text: string;
  answers: RawAnswer[];
  closed: boolean;
};

/** Longest that the first byte of an answer is waited for. */
const firstAnswerMs = 3_000;

/**
 * Sends pieces as they are, and reads until the server closes or falls silent: nothing comes for
 * `quietMs`, nor until somebody new is answered, which a busy machine does late.
 */
export async function talk(port: number, pieces: string[], quietMs = 120): Promise<Talk> {
  const socket = connect({ port, host: "127.0.0.1" });
  const done = Promise.withResolvers<void>();
  let text = "";
  let closed = false;
  const fallsSilent = async () => {
    const before = text;
    await answersSomebody(port);
    if (text === before) done.resolve();
  };
  let quiet = setTimeout(fallsSilent, firstAnswerMs);
  socket.on("data", (chunk) => {
    text += chunk.toString("latin1");
    clearTimeout(quiet);
    quiet = setTimeout(fallsSilent, quietMs);
  });
  socket.on("error", () => done.resolve());
  socket.on("close", () => {
    closed = true;
    done.resolve();
  });
  for (const piece of pieces) socket.write(Buffer.from(piece, "latin1"));
  await done.promise;
  clearTimeout(quiet);
  socket.destroy();
  return { text, answers: answersIn(text), closed };
}

async function answersSomebody(port: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const socket = connect({ port, host: "127.0.0.1" }, () => socket.write(request("GET /outer")));
  for (const event of ["data", "error", "close"]) socket.on(event, () => resolve());
  await promise;
  socket.destroy();
}

/** Answers are told apart by the length that each declares. */
function answersIn(text: string): RawAnswer[] {
  const out: RawAnswer[] = [];
  for (let rest = text; rest.startsWith("HTTP/1.1 ");) {
    const end = rest.indexOf("\r\n\r\n");
    if (end < 0) break;
    const head = rest.slice(0, end);
    const status = Number(head.slice(9, 12));
    const length = Number(/^content-length: (\d+)/im.exec(head)?.[1] ?? 0);
    out.push({ status, head, body: rest.slice(end + 4, end + 4 + length) });
    rest = rest.slice(end + 4 + length);
  }
  return out;
}

export function headerOf(answer: RawAnswer | undefined, name: string): string | null {
  const line = new RegExp(`^${name}: (.*)$`, "im").exec(answer?.head ?? "");
  return line?.[1]?.trim() ?? null;
}

/** `GET /x HTTP/1.1` with a Host and whatever else. */
export function request(line: string, headers: string[] = [], body = ""): string {
  const host = headers.some((header) => /^host\s*:/i.test(header)) ? [] : ["Host: stoa.test"];
  return [`${line} HTTP/1.1`, ...host, ...headers, "", body].join("\r\n");
}
