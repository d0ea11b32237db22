import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "../test/free-port.ts";
import { serverCore } from "./load.ts";
import { Tally, Wire } from "./chat-sockets.ts";

/**
 * Rooms to compare with: Socket.IO and ws on Node, each as its documentation broadcasts, Bun's own
 * publish, and Stoa's realtime block. All are fed by one of their members.
 */
export type Room = {
  name: string;
  pid: number;
  /** The character at which its messages are known. */
  kind: string;
  /** Whether a message of it may hold several frames, a line each. */
  joins: boolean;
  open(tally: Tally): Promise<Wire>;
  feed(text: string): string;
  stop(): Promise<void>;
};

export type RoomName = "block" | "bare" | "ws" | "socket.io";

export const peers = { ws: "8.23.0", "socket.io": "4.8.4" };

const wsScript = `const { WebSocketServer, WebSocket } = require("ws");
const server = new WebSocketServer({ host: "127.0.0.1", port: Number(process.argv[2]) });
server.on("connection", (socket) => socket.on("message", (data) => {
  const text = JSON.stringify({ type: "message", body: JSON.parse(data).body });
  for (const client of server.clients) if (client.readyState === WebSocket.OPEN) client.send(text);
}));`;

const socketIoScript = `const { Server } = require("socket.io");
const io = new Server(Number(process.argv[2]), { transports: ["websocket"] });
io.on("connection", (socket) => {
  socket.join("room");
  socket.on("send", (frame) => io.to("room").emit("message", frame));
});`;

/** The peers go into a folder of their own: they are no dependencies of Stoa. */
export async function installPeers(folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  await Bun.write(join(folder, "package.json"), "{}");
  await Bun.write(join(folder, "ws.js"), wsScript);
  await Bun.write(join(folder, "socket.io.js"), socketIoScript);
  const wanted = Object.entries(peers).map(([name, version]) => `${name}@${version}`);
  const command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", ...wanted];
  const npm = Bun.spawn(command, { cwd: folder, stdout: "ignore", stderr: "ignore" });
  if ((await npm.exited) !== 0) throw new Error(`npm could not install ${wanted.join(" and ")}`);
}

export async function startRoom(name: RoomName, folder: string): Promise<Room> {
  const port = freePort();
  const isOurs = name === "block" || name === "bare";
  const command = isOurs
    ? [process.execPath, join(import.meta.dir, "chat-room-server.ts"), name, String(port)]
    : ["node", join(folder, `${name}.js`), String(port)];
  const child = Bun.spawn(["taskset", "-c", serverCore, ...command], {
    env: { ...process.env, NODE_ENV: "production" },
    stdout: "ignore",
    stderr: "inherit",
  });
  await listening(port);
  const isSocketIo = name === "socket.io";
  const path = isSocketIo ? "/socket.io/?EIO=4&transport=websocket" : "/";
  return {
    ...{ name, pid: child.pid, joins: name === "block" },
    // Of `{"type":"message"` and of `42["message"`.
    kind: isSocketIo ? "g" : "m",
    async open(tally) {
      const wire = await Wire.open({ port, path, tally });
      if (isSocketIo) await joined(wire);
      return wire;
    },
    feed: (text) => {
      const frame = JSON.stringify({ type: "send", body: { text } });
      return isSocketIo ? `42["send",${frame}]` : frame;
    },
    async stop() {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}

async function joined(wire: Wire): Promise<void> {
  const here = Promise.withResolvers<void>();
  wire.read = (text) => {
    if (!text.startsWith("40")) return;
    wire.read = null;
    here.resolve();
  };
  wire.send("40");
  await here.promise;
}

async function listening(port: number): Promise<void> {
  for (let tries = 0; tries < 400; tries++) {
    const socket = await Bun.connect({
      ...{ hostname: "127.0.0.1", port },
      socket: { data() {} },
    }).catch(() => null);
    socket?.end();
    if (socket) return;
    await Bun.sleep(25);
  }
  throw new Error(`nothing listens on ${port}`);
}
