import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { method, type AskedOfEnvoy } from "./envoy-client.fixture.ts";
import { type Unit, units } from "./envoy-units.ts";
import { readRequest, writeResponse } from "./envoy-wire.ts";
import { MalformedMessage } from "./protobuf.ts";

const text = fc.string({ unit: "grapheme", maxLength: 300 });
const uint32 = fc.nat({ max: 2 ** 32 - 1 });
const descriptors = fc.array(
  fc.record(
    {
      entries: fc.array(fc.record({ key: text, value: text }), { maxLength: 16 }),
      hits_addend: fc.record({ value: fc.maxSafeNat() }),
      limit: fc.record({
        requests_per_unit: uint32,
        unit: fc.constantFrom(...(Object.keys(units) as Unit[]).filter((unit) => unit !== "week")),
      }),
      is_negative_hits: fc.boolean(),
    },
    { requiredKeys: ["entries"] },
  ),
  { maxLength: 8 },
);

describe("a request", () => {
  test("is read as a library writes it", () => {
    fc.assert(
      fc.property(text, descriptors, uint32, (domain, given, hits_addend) => {
        const upper = given.map(({ limit, ...rest }) => ({
          ...rest,
          ...(limit ? { limit: { ...limit, unit: limit.unit.toUpperCase() } } : {}),
        }));
        const asked: AskedOfEnvoy = { domain, descriptors: upper, hits_addend };
        expect(readRequest(method.requestSerialize(asked))).toEqual({
          domain,
          descriptors: given.map(({ entries, hits_addend: own, limit, is_negative_hits }) => ({
            ...{ entries, hits: own?.value ?? null, negative: is_negative_hits ?? false },
            override: limit ? { requests: limit.requests_per_unit, unit: limit.unit } : null,
          })),
          hits: hits_addend === 0 ? null : hits_addend,
        });
      }),
    );
  });

  test("is read from the bytes that Envoy sends", () => {
    // domain "envoy", one descriptor: remote_address = 10.0.0.1, a limit of its own, 3 hits.
    const bytes = Buffer.from(
      "0a05656e766f7912240a1a0a0e72656d6f74655f6164647265737312083130" +
        "2e302e302e31120408051002" +
        "1a00" +
        "1803",
      "hex",
    );
    expect(readRequest(bytes)).toEqual({
      domain: "envoy",
      descriptors: [
        {
          entries: [{ key: "remote_address", value: "10.0.0.1" }],
          ...{ hits: 0, negative: false, override: { requests: 5, unit: "minute" } },
        },
      ],
      hits: 3,
    });
  });

  test("of whatever bytes is read or refused, soon", () => {
    const odd = (bytes: Uint8Array) => {
      try {
        readRequest(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(MalformedMessage);
      }
    };
    fc.assert(fc.property(fc.uint8Array({ maxLength: 400 }), odd));
    const asked = { domain: "d", descriptors: [{ entries: [{ key: "k", value: "v" }] }] };
    const whole = method.requestSerialize(asked);
    for (let i = 0; i <= whole.length; i++) odd(whole.subarray(0, i));
    fc.assert(
      fc.property(fc.nat({ max: whole.length - 1 }), fc.nat({ max: 255 }), (at, byte) => {
        odd(Buffer.from(whole).fill(byte, at, at + 1));
      }),
    );
  });

  test.each([
    ["cut", "0a05656e"],
    ["with a number that does not end", "18ffffffffffffffffffff01"],
    ["with field 0", "0001"],
    ["with a group", "0b0c"],
    ["with a number for a text", "0801"],
    ["with 65 descriptors", "1200".repeat(65)],
    ["with 17 entries", `1222${"0a00".repeat(17)}`],
  ])("%s is refused", (_, hex) => {
    expect(() => readRequest(Buffer.from(hex, "hex"))).toThrow(MalformedMessage);
  });

  test("passes over what it does not know", () => {
    const unknown = ["5801", "61", "00".repeat(8), "6a0161", "75", "00".repeat(4)].join("");
    const { domain } = readRequest(Buffer.from(`${unknown}0a0164`, "hex"));
    expect(domain).toBe("d");
  });
});

test("an answer is read by a library as it was meant", () => {
  const unit = fc.constantFrom(...(Object.keys(units) as Unit[]));
  const limit = fc.record({ name: text, requests: uint32, unit });
  const status = fc.record({
    ...{ allowed: fc.boolean(), limit: fc.option(limit), remaining: uint32 },
    resetMs: fc.nat({ max: 366 * 86_400_000 }),
  });
  const headers = fc.dictionary(text, text, { noNullPrototype: true });
  fc.assert(
    fc.property(fc.boolean(), fc.array(status), headers, (allowed, statuses, given) => {
      const bytes = Buffer.from(writeResponse({ allowed, statuses, headers: given }));
      const read = method.responseDeserialize(bytes);
      expect(read.overall_code).toBe(allowed ? "OK" : "OVER_LIMIT");
      expect(read.response_headers_to_add).toEqual(
        Object.entries(given).map(([key, value]) => ({ key, value })),
      );
      for (const [i, { allowed: one, limit: current, remaining, resetMs }] of statuses.entries()) {
        const got = read.statuses[i];
        expect(got?.code).toBe(one ? "OK" : "OVER_LIMIT");
        if (!current) {
          expect(got?.current_limit).toBeNull();
          continue;
        }
        const { name, requests: requests_per_unit } = current;
        const upper = current.unit.toUpperCase();
        expect(got?.current_limit).toEqual({ name, requests_per_unit, unit: upper });
        expect(got?.limit_remaining).toBe(remaining);
        const { seconds, nanos } = got?.duration_until_reset ?? { seconds: -1, nanos: 0 };
        expect(seconds * 1000 + nanos / 1_000_000).toBe(resetMs);
      }
    }),
  );
});
