import type { Clock } from "../../platform/clock/clock.ts";
import type { State } from "../../platform/state/state.ts";
import type { Charge } from "./limiter.ts";
import type { MemoryLimiter } from "./memory.ts";
import type { RedisLimiter } from "./redis.ts";

/**
 * Places of concurrency rules that this process gave while Redis was away. Redis is told of them
 * once it is back, above the limit if need be, so that all processes count whoever is still there
 * and a release finds its own place wherever it arrives. A release before that frees it here: were
 * it sent to Redis, it would free somebody else's.
 *
 * Told again where the answer was lost: a place that is counted twice comes back when its window
 * ends, one that is not counted would let somebody in too many.
 */
export class LonePlaces {
  private readonly state: State;
  private readonly memory: MemoryLimiter;
  private readonly central: RedisLimiter;
  private readonly clock: Clock;
  private readonly keysMax: number;
  private readonly held = new Map<string, Held>();
  private telling: Promise<void> | null = null;
  private readonly timer: ReturnType<typeof setInterval>;

  constructor(options: {
    state: State;
    memory: MemoryLimiter;
    central: RedisLimiter;
    clock: Clock;
    keysMax: number;
  }) {
    this.state = options.state;
    this.memory = options.memory;
    this.central = options.central;
    this.clock = options.clock;
    this.keysMax = options.keysMax;
    this.timer = setInterval(() => void this.tell(), tellEveryMs);
    this.timer.unref();
  }

  /** These were given by this process alone. */
  note(charges: readonly Charge[]): void {
    for (const { limit, key, cost } of charges) {
      if (limit.algorithm !== "concurrency") continue;
      const name = `${limit.id} ${key}`;
      const units = (this.held.get(name)?.charge.cost ?? 0) + cost;
      if (units === cost && this.held.size >= this.keysMax) continue;
      const endsAt = this.clock.monotonic() + limit.windowMs;
      this.held.set(name, { charge: { limit, key, cost: units }, endsAt });
    }
  }

  /** Frees those that are known here alone; resolves to what others are to free. */
  async release(charges: readonly Charge[]): Promise<Charge[]> {
    await this.telling;
    const rest: Charge[] = [];
    for (const charge of charges) {
      const found = this.held.get(`${charge.limit.id} ${charge.key}`);
      const here = Math.min(charge.cost, found?.charge.cost ?? 0);
      if (found && here > 0) this.forget(found, here);
      if (here < charge.cost) rest.push({ ...charge, cost: charge.cost - here });
    }
    return rest;
  }

  /** One at a time; resolves when what was held at its begin is told, or cannot be now. */
  tell(): Promise<void> {
    if (this.held.size === 0 || this.state.state() === "down") return Promise.resolve();
    this.telling ??= this.tellNow().finally(() => {
      this.telling = null;
    });
    return this.telling;
  }

  async close(): Promise<void> {
    clearInterval(this.timer);
    await this.tell();
  }

  private async tellNow(): Promise<void> {
    const now = this.clock.monotonic();
    for (const [name, { endsAt }] of this.held) if (endsAt <= now) this.held.delete(name);
    const all = [...this.held.values()];
    for (let i = 0; i < all.length; i += keysPerScriptMax) {
      const some = all.slice(i, i + keysPerScriptMax);
      try {
        await this.central.report(some.map(({ charge }) => charge));
      } catch {
        // Away once more.
        return;
      }
      for (const one of some) this.forget(one, one.charge.cost);
    }
  }

  private forget({ charge: { limit, key } }: Held, units: number): void {
    const name = `${limit.id} ${key}`;
    // Others may have come meanwhile.
    const current = this.held.get(name);
    if (current && current.charge.cost > units) {
      const charge = { ...current.charge, cost: current.charge.cost - units };
      this.held.set(name, { ...current, charge });
    } else this.held.delete(name);
    this.memory.refund([{ limit, key, cost: units }]);
  }
}

type Held = { charge: Charge; endsAt: number };

const tellEveryMs = 100;
const keysPerScriptMax = 64;
