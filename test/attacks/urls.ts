/** URLs that nothing may lead to, each in the spellings that have got past somebody. */
export const schemes = [
  ...[
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    " javascript:alert(1)",
    "java\tscript:alert(1)",
  ],
  ...["java\nscript:alert(1)", "\u0001javascript:alert(1)", "javascript&colon;alert(1)"],
  ...["%6aavascript:alert(1)", "javascript%3aalert(1)", "\uff4aavascript:alert(1)"],
  ...["javascript://example.com/%0aalert(1)", "data:text/html,<script>alert(1)</script>"],
  ...["DATA:text/html;base64,PHNjcmlwdD4=", "file:///etc/passwd", "fIlE://host/x", "vbscript:x"],
  ...["blob:https://example.com/1", "view-source:https://example.com", "ftp://example.com/x"],
  ...["//example.com", "/path", "example.com", "about:blank", "filesystem:https://a.b/c"],
];
export const misleading = [
  ...[
    "https://user@example.com",
    "https://user:secret@example.com",
    "https://example.com@evil.test",
  ],
  ...[
    "https://example.com\\@evil.test",
    "https:\\\\example.com",
    "https:/example.com",
    "https:///x.y",
  ],
  ...[
    "https://exa\u200bmple.com",
    "https://example.com\u202e/moc",
    "https://example.com\t.evil.test",
  ],
  ...["https://ex ample.com", "https://example.com%00.evil.test", "http://[::1", "https://a..b"],
];
export const inside = [
  ...[
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "0177.0.0.1",
    "0x7f.1",
    "0x7f000001",
    "2130706433",
    "017700000001",
  ],
  ...[
    "0",
    "0.0.0.0",
    "10.0.0.1",
    "10.1",
    "172.16.0.1",
    "192.168.1.1",
    "192.168.257",
    "169.254.169.254",
  ],
  ...["0xa9fea9fe", "2852039166", "100.64.0.1", "224.0.0.1", "255.255.255.255", "192.0.2.1"],
  ...[
    "\u2460\u2461\u2466.0.0.1",
    "\uff11\uff12\uff17.\uff10.\uff10.\uff11",
    "127\u30020\u30020\u30021",
  ],
  ...["[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[64:ff9b::7f00:1]", "[fe80::1]"],
  ...["[fc00::1]", "[fd00:ec2::254]", "[2002:7f00:1::]", "[::127.0.0.1]", "[ff02::1]", "[100::1]"],
  ...["localhost", "LOCALHOST.", "x.localhost", "127.0.0.1.", "168.63.129.16"],
].map((host) => `http://${host}/`);
