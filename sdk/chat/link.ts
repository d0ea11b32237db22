import type { ServerFrame } from "./frames.ts";
import { greetMsMax, listed, ready, welcomed } from "./greeting.ts";
import type { Input } from "./inputs.ts";
import { land, takeAck, takeError } from "./outbox.ts";
import { backoff, setDue, transmit, type Machine } from "./state.ts";
import { takeFrame } from "./sync.ts";

/**
 * The connection: opened, greeted, listed, online, lost, and opened again after a wait that grows
 * and is drawn by lot. A socket that says nothing to a `ping` is dead whatever the system thinks.
 * Where sockets fail again and again, every other attempt is made by an event stream.
 */
const silenceMsMax = 10_000;
/** Where something says that it may be dead, an answer is waited for no longer than this. */
const answerFirstMs = 2_500;
const backoffFirstMs = 1_000;
const backoffMsMax = 30_000;
/** A connection that lasted so long was a success. */
const lastingMs = 5_000;
const socketFailuresMax = 3;
/** Lists asked for by connecting anew are at least so far apart. */
const relistMsMin = 5_000;

/** Coming back with the same is no use. */
const finalCodes = new Set([4400, 4410]);
const notSignedIn = 4401;

export function connect(m: Machine): void {
  const { link } = m;
  if (link.wanted) return wake(m);
  Object.assign(link, { wanted: true, failures: 0, error: null, refresh: false });
  link.phase = "waiting";
  setDue(m, "open", m.now);
  m.changed.list = true;
}

export function disconnect(m: Machine, error: Machine["link"]["error"] = null): void {
  const { link } = m;
  if (link.phase === "opening" || link.phase === "listing" || link.phase === "online") leave(m);
  Object.assign(link, { wanted: false, phase: "stopped", retryAt: null, error });
  for (const name of ["open", "greet", "ping", "dead", "drain", "upgrade", "list", "self"]) {
    m.due.delete(name);
  }
  m.changed.list = true;
}

export function open(m: Machine): void {
  const { link } = m;
  if (!link.wanted || !link.loaded || link.phase !== "waiting") return;
  link.id++;
  link.phase = "opening";
  link.draining = false;
  link.retryAt = null;
  const blocked = link.socketFailures >= socketFailuresMax;
  const turn = blocked && link.via === "socket" ? "stream" : "socket";
  link.via = link.hasSockets ? turn : "stream";
  setDue(m, "greet", m.now + greetMsMax);
  m.effects.push({ type: "open", link: link.id, via: link.via, refresh: link.refresh });
  m.changed.list = true;
}

export function opened(m: Machine): void {
  if (m.link.phase !== "opening") return;
  const { deviceId, deviceName } = m;
  transmit(m, {
    type: "hello",
    v: 1,
    device_id: deviceId,
    ...(deviceName === undefined ? {} : { device_name: deviceName }),
  });
}

export function received(m: Machine, frame: ServerFrame): void {
  const { link } = m;
  m.due.delete("dead");
  link.probed = false;
  switch (frame.type) {
    case "welcome":
      return welcomed(m, frame);
    case "listed":
      return listed(m, frame);
    case "ready":
      return ready(m);
    case "ack":
      link.probesLost = 0;
      return takeAck(m, frame);
    case "drain":
      return drain(m, frame.delay_ms);
    case "error":
      if (!takeError(m, frame)) link.error = { code: frame.code, message: frame.message };
      m.changed.list = true;
      return;
    default:
      takeFrame(m, frame);
  }
}

/** The server ends: what flies may still land, and nothing new takes off. */
function drain(m: Machine, delayMs: number): void {
  m.link.draining = true;
  m.link.comeBackAt = m.now + delayMs;
  setDue(m, "drain", m.link.comeBackAt);
}

export function closed(m: Machine, input: Extract<Input, { type: "closed" }>): void {
  const { link } = m;
  const { code, reason } = input;
  if (code === notSignedIn && link.refresh) {
    return disconnect(m, { code: "auth.invalid_token", message: reason });
  }
  if (finalCodes.has(code)) {
    return disconnect(m, { code: `closed.${code}`, message: reason || "Signed out." });
  }
  if (code === notSignedIn) link.refresh = true;
  lose(m, input.retry_after_ms);
  if (reason !== "") link.error = { code: `closed.${code}`, message: reason };
}

/** The link is of no use any more; another is opened after a while. */
export function lose(m: Machine, waitMs = 0): void {
  const { link } = m;
  const wasOnline = link.phase === "online";
  const lasted = wasOnline && m.now - link.onlineAt >= lastingMs;
  if (!wasOnline && link.via === "socket") link.socketFailures++;
  if (link.probed) link.probesLost++;
  link.failures = lasted ? 0 : link.failures + 1;
  let wait = waitMs + backoff(m, Math.max(0, link.failures - 1), backoffFirstMs, backoffMsMax);
  if (link.draining) wait = Math.max(0, link.comeBackAt - m.now);
  comeBack(m, wait);
}

/** Without being counted as a failure. */
function comeBack(m: Machine, wait: number): void {
  leave(m);
  m.link.phase = "waiting";
  m.link.retryAt = m.now + wait;
  setDue(m, "open", m.link.retryAt);
}

function leave(m: Machine): void {
  m.effects.push({ type: "close", link: m.link.id });
  m.link.listing = null;
  m.link.probed = false;
  land(m);
  for (const name of ["greet", "ping", "dead", "drain", "upgrade"]) m.due.delete(name);
  m.changed.list = true;
}

export function ping(m: Machine, answerMs = silenceMsMax): void {
  if (!isUp(m)) return;
  transmit(m, { type: "ping" });
  setDue(m, "ping", m.now + m.link.heartbeatMs * (0.9 + 0.1 * m.random()));
  setDue(m, "dead", m.now + answerMs, true);
}

/**
 * Something says that the link may be dead: the browser, or a message that nobody acknowledges.
 * Each time that it proved dead the next answer is waited for longer, until a message arrives: a
 * server that is slow because it has too much to do is not left by everybody at once.
 */
export function probe(m: Machine): void {
  if (!isUp(m)) return;
  m.link.probed = true;
  ping(m, Math.min(silenceMsMax, answerFirstMs * 2 ** m.link.probesLost));
}

function isUp({ link }: Machine): boolean {
  return link.phase === "listing" || link.phase === "online";
}

export function drained(m: Machine): void {
  comeBack(m, 0);
}

export function upgrade(m: Machine): void {
  // The next attempt is by a socket, and the one after by a stream again.
  comeBack(m, 0);
}

/** The account's list is stale: a new `hello` brings it whole. */
export function relist(m: Machine): void {
  if (m.link.phase !== "online") return;
  const soonest = m.link.relistedAt + relistMsMin;
  if (m.now < soonest) return setDue(m, "list", soonest);
  m.link.relistedAt = m.now;
  comeBack(m, 0);
}

/** Whoever looks again does not wait, and a connection that died in its sleep is noticed. */
export function wake(m: Machine): void {
  const { link } = m;
  if (link.phase === "waiting" && !link.draining) setDue(m, "open", m.now + m.random() * 300);
  else if (link.phase === "online") probe(m);
}
