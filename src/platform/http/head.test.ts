import { describe, expect, test } from "bun:test";
import { Head } from "./head.ts";

const plain = (lines: string[] = [], line = "GET /abc HTTP/1.1") =>
  [line, "Host: go.example", ...lines, "", ""].join("\r\n");

function read(text: string, start = 0): Head | null {
  const head = new Head();
  return head.read(text, start) ? head : null;
}

describe("what is taken", () => {
  test("the line and the headers that a redirect looks at, whatever their case", () => {
    const head = read(
      plain(
        [
          "User-Agent: Mozilla/5.0 (X)",
          "REFERER:https://news.example/a ",
          "x-forwarded-for:  192.0.2.1, 192.0.2.2",
          "Sec-Purpose: prefetch;prerender",
          "Purpose: prefetch",
          "X-Moz: prefetch",
          "DNT: 1",
          "Cookie: a=b; c=d",
          "Connection: Keep-Alive",
          "Accept:",
        ],
        "GET /abc?utm_source=x&y HTTP/1.1",
      ),
    );
    expect(head).toMatchObject({
      ...{ path: "/abc", query: "?utm_source=x&y", host: "go.example", doNotTrack: true },
      ...{ userAgent: "Mozilla/5.0 (X)", referrer: "https://news.example/a" },
      ...{ forwardedFor: "192.0.2.1, 192.0.2.2", secPurpose: "prefetch;prerender" },
      ...{ purpose: "prefetch", xMoz: "prefetch" },
    });
    expect(head?.get("x-forwarded-for")).toBe("192.0.2.1, 192.0.2.2");
  });

  test("a host without its port and in lower case", () => {
    for (const [text, host] of [
      ["GO.Example:3000", "go.example"],
      ["127.0.0.1", "127.0.0.1"],
      ["xn--bcher-kva.example", "xn--bcher-kva.example"],
    ]) {
      expect(read(`GET / HTTP/1.1\r\nHost: ${text}\r\n\r\n`)?.host).toBe(host as string);
    }
  });

  test("one request after the other, nothing left over from the one before", () => {
    const first = plain(["User-Agent: a", "DNT: 1", "X-Forwarded-For: 192.0.2.9"]);
    const text = first + plain([], "GET /second HTTP/1.1");
    const head = new Head();
    expect(head.read(text, 0)).toBe(true);
    expect(head.end).toBe(first.length);
    expect(head.read(text, head.end)).toBe(true);
    expect(head).toMatchObject({ path: "/second", query: "", userAgent: "", doNotTrack: false });
    expect(head.forwardedFor).toBeNull();
    expect(head.end).toBe(text.length);
  });
});

describe("what is left to a complete parser", () => {
  const refused: Record<string, string> = {
    "another method": plain([], "POST /abc HTTP/1.1"),
    HEAD: plain([], "HEAD /abc HTTP/1.1"),
    "a method in lower case": plain([], "get /abc HTTP/1.1"),
    "HTTP/1.0": plain([], "GET /abc HTTP/1.0"),
    "HTTP/2's preface": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a whole URL": plain([], "GET http://evil.example/abc HTTP/1.1"),
    "two spaces before the version": plain([], "GET /abc  HTTP/1.1"),
    "a space in the path": plain([], "GET /a bc HTTP/1.1"),
    "no version": plain([], "GET /abc"),
    "an empty line first": `\r\n${plain()}`,
    "a body with a length": plain(["Content-Length: 5"]),
    "a body of length nought": plain(["Content-Length: 0"]),
    "a chunked body": plain(["Transfer-Encoding: chunked"]),
    "an upgrade": plain(["Upgrade: websocket"]),
    "the end of the connection": plain(["Connection: close"]),
    "headers of one hop": plain(["Connection: keep-alive, X-Forwarded-For"]),
    "an expectation": plain(["Expect: 100-continue"]),
    "a space before the colon": plain(["Content-Length : 5"]),
    "a folded header": plain(["X-A: b", " Content-Length: 5"]),
    "a line without a colon": plain(["nonsense"]),
    "a header without a name": plain([": x"]),
    "no host": "GET /abc HTTP/1.1\r\nAccept: */*\r\n\r\n",
    "two hosts": plain(["Host: evil.example"]),
    "a host that is none": "GET /abc HTTP/1.1\r\nHost: a@b\r\n\r\n",
    "an empty host": "GET /abc HTTP/1.1\r\nHost:\r\n\r\n",
    "a header twice": plain(["X-Forwarded-For: 192.0.2.1", "x-forwarded-for: 192.0.2.2"]),
    "a bare line feed": plain(["X-A: b\nContent-Length: 5"]),
    "a bare carriage return": plain(["X-A: b\rContent-Length: 5"]),
    "line feeds alone": plain().replaceAll("\r", ""),
    NUL: plain(["X-A: \0"]),
    "a tab": plain(["X-A:\tb"]),
    DEL: plain(["X-A: \x7f"]),
    "beyond ASCII": plain(["User-Agent: \xe9"]),
    "half a head": plain(["User-Agent: x"]).slice(0, -2),
    "half a line": "GET /abc HT",
    "a head beyond any need": plain([`Cookie: ${"a".repeat(16_384)}`]),
    nothing: "",
  };
  for (const [name, text] of Object.entries(refused)) {
    test(name, () => expect(read(text)).toBeNull());
  }

  test("a plain one cut anywhere", () => {
    const text = plain(["User-Agent: x", "Referer: https://a.example/"]);
    for (let length = 0; length < text.length; length++) {
      expect(read(text.slice(0, length)), `${length} characters`).toBeNull();
    }
    expect(read(text)).not.toBeNull();
  });
});
