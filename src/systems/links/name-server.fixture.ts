import { createSocket } from "node:dgram";

/**
 * A name server of our own, on a free port of this machine: it answers questions for TXT records
 * from a map, and everything else by "there is no such name". Messages are as RFC 1035 has them.
 */
export type NameServer = {
  /** As `address:port`. */
  address: string;
  /** Texts by name; "fails" has the server say that it is in trouble. */
  records: Map<string, string[] | "fails">;
  asked: string[];
  stop(): Promise<void>;
};

const txt = 16;
const headerBytes = 12;

export async function startNameServer(): Promise<NameServer> {
  const records: NameServer["records"] = new Map();
  const asked: string[] = [];
  const socket = createSocket("udp4");
  socket.on("message", (question, from) => {
    const { name, type, end } = readQuestion(question);
    asked.push(name);
    const found = type === txt ? (records.get(name) ?? []) : [];
    socket.send(answerTo(question.subarray(0, end), found), from.port, from.address);
  });
  const { promise: bound, resolve } = Promise.withResolvers<void>();
  socket.bind(0, "127.0.0.1", resolve);
  await bound;
  return {
    address: `127.0.0.1:${socket.address().port}`,
    records,
    asked,
    stop: () => new Promise((done) => socket.close(() => done())),
  };
}

function readQuestion(message: Buffer): { name: string; type: number; end: number } {
  const labels: string[] = [];
  let at = headerBytes;
  for (let length = message[at] ?? 0; length > 0; length = message[at] ?? 0) {
    labels.push(message.toString("latin1", at + 1, at + 1 + length));
    at += 1 + length;
  }
  // After the name: its final zero, two bytes of type, two of class.
  return { name: labels.join(".").toLowerCase(), type: message.readUInt16BE(at + 1), end: at + 5 };
}

function answerTo(question: Buffer, found: string[] | "fails"): Buffer {
  const texts = found === "fails" ? [] : found;
  const head = Buffer.from(question);
  // Of RFC 1035: no error, server failure, no such name.
  const outcome = found === "fails" ? 2 : texts.length > 0 ? 0 : 3;
  // A response to a recursive question.
  head.writeUInt16BE(0x8180 | outcome, 2);
  head.writeUInt16BE(texts.length, 6);
  head.writeUInt32BE(0, 8);
  return Buffer.concat([head, ...texts.map(record)]);
}

/** The name by a pointer to the question's, then type, class, a life of one second, the text. */
function record(text: string): Buffer {
  const content = Buffer.from(text);
  const head = Buffer.from([0xc0, headerBytes, 0, txt, 0, 1, 0, 0, 0, 1, 0, 0, content.length]);
  head.writeUInt16BE(content.length + 1, 10);
  return Buffer.concat([head, content]);
}
