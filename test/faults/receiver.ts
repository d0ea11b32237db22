import { createServer, type AddressInfo, type Socket } from "node:net";
import { createServer as createHttpServer } from "node:http";
import { expect } from "bun:test";
import { Line } from "./line.ts";
import type { Stage } from "./stage.ts";

/** Somebody's webhook endpoint on loopback, in good or in bad health. */
export type Received = { id: string; data: { link_id: string }; text: string };

export type Receiver = {
  url: string;
  got: Received[];
  /** Connections or requests that reached it. */
  tries(): number;
};

export function startReceiver(stage: Stage, way: "answer" | "reset" | "hang"): Receiver {
  return way === "answer" ? startGood(stage) : startBad(stage, way);
}

function startGood(stage: Stage): Receiver {
  const got: Received[] = [];
  const server = createHttpServer((request, response) => {
    let text = "";
    request.on("data", (chunk: Buffer) => (text += chunk.toString()));
    request.on("end", () => {
      got.push({ ...(JSON.parse(text) as Omit<Received, "text">), text });
      response.writeHead(200).end();
    });
  });
  server.listen(0, "127.0.0.1");
  stage.defer(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/hook`, got, tries: () => got.length };
}

function startBad(stage: Stage, way: "reset" | "hang"): Receiver {
  let tries = 0;
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    tries++;
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    socket.on("data", () => {
      if (way === "reset") socket.resetAndDestroy();
    });
  });
  server.listen(0, "127.0.0.1");
  stage.defer(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/hook`, got: [], tries: () => tries };
}

/** To links that are made. */
export async function subscribe(port: number, key: string, receiver: Receiver): Promise<void> {
  const line = new Line(port);
  const answer = await line.ask({
    method: "POST",
    path: "/api/v1/webhooks",
    headers: { authorization: `Bearer ${key}` },
    body: JSON.stringify({ url: receiver.url, event_types: ["links.created"] }),
  });
  line.close();
  expect(answer.status).toBe(201);
}
