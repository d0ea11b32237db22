import { expect, test } from "bun:test";
import { connect, type Socket } from "node:net";
import { turnAwayNew } from "./turn-away.ts";

const request = "GET / HTTP/1.1\r\nhost: a.test\r\n\r\n";

/** Resolves with how it went: "connect", or the error's code. */
function outcomeOf(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    socket.on("connect", () => resolve("connect"));
    socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  });
}

test.if(process.platform === "linux")(
  "who has connected is answered, who comes later is refused once the socket closes",
  async () => {
    const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("here") });
    const at = { port: server.port!, host: "127.0.0.1" };
    const early = connect(at);
    expect(await outcomeOf(early)).toBe("connect");
    expect(turnAwayNew(at.port)).toBe(true);
    const late = outcomeOf(connect(at));
    const answer = new Promise<string>((resolve) => early.on("data", (b) => resolve(`${b}`)));
    early.write(request);
    expect(await answer).toEndWith("here");
    await server.stop(true);
    expect(await late).toBe("ECONNREFUSED");
  },
);

test("a port that nobody listens on is told", () => {
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
  const { port } = server;
  server.stop(true);
  expect(turnAwayNew(port!)).toBe(false);
});
