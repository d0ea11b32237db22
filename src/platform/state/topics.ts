/** Who listens to what in this process. */
export class Topics {
  private readonly listeners = new Map<string, Set<(message: string) => void>>();

  /** The same function may listen twice: each `add` has its own end. */
  add(topic: string, listener: (message: string) => void): () => void {
    const own = (message: string) => listener(message);
    const present = this.listeners.get(topic) ?? new Set();
    this.listeners.set(topic, present.add(own));
    return () => {
      present.delete(own);
      if (present.size === 0 && this.listeners.get(topic) === present) this.listeners.delete(topic);
    };
  }

  deliver(topic: string, message: string): void {
    for (const listener of this.listeners.get(topic) ?? []) listener(message);
  }

  names(): string[] {
    return [...this.listeners.keys()];
  }

  clear(): void {
    this.listeners.clear();
  }
}
