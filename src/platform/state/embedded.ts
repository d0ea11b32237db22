import { Topics } from "./topics.ts";
import { StateAwayError, type Listener, type State } from "./state.ts";

/** State of one process: messages are delivered inside it, after the caller has gone on. */
export class EmbeddedState implements State {
  readonly shared = false;
  private readonly topics = new Topics();

  run(): Promise<number[]> {
    return Promise.reject(new StateAwayError("REDIS_URL is not set.", { sent: false }));
  }

  publish(topic: string, message: string): void {
    queueMicrotask(() => this.topics.deliver(topic, message));
  }

  subscribe(topic: string, listener: Listener): () => void {
    return this.topics.add(topic, listener);
  }

  state(): "up" {
    return "up";
  }

  async close(): Promise<void> {
    this.topics.clear();
  }
}
