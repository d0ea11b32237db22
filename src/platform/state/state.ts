/**
 * Short-lived state that processes share: counters that a script changes in one step, and messages
 * to whoever listens now. In one process there is nothing to share, so `REDIS_URL` empty means that
 * scripts are refused and messages stay inside; with it, both go through Redis or Valkey.
 *
 * Nothing here is durable. A message is delivered at most once and is lost while Redis is away:
 * who must not miss one also looks for itself now and then. A script whose answer did not come in
 * time may have run or not.
 */
export type State = {
  /** Whether other processes see the same state. */
  readonly shared: boolean;
  /**
   * Runs a script and resolves to its integers, within the command's deadline. Rejects with
   * StateAwayError at once while Redis is known to be away.
   */
  run(script: Script, keys: string[], numbers: number[]): Promise<number[]>;
  /** To all listeners of the topic, in this process too. Never waits and never throws. */
  publish(topic: string, message: string): void;
  /** Returns what ends it. */
  subscribe(topic: string, listener: Listener): () => void;
  state(): "up" | "down";
  close(): Promise<void>;
};

export type Listener = (message: string) => void;

/**
 * Lua. All keys of one call must lie in one slot of a cluster. Its numbers come as one JSON array,
 * ARGV[1]: printing and parsing hundreds of arguments took longer than what was asked.
 */
export type Script = { readonly source: string; readonly sha: string };

export function defineScript(source: string): Script {
  return { source, sha: new Bun.CryptoHasher("sha1").update(source).digest("hex") };
}

/** The shared state did not answer; what was asked may have happened if it was `sent`. */
export class StateAwayError extends Error {
  readonly sent: boolean;
  constructor(message: string, options: { sent: boolean; cause?: unknown }) {
    super(message, { cause: options.cause });
    this.name = "StateAwayError";
    this.sent = options.sent;
  }
}
