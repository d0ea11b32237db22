import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { checkUrl, neverSchemes, urlBytesMaxDefault, type UrlPolicy } from "./safety.ts";

const policy: UrlPolicy = {
  schemes: ["http", "https", "myapp"],
  ownHosts: (host) => host === "go.example.com" || host.endsWith(".go.example.com"),
};

function reason(input: string, given: UrlPolicy = policy): string {
  const verdict = checkUrl(input, given);
  return verdict.ok ? `ok ${verdict.url}` : verdict.reason;
}

describe("accepted", () => {
  test.each([
    ["https://example.com", "https://example.com/", "example.com"],
    ["  https://example.com/a?b=c#d\n", "https://example.com/a?b=c#d", "example.com"],
    ["HTTPS://EXAMPLE.COM:443/A", "https://example.com/A", "example.com"],
    ["http://example.com.:8080/", "http://example.com:8080/", "example.com"],
    ["https://münchen.de/straße", "https://xn--mnchen-3ya.de/stra%C3%9Fe", "xn--mnchen-3ya.de"],
    [
      "https://example.com/?next=http://localhost/",
      "https://example.com/?next=http://localhost/",
      "example.com",
    ],
    ["https://example.com/@name", "https://example.com/@name", "example.com"],
    ["https://example.com/❤️", "https://example.com/%E2%9D%A4%EF%B8%8F", "example.com"],
    ["http://8.8.8.8/", "http://8.8.8.8/", "8.8.8.8"],
    ["http://[2606:4700::1111]/", "http://[2606:4700::1111]/", "[2606:4700::1111]"],
    ["https://a_b.example.com/", "https://a_b.example.com/", "a_b.example.com"],
  ])("%p becomes %p", (input, url, host) => {
    expect(checkUrl(input, policy)).toMatchObject({ ok: true, url, host, flags: [] });
  });

  test("whatever is accepted is what a browser opens", () => {
    const awkward = fc.string({
      unit: fc.constantFrom(..."aZ09.-_:/\\?#@%[] \t&=é①。．／＠\u00ad\u200b\u202eа".split("")),
    });
    const text = fc.oneof(
      fc.webUrl({ withQueryParameters: true, withFragments: true }),
      awkward.map((rest) => `https://${rest}`),
      fc.tuple(awkward, awkward).map(([a, b]) => `http://${a}example.com${b}`),
    );
    let accepted = 0;
    fc.assert(
      fc.property(text, (input) => {
        const verdict = checkUrl(input, policy);
        if (!verdict.ok) return;
        accepted++;
        const opened = new URL(verdict.url);
        expect(opened.href).toBe(verdict.url);
        expect(opened.hostname).toBe(verdict.host);
        expect(opened.username + opened.password).toBe("");
        expect(opened.protocol).toMatch(/^https?:$/);
        expect(verdict.url).toMatch(/^[\x21-\x7e]+$/);
        const again = checkUrl(verdict.url, policy);
        expect(again).toEqual(verdict);
      }),
      { numRuns: 3_000 },
    );
    expect(accepted).toBeGreaterThan(500);
  });
});

