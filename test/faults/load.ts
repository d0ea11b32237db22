import { absent, gone, type History, type Operation, type Outcome } from "./history.ts";
import { Line, NoAnswer, type Answer } from "./line.ts";
import type { Random } from "./seed.ts";

/**
 * Clients that write and follow links and put down what became of it. Each writer changes only
 * links it made itself, one request at a time, so that every link has an order of writes. Half of
 * the creates have a key, and are tried again with it until there is an answer.
 */
export type LoadOptions = {
  /** Asked before each request, since a process may have been replaced by another. */
  ports: () => readonly number[];
  key: string;
  history: History;
  random: Random;
  writers: number;
  visitors: number;
  /** Longest pause of a client between two requests. */
  pauseMs?: number;
  /** Longest wait for an answer. */
  timeoutMs?: number;
  /** Links made by an earlier load, which visitors follow too. */
  links?: Made[];
  /** Fields of every link made. */
  fields?: Record<string, unknown>;
};

export type Made = { id: string; code: string; deleted: boolean };

export type Load = {
  links: Made[];
  /** Lets every client finish its request. */
  stop(): Promise<void>;
};

const linksPerWriterMax = 2_000;
const createTriesMax = 200;
const browser = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
/** Where a link may lead; nothing ever goes there. */
const target = (name: string) => `https://example.com/${name}`;

let loads = 0;

export function startLoad(options: LoadOptions): Load {
  const links = options.links ?? [];
  const load = ++loads;
  let stopping = false;
  const goOn = () => !stopping;
  const clients = [
    ...Array.from({ length: options.writers }, (_, n) =>
      write(new Client(options), links, `${load}-${n}`, goOn),
    ),
    ...Array.from({ length: options.visitors }, () => visit(new Client(options), links, goOn)),
  ];
  return {
    links,
    async stop() {
      stopping = true;
      await Promise.all(clients);
    },
  };
}

async function write(client: Client, links: Made[], name: string, goOn: () => boolean) {
  const { random } = client;
  const own: Made[] = [];
  for (let n = 0; goOn(); n++) {
    const choice = random.below(10);
    const living = own.filter((link) => !link.deleted);
    if ((choice < 6 && own.length < linksPerWriterMax) || living.length === 0) {
      const made = await client.create(`${name}-${n}`, goOn);
      if (made) {
        own.push(made);
        links.push(made);
      }
    } else if (choice < 9) {
      const link = random.pick(living);
      const edited = await client.edit(link, target(`${name}-${n}-edited`));
      // The maker is the first to see what was made.
      if (edited) await client.visit(link);
    } else {
      const link = random.pick(living);
      link.deleted = true;
      await client.remove(link);
    }
    await client.pause();
  }
  client.close();
}

async function visit(client: Client, links: Made[], goOn: () => boolean) {
  while (goOn()) {
    if (links.length > 0) await client.visit(client.random.pick(links));
    await client.pause();
  }
  client.close();
}

export class Client {
  readonly random: Random;
  private readonly options: LoadOptions;
  private line: Line | null = null;
  private port = 0;

  constructor(options: LoadOptions) {
    this.options = options;
    this.random = options.random.fork();
  }

  async create(intent: string, goOn: () => boolean): Promise<Made | null> {
    const url = target(intent);
    const body = { ...this.options.fields, url, title: intent };
    // Without a key nobody may try again who does not know what became of the first time.
    const keyed = this.random.below(2) === 0;
    for (let tries = 0; tries < createTriesMax && goOn(); tries++) {
      const began = performance.now();
      const more = { ...(keyed && { "idempotency-key": intent }) };
      const { answer, outcome } = await this.api("POST", "/api/v1/links", body, more);
      const link = outcome === "ok" ? (JSON.parse(answer!.body) as Made) : null;
      const { id = null, code = null } = link ?? {};
      this.put({ kind: "create", link: id, code, intent, url, began, outcome, answer });
      if (link) return { id: link.id, code: link.code, deleted: false };
      if (answer && answer.status < 500 && answer.status !== 409) return null;
      if (!keyed && outcome === "unknown") return null;
      await this.pause();
    }
    return null;
  }

  async edit(link: Made, url: string): Promise<boolean> {
    const began = performance.now();
    const { answer, outcome } = await this.api("PATCH", `/api/v1/links/${link.id}`, {
      url,
    });
    this.put({ kind: "edit", ...named(link), url, began, outcome, answer });
    return outcome === "ok";
  }

  async remove(link: Made): Promise<void> {
    const began = performance.now();
    const { answer, outcome } = await this.api("DELETE", `/api/v1/links/${link.id}`);
    this.put({ kind: "delete", ...named(link), url: null, began, outcome, answer });
  }

  async visit(link: Made): Promise<Operation> {
    const began = performance.now();
    const { answer, outcome } = await this.send({
      path: `/${link.code}`,
      headers: { "user-agent": browser },
    });
    const seen = answer ? seenIn(answer) : null;
    // That a link is gone is an answer as good as any.
    const fate = seen !== null ? "ok" : answer ? "failed" : outcome;
    return this.put({
      kind: "visit",
      ...named(link),
      url: null,
      began,
      outcome: fate,
      answer,
      seen,
    });
  }

  async pause(): Promise<void> {
    const { pauseMs = 4 } = this.options;
    const refused = this.line === null ? 20 : 0;
    await Bun.sleep(refused + this.random.below(pauseMs + 1));
  }

  close(): void {
    this.line?.close();
  }

  private async api(method: string, path: string, body?: unknown, more?: Record<string, string>) {
    return await this.send({
      method,
      path,
      headers: { authorization: `Bearer ${this.options.key}`, ...more },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  }

  private async send(ask: Parameters<Line["ask"]>[0]) {
    const port = this.random.pick(this.options.ports());
    if (port !== this.port || this.line === null) {
      this.line?.close();
      this.line = new Line(port);
      this.port = port;
    }
    try {
      const answer = await this.line.ask({ timeoutMs: this.options.timeoutMs ?? 20_000, ...ask });
      return { answer, outcome: outcomeOf(answer.status) };
    } catch (error) {
      this.line = null;
      if (!(error instanceof NoAnswer)) throw error;
      const outcome = error.sent ? ("unknown" as const) : ("failed" as const);
      return { answer: null, outcome };
    }
  }

  private put(did: {
    kind: Operation["kind"];
    link: string | null;
    code: string | null;
    intent: string;
    url: string | null;
    began: number;
    outcome: Outcome;
    answer: Answer | null;
    seen?: string | null;
  }): Operation {
    const { began, answer, seen = null, ...rest } = did;
    const endedAt = performance.now();
    const status = answer?.status ?? null;
    const operation = { ...rest, seen, invokedAt: began, endedAt, status };
    this.options.history.add(operation);
    return operation;
  }
}

const named = (link: Made) => ({ link: link.id, code: link.code, intent: "" });

/** 5xx leaves open whether something happened, but for the one that says nothing did. */
export function outcomeOf(status: number): Outcome {
  if (status < 400) return "ok";
  return status < 500 || status === 507 ? "failed" : "unknown";
}

function seenIn({ status, headers }: Answer): string | null {
  if (status >= 300 && status < 400) return headers.get("location") ?? null;
  if (status === 410) return gone;
  return status === 404 ? absent : null;
}
