import type { Override } from "./envoy-override.ts";
import { unitNumbered, units, type Unit } from "./envoy-units.ts";
import {
  MalformedMessage,
  fieldsOf,
  textOf,
  within,
  writeBytes,
  writeNumber,
  writeText,
} from "./protobuf.ts";

/**
 * The two messages of Envoy's rate limit service, read and written by hand: envoy.proto says which
 * fields there are, and those that are not known are passed over. The alternative, a library and
 * its generated code, is larger than all of this system for two messages that no longer change.
 */
export type Entry = { key: string; value: string };
export type Descriptor = {
  entries: Entry[];
  /** What it charges; null: what the request says. */
  hits: number | null;
  /** The hits are given back instead. */
  negative: boolean;
  /** What it is to be limited to; null: what the rules say. */
  override: Override | null;
};
export type RateLimitRequest = {
  domain: string;
  descriptors: Descriptor[];
  /** Null: each rule's own. */
  hits: number | null;
};

export type Status = {
  allowed: boolean;
  /** Null: no rule concerns it. */
  limit: { name: string; requests: number; unit: Unit } | null;
  remaining: number;
  resetMs: number;
};
export type RateLimitResponse = {
  allowed: boolean;
  statuses: Status[];
  headers: Record<string, string>;
};

/** Configured by whoever runs the proxy; nobody has as many. */
const descriptorsMax = 64;
const entriesMax = 16;

const codes = { ok: 1, overLimit: 2 };

export function readRequest(bytes: Uint8Array): RateLimitRequest {
  const request: RateLimitRequest = { domain: "", descriptors: [], hits: null };
  for (const { field, number, bytes: inner } of fieldsOf(bytes)) {
    if (field === 1) request.domain = textOf(inner);
    else if (field === 2) push(request.descriptors, readDescriptor(within(inner)), descriptorsMax);
    // Absent and 0 are one in this field.
    else if (field === 3) request.hits = number === 0 ? null : number;
  }
  return request;
}

function readDescriptor(bytes: Uint8Array): Descriptor {
  const descriptor: Descriptor = { entries: [], hits: null, negative: false, override: null };
  for (const { field, number, bytes: inner } of fieldsOf(bytes)) {
    if (field === 1) push(descriptor.entries, readEntry(within(inner)), entriesMax);
    else if (field === 2) descriptor.override = readOverride(within(inner));
    else if (field === 3) descriptor.hits = readWrapped(within(inner));
    else if (field === 4) descriptor.negative = number !== 0;
  }
  return descriptor;
}

function readEntry(bytes: Uint8Array): Entry {
  const entry = { key: "", value: "" };
  for (const { field, bytes: inner } of fieldsOf(bytes)) {
    if (field === 1) entry.key = textOf(inner);
    else if (field === 2) entry.value = textOf(inner);
  }
  return entry;
}

function readOverride(bytes: Uint8Array): Override {
  const override: Override = { requests: 0, unit: "unknown" };
  for (const { field, number } of fieldsOf(bytes)) {
    if (field === 1) override.requests = number;
    else if (field === 2) override.unit = unitNumbered(number);
  }
  return override;
}

/** A number in a message of its own, so that 0 and nothing are two. */
function readWrapped(bytes: Uint8Array): number {
  let value = 0;
  for (const { field, number } of fieldsOf(bytes)) if (field === 1) value = number;
  return value;
}

function push<T>(list: T[], item: T, max: number): void {
  if (list.push(item) > max) throw new MalformedMessage(`at most ${max} in a list`);
}

export function writeResponse({ allowed, statuses, headers }: RateLimitResponse): Uint8Array {
  const out: number[] = [];
  writeNumber(out, 1, codeOf(allowed));
  for (const status of statuses) writeBytes(out, 2, statusBytes(status));
  for (const name in headers) {
    const header: number[] = [];
    writeText(header, 1, name);
    writeText(header, 2, headers[name] as string);
    writeBytes(out, 3, header);
  }
  return Uint8Array.from(out);
}

function statusBytes({ allowed, limit, remaining, resetMs }: Status): number[] {
  const out: number[] = [];
  writeNumber(out, 1, codeOf(allowed));
  if (limit === null) return out;
  const current: number[] = [];
  writeNumber(current, 1, limit.requests);
  writeNumber(current, 2, units[limit.unit]);
  writeText(current, 3, limit.name);
  writeBytes(out, 2, current);
  writeNumber(out, 3, remaining);
  const duration: number[] = [];
  const ms = Math.ceil(resetMs);
  writeNumber(duration, 1, Math.floor(ms / 1000));
  writeNumber(duration, 2, (ms % 1000) * 1_000_000);
  writeBytes(out, 4, duration);
  return out;
}

function codeOf(allowed: boolean): number {
  return allowed ? codes.ok : codes.overLimit;
}