describe("schemes", () => {
  const disguises = [
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    " javascript:alert(1)",
    "\tjavascript:alert(1)",
    "java\tscript:alert(1)",
    "java\nscript:alert(1)",
    "javascript\r\n:alert(1)",
    "\u0001javascript:alert(1)",
    "\u00a0javascript:alert(1)",
    "\ufeffjavascript:alert(1)",
    "java\u00adscript:alert(1)",
    "java\u200bscript:alert(1)",
    "javascript\u200b:alert(1)",
    "\u202ejavascript:alert(1)",
    "java\0script:alert(1)",
    "javascript&colon;alert(1)",
    "javascript&#58;alert(1)",
    "&#106;avascript:alert(1)",
    "%6aavascript:alert(1)",
    "javascript%3Aalert(1)",
    "ｊavascript:alert(1)",
    "javascript：alert(1)",
    "jаvascript:alert(1)",
    "javascript://example.com/%0aalert(1)",
    "//javascript:alert(1)",
    "/javascript:alert(1)",
    "\\javascript:alert(1)",
    "feed:javascript:alert(1)",
    "view-source:javascript:alert(1)",
    "view-source:https://example.com",
    "data:text/html,<script>alert(1)</script>",
    "DATA:text/html;base64,PHNjcmlwdD4=",
    "file:///etc/passwd",
    "fIlE://host/share",
    "vbscript:x",
    "blob:https://example.com/1",
    "filesystem:https://example.com/a",
    "about:blank",
    "jar:x!/",
    "ms-msdt:/id",
    "other://x",
    "ftp://example.com",
    "example.com",
    "//example.com",
    "/path",
    "",
    ":",
    "https",
    "1http://example.com",
  ];

  test.each(disguises)("%p is refused", (input) => {
    expect(["scheme", "syntax"]).toContain(reason(input));
  });

  test("the dangerous ones stay refused when configured", () => {
    for (const scheme of neverSchemes) {
      const schemes = [...policy.schemes, scheme, scheme.toUpperCase()];
      expect(reason(`${scheme}://example.com/`, { ...policy, schemes })).toBe("scheme");
    }
  });

  test("no disguise of a script makes an accepted URL", () => {
    const junk = fc.string({
      unit: fc.constantFrom(
        "\t",
        "\n",
        "\r",
        " ",
        "\0",
        "\u0001",
        "\u00ad",
        "\u200b",
        "\u2028",
        "\ufeff",
        "\u202e",
        "/",
        "\\",
        "%09",
        "&Tab;",
        "\u001f",
        "\u3000",
      ),
      maxLength: 3,
    });
    const word = fc.constantFrom("javascript:", "data:", "vbscript:", "file:", "view-source:");
    const disguised = word.chain((scheme) =>
      fc
        .array(fc.tuple(fc.boolean(), junk), { minLength: scheme.length, maxLength: scheme.length })
        .map((steps) =>
          steps.map(([up, gap], i) => gap + (up ? scheme[i]!.toUpperCase() : scheme[i]!)).join(""),
        ),
    );
    fc.assert(
      fc.property(disguised, fc.string(), (scheme, rest) => {
        expect(checkUrl(`${scheme}${rest}`, policy).ok).toBe(false);
      }),
      { numRuns: 3_000 },
    );
  });

  test("an app URL is returned as given, safe to print", () => {
    const given = "myapp://Path/To?x=%41&y=1#z";
    const verdict = { ok: true, url: given, host: "", flags: [], display_host: "" };
    expect(checkUrl(given, policy) as object).toEqual(verdict);
    expect(reason("MyApp:open")).toBe("ok MyApp:open");
    expect(reason('myapp://a b"<é>')).toBe("ok myapp://a%20b%22%3C%C3%A9%3E");
    expect(reason("myapp://a\r\nSet-Cookie: b")).toBe("syntax");
    expect(reason("myapp://\ud800")).toBe("syntax");
    expect(reason("myapp:")).toBe("syntax");
    expect(reason("myapp://a", { ...policy, schemes: ["https"] })).toBe("scheme");
  });
});

describe("syntax", () => {
  test.each([
    "http:example.com",
    "http:/example.com",
    "http:///example.com",
    "http:\\\\example.com",
    "https://example.com\\@evil.com",
    "https://example.com\\.evil.com",
    "https://example.com/\\x",
    "https://",
    "https://?x",
    "https://#x",
    "https://exa mple.com",
    "https://exam\u00adple.com",
    "https://example\u200d.com",
    "https://example.com:99999",
    "https://exa\tmple.com",
    "https://example.com/\u0000",
    "https://example.com/a\nb",
    "https://example.com/\u202egpj.exe",
    "https://example..com",
    "https://example.com..",
    "https://.example.com",
    "https://xn--a.com",
    "https://[::1",
    "https://1.2.3.4.5/",
    "https://256.256.256.256/",
    "https://example.com／a.b",
    `https://${"a".repeat(64)}.com`,
    `https://${"abcdefg.".repeat(32)}com`,
    "https://\ud800.com",
    "https://ex%00ample.com",
    "https://ex%2fample.com",
    "https://exa$mple.com",
  ])("%p is refused", (input) => {
    expect(reason(input)).toBe("syntax");
  });

  test.each([
    "https://user:pass@example.com",
    "https://user@example.com",
    "https://@example.com",
    "https://:@example.com",
    "https://google.com@evil.com/",
    "https://a%40b@evil.com",
    "https://google.com／@evil.com",
  ])("%p is refused for its credentials", (input) => {
    expect(reason(input)).toBe("credentials");
  });

  test("the length counts as given and as stored", () => {
    const base = "https://example.com/";
    const exact = base + "a".repeat(urlBytesMaxDefault - base.length);
    expect(reason(exact)).toBe(`ok ${exact}`);
    expect(reason(`${exact}a`)).toBe("too_long");
    expect(reason(base + "é".repeat(700))).toBe("too_long");
    expect(reason(`myapp://${"é".repeat(700)}`)).toBe("too_long");
    expect(reason(`${base}12345`, { ...policy, urlBytesMax: 24 })).toBe("too_long");
  });
});

