/**
 * A port of this machine that nothing listens on right now, for settings that take no 0. Not one
 * of those that the kernel gives to clients: one of them could connect to itself there, and keep
 * a server that comes back from its port. With `alsoAbove`, the port so far above it is such a one
 * as well.
 */
export function freePort({ alsoAbove = 0 } = {}): number {
  for (;;) {
    const port = firstPort + Math.floor(Math.random() * (ports - alsoAbove));
    if (isFree(port) && isFree(port + alsoAbove)) return port;
  }
}

function isFree(port: number): boolean {
  try {
    Bun.listen({ hostname: "127.0.0.1", port, socket: { data() {} } }).stop(true);
    return true;
  } catch {
    return false;
  }
}

/** Below 32768, where the kernel begins. */
const firstPort = 16_000;
const ports = 16_000;
