import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import type { Stage } from "./stage.ts";

/**
 * A TCP proxy on loopback that can go wrong: `hold` forwards nothing and closes nothing, like a
 * cable pulled out; `cut` forwards what is sent and drops the connection instead of the reply.
 */
export type Mode = "pass" | "hold" | "cut";

export type Proxy = {
  port: number;
  set(mode: Mode): void;
  /** Connections that ended without the reply they were to get. */
  cuts(): number;
};

export async function startProxy(stage: Stage, to: { port: number }): Promise<Proxy> {
  let mode: Mode = "pass";
  let cuts = 0;
  const sockets = new Set<Socket>();
  const held: (() => void)[] = [];
  const server = createServer((client) => {
    const upstream = connect({ port: to.port, host: "127.0.0.1", noDelay: true });
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    const forward = (from: Socket, into: Socket, reply: boolean) => {
      from.on("data", (chunk: Buffer) => {
        if (mode === "hold") {
          from.pause();
          held.push(() => {
            into.write(chunk);
            from.resume();
          });
        } else if (mode === "cut" && reply) {
          cuts++;
          client.resetAndDestroy();
        } else into.write(chunk);
      });
    };
    forward(client, upstream, false);
    forward(upstream, client, true);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  stage.defer(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return {
    port: (server.address() as AddressInfo).port,
    cuts: () => cuts,
    set(next) {
      mode = next;
      if (mode === "pass") for (const release of held.splice(0)) release();
    },
  };
}
