import type { Counter } from "../../../platform/metrics/metrics.ts";
import type { Geo } from "../geo.ts";
import {
  classifyAgent,
  parseReferrer,
  parseUtm,
  userAgentLengthMax,
  verdict,
  type Agent,
  type Verdict,
  type VisitKind,
} from "../visits.ts";
import { clickWords, orphanType, orphanWords, termWords, textWords } from "./frames.ts";
import { detached, Recent } from "../../../platform/cache/cache.ts";
import type { Spool } from "./spool.ts";
import { termBytesMax, termOf, TermWriter, unknownTerm, type Term } from "./terms.ts";
import { dayMs, kinds, kindShift, newVisitorBit, reducedBit, sketchOf } from "./traits.ts";
import { mix, Seen, type Hashed, type VisitorKeys } from "./visitors.ts";

/**
 * Turns a redirect into a record, on the redirect's own time: three look-ups in bounded caches
 * and seven words written. What a header means is worked out once per distinct value.
 */
export type Hit = {
  /** The link's id as two unsigned 32-bit halves. */
  idHigh: number;
  idLow: number;
  /** Milliseconds since 1970. */
  at: number;
  address: string;
  userAgent: string;
  referrer: string;
  /** The raw query of the short link, with its question mark; "" for none. */
  query: string;
  /** What the request said of a prefetch: Sec-Purpose, Purpose or X-Moz; "" for nothing. */
  purpose: string;
  /** Sec-GPC: 1 or DNT: 1. */
  doNotTrack: boolean;
  method: string;
};

/** Of one user agent: who it is, and its visitor hash of the day. */
type KnownAgent = {
  agent: Agent;
  plain: Judged;
  judged: Map<string, Judged>;
  hashed: Hashed;
};
type Judged = { kind: VisitKind; traits: number; term: Term };
type KnownAddress = { place: Term; hashed: Hashed };

const agentsMax = 20_000;
const addressesMax = 200_000;
const sourcesMax = 20_000;
const headerLengthMax = 2_048;
const codeBytesMax = 64;
/** Unknown codes can be made up without end; past this the rest is only counted. */
const orphansPerSecondMax = 1_000;
const roomWords = clickWords + 3 * (termWords + textWords(termBytesMax));

export type RecorderOptions = {
  spool: Spool;
  keys: VisitorKeys;
  geo: Geo | null;
  visitors: boolean;
  honourDoNotTrack: boolean;
  recorded: Record<VisitKind, Counter>;
  dropped: Counter;
  orphansDropped: Counter;
  /** Called with the time of the first record since the last flush. */
  waiting(at: number): void;
};

export class Recorder {
  private readonly options: RecorderOptions;
  private readonly spool: Spool;
  private readonly seen = new Seen();
  private readonly agents = new Recent<KnownAgent>(agentsMax);
  private readonly addresses = new Recent<KnownAddress>(addressesMax);
  private readonly sources = new Recent<Term>(sourcesMax);
  private readonly places: TermWriter;
  private readonly clients: TermWriter;
  private readonly origins: TermWriter;
  private readonly counters: Counter[];
  private orphanSecond = 0;
  private orphansInSecond = 0;

  constructor(options: RecorderOptions) {
    this.options = options;
    this.spool = options.spool;
    this.places = new TermWriter(0, options.spool);
    this.clients = new TermWriter(1, options.spool);
    this.origins = new TermWriter(2, options.spool);
    this.counters = kinds.map((kind) => options.recorded[kind]);
  }

  record(hit: Hit): void {
    const { spool } = this;
    if (!spool.makeRoom(roomWords)) {
      this.options.dropped.value++;
      return;
    }
    const known = this.agentOf(hit.userAgent);
    const judged = this.judge(known, hit.purpose, hit.method);
    let traits = judged.traits;
    let place = 0;
    let client = 0;
    let source = 0;
    if (hit.doNotTrack && this.options.honourDoNotTrack) {
      traits |= reducedBit;
    } else {
      const address = this.addressOf(hit.address);
      place = this.places.indexOf(address.place);
      client = this.clients.indexOf(judged.term);
      source = this.sourceOf(hit.referrer, hit.query);
      if (judged.kind === "human" && this.options.visitors) {
        traits |= this.visitor(hit, known, address);
      }
    }
    const time = spool.timeWord(hit.at);
    const { words, used } = spool;
    words[used] = traits;
    words[used + 1] = hit.idHigh;
    words[used + 2] = hit.idLow;
    words[used + 3] = time;
    words[used + 4] = place;
    words[used + 5] = client;
    words[used + 6] = source;
    spool.used = used + clickWords;
    this.counters[(traits >>> kindShift) & 3]!.value++;
    if (spool.clicks++ === 0) this.options.waiting(hit.at);
  }

  /** Whether a click on an unknown code would be written down now; one that is not is counted. */
  takesOrphan(at: number): boolean {
    const second = Math.floor(at / 1000);
    if (second !== this.orphanSecond || this.orphansInSecond < orphansPerSecondMax) return true;
    this.options.orphansDropped.value++;
    return false;
  }

