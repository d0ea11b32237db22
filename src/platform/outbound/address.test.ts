import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { checkAddress } from "./address.ts";

const loopbackSpellings = [
  "127.0.0.1",
  "127.1",
  "127.0.1",
  "0177.0.0.1",
  "0177.1",
  "0x7f.0.0.1",
  "0x7f000001",
  "2130706433",
  "017700000001",
  "127.0.0.1.",
  " 127.0.0.1 ",
  "１２７．０．０．１",
  "①②⑦.⓪.⓪.①",
  "127。0。0。1",
  "::1",
  "[::1]",
  "0:0:0:0:0:0:0:1",
  "::ffff:127.0.0.1",
  "[::ffff:7f00:1]",
  "::127.0.0.1",
  "64:ff9b::127.0.0.1",
  "64:ff9b::7f00:1",
  "2002:7f00:1::",
  "::ffff:0:127.0.0.1",
  "2606:4700::5efe:7f00:1",
  "2606:4700::200:5efe:127.0.0.1",
];

const refusedRanges: [string, string][] = [
  ["0.0.0.0", "this network"],
  ["0.1.2.3", "this network"],
  ["10.0.0.1", "private"],
  ["100.64.0.1", "carrier-grade NAT"],
  ["100.100.100.200", "metadata inside carrier-grade NAT"],
  ["127.255.255.254", "loopback"],
  ["168.63.129.16", "metadata on a public address"],
  ["169.254.169.254", "metadata"],
  ["172.16.0.1", "private"],
  ["172.31.255.255", "private"],
  ["192.0.0.192", "metadata"],
  ["192.0.2.1", "documentation"],
  ["192.88.99.1", "6to4 relay"],
  ["192.168.1.1", "private"],
  ["198.18.0.1", "benchmarking"],
  ["198.51.100.1", "documentation"],
  ["203.0.113.9", "documentation"],
  ["224.0.0.1", "multicast"],
  ["240.0.0.1", "reserved"],
  ["255.255.255.255", "broadcast"],
  ["::", "unspecified"],
  ["[::]", "unspecified"],
  ["fe80::1", "link-local"],
  ["fec0::1", "site-local"],
  ["fc00::1", "unique local"],
  ["fd00:ec2::254", "metadata"],
  ["ff02::1", "multicast"],
  ["100::1", "discard"],
  ["2001:db8::1", "documentation"],
  ["3fff::1", "documentation"],
  ["2001::1", "Teredo"],
  ["2001:10::1", "ORCHID"],
  ["2002:808:808::1", "6to4"],
  ["::ffff:8.8.8.8", "mapped"],
  ["64:ff9b:1::808:808", "local NAT64"],
  ["5f00::1", "segment routing"],
  ["4000::1", "unassigned"],
];

describe("checkAddress", () => {
  test.each(loopbackSpellings)("refuses loopback spelled %p", (spelling) => {
    expect(checkAddress(spelling).ok).toBe(false);
  });

  test.each(refusedRanges)("refuses %p (%s)", (address) => {
    const verdict = checkAddress(address);
    expect(verdict.ok).toBe(false);
    expect(verdict).not.toEqual({ ok: false, why: "not an address" });
  });

  test.each([
    "1.1.1.1",
    "8.8.8.8",
    "93.184.216.34",
    "172.32.0.1",
    "100.128.0.1",
    "0x08080808",
    "2606:4700:4700::1111",
    "[2a00:1450:4001:81b::200e]",
    "64:ff9b::8.8.8.8",
  ])("allows %p", (address) => {
    expect(checkAddress(address)).toEqual({ ok: true });
  });

  test.each([
    "",
    " ",
    "example.com",
    "localhost",
    "fe80::1%eth0",
    "[fe80::1%25eth0]",
    "1.2.3.4/8",
    "8.8.8.8@x",
    "1.2.3.4:80",
    "[::1]:80",
    "256.1.1.1",
    "1.2.3.08",
    "[[::1]]",
    "8.8.8.8\\",
  ])("refuses %p, which is no address", (text) => {
    expect(checkAddress(text)).toEqual({ ok: false, why: "not an address" });
  });

  test("judges every spelling of one IPv4 address alike", () => {
    fc.assert(
      fc.property(fc.nat({ max: 0xffffffff }), (value) => {
        const octets = [24, 16, 8, 0].map((shift) => (value >>> shift) & 255);
        const plain = checkAddress(octets.join("."));
        const spellings = [
          String(value),
          `0x${value.toString(16)}`,
          `0${value.toString(8)}`,
          octets.map((octet) => `0x${octet.toString(16)}`).join("."),
          octets.map((octet) => `0${octet.toString(8)}`).join("."),
          `${octets[0]}.${value & 0xffffff}`,
        ];
        for (const spelling of spellings) expect(checkAddress(spelling)).toEqual(plain);
        expect(checkAddress(`64:ff9b::${octets.join(".")}`)).toEqual(plain);
        expect(checkAddress(`::ffff:${octets.join(".")}`).ok).toBe(false);
      }),
    );
  });

  test("never throws, whatever the text", () => {
    fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => void checkAddress(text)));
  });
});
