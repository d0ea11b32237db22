/**
 * What carries a connection: Bun's WebSocket as it is, or an event stream that behaves like one.
 */
export interface Transport {
  send(text: string): unknown;
  subscribe(topic: string): unknown;
  unsubscribe(topic: string): unknown;
  readonly subscriptions: readonly string[];
  /** Bytes that the other end has not taken yet and that this process keeps. */
  getBufferedAmount(): number;
  close(code?: number, reason?: string): void;
  terminate(): void;
}

/** What one client may leave untaken; above it the connection is cut. */
export const socketBytesMax = 4 * 1024 * 1024;
