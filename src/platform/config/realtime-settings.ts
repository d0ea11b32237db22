import { int, list } from "./setting.ts";

/** The settings of live connections; `settings` in config.ts has them among all others. */
export const realtimeSettings = {
  // Live connections
  socketsMax: int(
    "STOA_SOCKETS_MAX",
    20_000,
    { min: 1, max: 1_000_000 },
    "WebSockets and event streams open at once in one process; above it 503 with Retry-After.",
  ),
  socketAcceptsPerSecond: int(
    "STOA_SOCKET_ACCEPTS_PER_SECOND",
    500,
    { min: 1, max: 100_000 },
    "New connections that one process takes in a second; above it 503 with Retry-After.",
  ),
  socketBufferBytesMax: int(
    "STOA_SOCKET_BUFFER_BYTES_MAX",
    64 * 1024 * 1024,
    { min: 1024 * 1024, max: 1024 ** 4 },
    "What all clients of one process together may leave unread; above it the slowest are cut off.",
  ),
  socketSlowMsMax: int(
    "STOA_SOCKET_SLOW_MS_MAX",
    10_000,
    { min: 100, max: 600_000 },
    "How long a client may take to read its backlog before its connection is closed.",
  ),
  socketOrigins: list(
    "STOA_SOCKET_ORIGINS",
    [],
    "Origins besides STOA_PUBLIC_URL whose pages may connect, e.g. https://app.example.com.",
  ),
};