  /** A click on a code that nobody has made. */
  recordOrphan(code: string, hit: Hit): void {
    const second = Math.floor(hit.at / 1000);
    if (second !== this.orphanSecond) {
      this.orphanSecond = second;
      this.orphansInSecond = 0;
    }
    const { spool } = this;
    if (++this.orphansInSecond > orphansPerSecondMax || !spool.makeRoom(roomWords + orphanWords)) {
      this.options.orphansDropped.value++;
      return;
    }
    const judged = this.judge(this.agentOf(hit.userAgent), hit.purpose, hit.method);
    const reduced = hit.doNotTrack && this.options.honourDoNotTrack;
    const place = reduced ? 0 : this.places.indexOf(this.addressOf(hit.address).place);
    const client = reduced ? 0 : this.clients.indexOf(judged.term);
    const source = reduced ? 0 : this.sourceOf(hit.referrer, hit.query);
    const time = spool.timeWord(hit.at);
    const { words, used } = spool;
    const length = spool.putText(code, used + orphanWords, codeBytesMax);
    words[used] = (orphanType << 30) >>> 0;
    words[used + 1] = time;
    words[used + 2] = place;
    words[used + 3] = client;
    words[used + 4] = source;
    words[used + 5] = length;
    spool.used = used + orphanWords + textWords(length);
    if (spool.clicks++ === 0) this.options.waiting(hit.at);
  }

  kindOf(userAgent: string, purpose: string, method = "GET"): VisitKind {
    return this.judge(this.agentOf(userAgent), purpose, method).kind;
  }

  private agentOf(userAgent: string): KnownAgent {
    const known = this.agents.get(userAgent);
    if (known !== undefined) return known;
    const text = userAgent.slice(0, userAgentLengthMax);
    const agent = classifyAgent(text);
    const plain = judgedOf(agent, agent.verdict);
    const made = { agent, plain, judged: new Map(), hashed: { day: -1, high: 0, low: 0 } };
    // What is longer than the cut would let one visitor fill the memory.
    if (userAgent.length <= headerLengthMax) this.agents.set(detached(userAgent), made);
    return made;
  }

  private judge(known: KnownAgent, purpose: string, method: string): Judged {
    if (purpose === "" && method !== "HEAD") return known.plain;
    const said = verdict(
      { method, userAgent: "", secPurpose: purpose, purpose, xMoz: purpose },
      known.agent,
    );
    // There are only a handful of reasons, so this map stays small.
    let judged = known.judged.get(said.reason);
    if (!judged) {
      judged = judgedOf(known.agent, said);
      known.judged.set(said.reason, judged);
    }
    return judged;
  }

  private addressOf(address: string): KnownAddress {
    const known = this.addresses.get(address);
    if (known !== undefined) return known;
    const place = this.options.geo?.lookup(address);
    const made = {
      place: place ? termOf([place.country, place.city]) : unknownTerm,
      hashed: { day: -1, high: 0, low: 0 },
    };
    this.addresses.set(detached(address), made);
    return made;
  }

  private sourceOf(referrer: string, query: string): number {
    if (referrer === "" && query === "") return 0;
    const key = query === "" ? referrer : `${referrer}\n${query}`;
    let term = this.sources.get(key);
    if (term === undefined) {
      const utm = parseUtm(query);
      const host = parseReferrer(referrer).slice(0, hostLengthMax);
      term = termOf([
        host,
        utm.utm_source,
        utm.utm_medium,
        utm.utm_campaign,
        utm.utm_term,
        utm.utm_content,
      ]);
      if (key.length <= headerLengthMax) this.sources.set(detached(key), term);
    }
    return this.origins.indexOf(term);
  }

  private visitor(hit: Hit, known: KnownAgent, address: KnownAddress): number {
    const day = Math.floor(hit.at / dayMs);
    const a = address.hashed;
    const b = known.hashed;
    const { keys } = this.options;
    if (a.day !== day) keys.hash(`a${hit.address}`, day, a);
    if (b.day !== day) keys.hash(`u${hit.userAgent.slice(0, userAgentLengthMax)}`, day, b);
    const high = mix(a.high ^ ((b.high << 13) | (b.high >>> 19)));
    const low = mix((a.low + b.low) ^ high);
    const key = mix(low ^ hit.idLow);
    const isNew = this.seen.add(day, key, mix(high ^ hit.idLow) ^ hit.idHigh);
    return sketchOf(high, low) | (isNew ? newVisitorBit : 0);
  }
}

const hostLengthMax = 253;

function judgedOf(agent: Agent, said: Verdict): Judged {
  const { device, browser, os, app = "" } = agent;
  return {
    kind: said.kind,
    traits: kinds.indexOf(said.kind) << kindShift,
    term: termOf([device, browser, os, app, said.kind, said.reason]),
  };
}
