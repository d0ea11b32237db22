import { describe, expect, test } from "bun:test";
import { AppError } from "../errors/errors.ts";
import { addressGroup, isLoopbackHost, normalAddress, trustProxies } from "./address.ts";
import { jsonDepthMax, parseJson, readBody } from "./body.ts";

describe("the visitor's address", () => {
  const from = (ranges: string[]) => (peer: string, forwardedFor: string | null) => {
    const headers = new Headers(forwardedFor === null ? {} : { "x-forwarded-for": forwardedFor });
    return trustProxies(ranges)(peer, headers);
  };
  const of = from(["10.0.0.0/8", "2001:db8::1"]);

  test.each([
    ["203.0.113.9", null, "203.0.113.9"],
    ["203.0.113.9", "1.2.3.4", "203.0.113.9"],
    ["10.0.0.1", "1.2.3.4", "1.2.3.4"],
    ["::ffff:10.0.0.1", "1.2.3.4", "1.2.3.4"],
    ["10.0.0.1", "6.6.6.6, 1.2.3.4", "1.2.3.4"],
    ["10.0.0.1", "6.6.6.6, 1.2.3.4, 10.9.9.9", "1.2.3.4"],
    ["10.0.0.1", "rubbish", "10.0.0.1"],
    ["10.0.0.1", "1.2.3.4, rubbish", "10.0.0.1"],
    ["2001:db8::1", "2001:db8:ffff::7", "2001:db8:ffff::7"],
  ])("from peer %s with %j is %s", (peer, header, expected) => {
    expect(of(peer, header)).toBe(expected);
  });

  // Other spellings of an address would be other visitors to whom counts them.
  test.each([
    ["1.2.3.4", true],
    ["0.0.0.0", true],
    ["255.255.255.255", true],
    ["256.1.1.1", false],
    ["1.1.1.256", false],
    ["01.2.3.4", false],
    ["1.2.3.04", false],
    ["1.2.3", false],
    ["16909060", false],
    ["1..2.3", false],
    [".1.2.3", false],
    ["1.2.3.", false],
    ["1.2.3.4.5", false],
    ["1.2.3.4:80", false],
    ["0x1.2.3.4", false],
    ["1111.2.3.4", false],
    ["2001:db8::1:1", true],
    ["2001:db8::1::1", false],
  ])("a header of %j alone is believed: %p", (header, believed) => {
    expect(of("10.0.0.1", header)).toBe(believed ? header : "10.0.0.1");
    expect(of("10.0.0.1", `${header}, 10.0.0.2`)).toBe(believed ? header : "10.0.0.2");
  });

  test("what is remembered of a header answers for no untrusted peer", () => {
    expect(of("10.0.0.1", "1.2.3.4")).toBe("1.2.3.4");
    expect(of("10.0.0.2", "1.2.3.4")).toBe("1.2.3.4");
    expect(of("203.0.113.9", "1.2.3.4")).toBe("203.0.113.9");
  });

  test.each([
    ["127.0.0.1", true],
    ["::1", true],
    ["localhost", true],
    ["0.0.0.0", false],
    ["127.evil.example", false],
    ["::", false],
  ])("a socket bound to %s is reached from here alone: %p", (host, expected) => {
    expect(isLoopbackHost(host)).toBe(expected);
  });

  test("nobody is believed where no proxy is named", () => {
    expect(from([])("10.0.0.1", "1.2.3.4")).toBe("10.0.0.1");
  });

  test("an IPv6 /64 is one client, an IPv4 address is one client", () => {
    expect(addressGroup("2001:db8:1:2:aaaa::1")).toBe(addressGroup("2001:db8:1:2::ffff"));
    expect(addressGroup("2001:db8:1:2::1")).not.toBe(addressGroup("2001:db8:1:3::1"));
    expect(addressGroup("192.0.2.7")).toBe("192.0.2.7");
    expect(normalAddress("::ffff:192.0.2.7")).toBe("192.0.2.7");
  });
});

describe("a hostile body", () => {
  const parse = (text: string) => parseJson(new TextEncoder().encode(text));
  const refusal = (text: string) => {
    try {
      parse(text);
      return null;
    } catch (error) {
      return error instanceof AppError ? error.code : "crash";
    }
  };

  test.each([
    ["not JSON", "{", "request.malformed_json"],
    ["100k deep", "[".repeat(100_000) + "]".repeat(100_000), "request.invalid"],
    [
      "one level too deep",
      `${'{"a":'.repeat(jsonDepthMax + 1)}1${"}".repeat(jsonDepthMax + 1)}`,
      "request.invalid",
    ],
    ["a number out of range", "[1e400]", "request.invalid"],
    ["NUL in a value", '{"a":"x\\u0000y"}', "request.invalid"],
    ["NUL in a name", '{"x\\u0000":1}', "request.invalid"],
    ["half a surrogate pair", '{"a":"\\ud800"}', "request.invalid"],
    ["__proto__", '{"__proto__":{"admin":true}}', "request.invalid"],
    ["600,000 values", `[${"1,".repeat(600_000)}1]`, "request.invalid"],
  ])("%s is refused", (_, text, code) => {
    expect(refusal(text)).toBe(code);
  });

  test("invalid UTF-8 is refused", () => {
    expect(() => parseJson(new Uint8Array([0x22, 0xff, 0x22]))).toThrow(AppError);
  });

  test("ordinary JSON passes untouched", () => {
    const value = { a: [1, "é", null, { b: true }], constructor: 1 };
    expect(parse(JSON.stringify(value))).toEqual(value);
  });

  test("a body over its limit is refused, whether its length is told or not", async () => {
    const told = new Request("http://x", { method: "POST", body: "x".repeat(101) });
    expect(readBody(told, 100)).rejects.toThrow("larger than 100 bytes");
    const chunk = new TextEncoder().encode("x".repeat(60));
    const stream = new ReadableStream({
      start(controller) {
        controller.enqueue(chunk);
        controller.enqueue(chunk);
        controller.close();
      },
    });
    const untold = new Request("http://x", { method: "POST", body: stream });
    expect(readBody(untold, 100)).rejects.toThrow("larger than 100 bytes");
  });

  test("a body that drips is given up at its deadline, and let go of", async () => {
    const dropped = Promise.withResolvers<void>();
    const stream = new ReadableStream({
      async pull(controller) {
        await Bun.sleep(1);
        controller.enqueue(new Uint8Array(1));
      },
      cancel: () => dropped.resolve(),
    });
    const dripping = new Request("http://x", { method: "POST", body: stream });
    const read = readBody(dripping, 1_000_000, AbortSignal.timeout(20));
    await expect(read).rejects.toMatchObject({ code: "request.timeout" });
    await dropped.promise;
  });
});
