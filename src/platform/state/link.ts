import { RedisClient } from "bun";
import type { Script } from "./state.ts";

/**
 * One life of the two connections to a server: commands, which Bun pipelines, and messages. The
 * client's own reconnecting is off: it sends no SUBSCRIBE again and gives up after some tries.
 */
export class Link {
  private readonly commands: RedisClient;
  private readonly messages: RedisClient;
  private readonly subscribed = new Set<string>();

  constructor(url: string) {
    const options = {
      autoReconnect: false,
      enableOfflineQueue: false,
      connectionTimeout: connectTimeoutMs,
    };
    this.commands = new RedisClient(url, options);
    this.messages = new RedisClient(url, options);
  }

  /** Resolves once both ends answer; a server that is frozen or still loading does not. */
  async open(): Promise<void> {
    const { promise: tooLate, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(
      () => reject(new Error(`no answer within ${connectTimeoutMs} ms`)),
      connectTimeoutMs,
    );
    try {
      const opened = Promise.all([this.commands.connect(), this.messages.connect()]);
      await Promise.race([opened, tooLate]);
      await Promise.race([this.commands.send("PING", []), tooLate]);
    } finally {
      clearTimeout(timer);
    }
  }

  onLost(lost: (error: Error) => void): void {
    for (const client of [this.commands, this.messages]) Object.assign(client, { onclose: lost });
  }

  /** A server that was restarted or took over from another does not know the script yet. */
  async evaluate(script: Script, keys: string[], numbers: number[]): Promise<number[]> {
    const rest = [String(keys.length), ...keys, JSON.stringify(numbers)];
    try {
      return (await this.commands.send("EVALSHA", [script.sha, ...rest])) as number[];
    } catch (error) {
      if (!messageOf(error).startsWith("NOSCRIPT")) throw error;
      return (await this.commands.send("EVAL", [script.source, ...rest])) as number[];
    }
  }

  async publish(channel: string, message: string): Promise<void> {
    await this.commands.publish(channel, message);
  }

  /** Once per channel; it stays subscribed as long as the link lives. */
  async subscribe(channel: string, deliver: (message: string) => void): Promise<void> {
    if (this.subscribed.has(channel)) return;
    this.subscribed.add(channel);
    await this.messages.subscribe(channel, deliver);
  }

  close(): void {
    this.onLost(() => {});
    this.commands.close();
    this.messages.close();
  }
}

const connectTimeoutMs = 500;

/** A replica, a server that loads its data, a cluster without this slot: another try may help. */
export function isLostServer(error: unknown): boolean {
  const code = (error as { code?: unknown }).code;
  return code === "ERR_REDIS_CONNECTION_CLOSED" || elsewhere.test(messageOf(error));
}

const elsewhere = /^(READONLY|LOADING|MASTERDOWN|CLUSTERDOWN)\b/;

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