describe("hosts", () => {
  test.each([
    "127.0.0.1",
    "127.1",
    "0177.0.0.1",
    "0x7f.1",
    "2130706433",
    "017700000001",
    "0",
    "①②⑦.⓪.⓪.①",
    "１２７．０．０．１",
    "127。0。0。1",
    "127.0.0.1.",
    "%31%32%37.1",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:8.8.8.8]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
    "[fe80::1]",
    "[fd00:ec2::254]",
    "10.0.0.1",
    "172.16.1.1",
    "192.168.0.1",
    "169.254.169.254",
    "100.64.0.1",
    "168.63.129.16",
    "localhost",
    "LOCALHOST.",
    "%6c%6fcalhost",
    "ⓛocalhost",
    "a.localhost",
    "printer.local",
    "metadata.google.internal",
    "router.lan",
    "nas.home.arpa",
    "intranet",
    "com",
    "127.0.0.1.nip.io",
    "a.lvh.me",
  ])("http://%s/ is private", (host) => {
    expect(reason(`http://${host}/`)).toBe("private_address");
    expect(reason(`https://${host}:8443/x?y#z`)).toBe("private_address");
  });

  test.each([
    "https://go.example.com/abc",
    "https://GO.example.com./",
    "http://go.example.com:81",
    "https://x.go.example.com",
    "https://ｇo.example.com/",
    "https://go%2eexample.com/",
  ])("%p loops", (input) => {
    expect(reason(input)).toBe("own_domain");
  });

  test("a listed host or URL is refused with the list's name", () => {
    const seen: string[] = [];
    const lists = {
      size: 1,
      reloadIfChanged: async () => false,
      matches: (url: URL) => {
        seen.push(url.href);
        return url.hostname === "bad.com" ? { list: "bad-hosts.txt", entry: "bad.com" } : null;
      },
    };
    const verdict = checkUrl("https://BAD.com./x", { ...policy, lists });
    expect(verdict).toMatchObject({ ok: false, reason: "blocked" });
    expect(verdict.ok ? "" : verdict.message).toContain("bad-hosts.txt");
    expect(checkUrl("https://good.com/", { ...policy, lists }).ok).toBe(true);
    expect(seen).toEqual(["https://bad.com/x", "https://good.com/"]);
  });
});

describe("look-alikes", () => {
  test.each([
    ["https://аррӏе.com", ["look_alike"]],
    ["https://xn--80ak6aa92e.com", ["look_alike"]],
    ["https://gооgle.com", ["mixed_script", "look_alike"]],
    ["https://paypa1.com", ["look_alike"]],
    ["https://paypaI.com", ["look_alike"]],
    ["https://rnicrosoft.com", ["look_alike"]],
    ["https://login.g00gle.co.uk", ["look_alike"]],
    ["https://göögle.com", ["look_alike"]],
    ["https://faceboοk.com", ["mixed_script", "look_alike"]],
    ["https://abcд.com", ["mixed_script"]],
    ["https://сосо.example.com", ["look_alike"]],
  ] as const)("%p is flagged and shown as punycode", (input, flags) => {
    const verdict = checkUrl(input, policy);
    expect(verdict).toMatchObject({ ok: true, flags: [...flags] });
    if (verdict.ok) expect(verdict.display_host).toBe(verdict.host);
    if (verdict.ok) expect(verdict.display_host).toMatch(/^[a-z0-9.-]+$/);
  });

  test.each([
    ["https://google.com", "google.com"],
    ["https://google.de", "google.de"],
    ["https://www.paypal.com", "www.paypal.com"],
    ["https://münchen.de", "münchen.de"],
    ["https://xn--mnchen-3ya.de", "münchen.de"],
    ["https://пример.рф", "пример.рф"],
    ["https://москва.com", "москва.com"],
    ["https://сосо.рф", "сосо.рф"],
    ["https://日本語テスト.jp", "日本語テスト.jp"],
    ["https://tokyo東京.jp", "tokyo東京.jp"],
    ["https://한국.com", "한국.com"],
    ["https://ελλάδα.gr", "ελλάδα.gr"],
    ["https://przykład.pl", "przykład.pl"],
    ["https://moderna.com", "moderna.com"],
  ])("%p is honest and shown as %p", (input, shown) => {
    expect(checkUrl(input, policy)).toMatchObject({ ok: true, flags: [], display_host: shown });
  });

  test("a symbol is shown as punycode", () => {
    const verdict = checkUrl("https://☃.net", policy);
    expect(verdict).toMatchObject({ ok: true, flags: [], display_host: "xn--n3h.net" });
  });
});
