/**
 * The head of a plain GET, read by position in one pass: the request line and the few headers
 * that a redirect looks at. It takes only what is beyond doubt and refuses everything else, which
 * then goes to a complete HTTP parser: other methods and versions, bodies, upgrades, a header
 * twice or folded, a Host that is missing or odd, line ends other than CRLF, control characters,
 * bytes beyond ASCII, a head that has not wholly arrived. It never has to decide what a doubtful
 * request means, and request smuggling lives on that decision. Grammar: RFC 9112.
 */
export class Head {
  /** The path without its slash, which is a code where it is a short link. */
  code = "";
  /** With its question mark; "" for none. */
  query = "";
  /** Lower-case, without a port. */
  host = "";
  userAgent = "";
  referrer = "";
  /** What it says of fetching ahead, each "" where it does not. */
  secPurpose = "";
  purpose = "";
  xMoz = "";
  doNotTrack = false;
  forwardedFor: string | null = null;
  /** Where the next request begins. */
  end = 0;
  private text = "";
  private start = 0;
  /** One bit for each known header that was read. */
  private seen = 0;
  private hostText: string | null = null;

  /** Fills this with the request that begins at `start`; when false, what it holds is nothing. */
  read(text: string, start: number): boolean {
    headPattern.lastIndex = start;
    if (!text.startsWith(method, start) || !headPattern.test(text)) return false;
    const end = headPattern.lastIndex;
    if (end - start > headBytesMax) return false;
    this.clear();
    this.text = text;
    this.start = start;
    this.end = end;
    let lineEnd = text.indexOf("\r", start);
    if (!this.readRequestLine(text, start, lineEnd)) return false;
    for (let line = lineEnd + 2; line < end - 2; line = lineEnd + 2) {
      lineEnd = text.indexOf("\r", line);
      if (!this.readField(text, line, lineEnd)) return false;
    }
    return (this.seen & hostBit) !== 0;
  }

  get path(): string {
    return `/${this.code}`;
  }

  /** As `Headers` does, for the one header that says who asks. */
  get(_name: "x-forwarded-for"): string | null {
    return this.forwardedFor;
  }

  /** The request as everybody else takes it. */
  toRequest(): Request {
    const headers = new Headers();
    const [, ...lines] = this.text.slice(this.start, this.end - 4).split("\r\n");
    for (const line of lines) {
      const colon = line.indexOf(":");
      headers.append(line.slice(0, colon), line.slice(colon + 1).trim());
    }
    return new Request(`http://${this.hostText}${this.path}${this.query}`, { headers });
  }

  /** Takes the value of `Host`, which is nearly always the one before. */
  takeHost(text: string): boolean {
    if (text === this.hostText) return true;
    const name = hostPattern.exec(text)?.[1];
    if (name === undefined) return false;
    this.hostText = text;
    this.host = name.toLowerCase();
    return true;
  }

  private clear(): void {
    this.userAgent = this.referrer = this.secPurpose = this.purpose = this.xMoz = "";
    this.doNotTrack = false;
    this.forwardedFor = null;
    this.seen = 0;
  }

  private readRequestLine(text: string, start: number, end: number): boolean {
    const pathStart = start + method.length;
    const pathEnd = end - version.length;
    const isWhole = text.indexOf(" ", pathStart) === pathEnd && text.startsWith(version, pathEnd);
    if (!isWhole) return false;
    const question = text.indexOf("?", pathStart);
    const queryStart = question < 0 || question > pathEnd ? pathEnd : question;
    this.code = text.slice(pathStart, queryStart);
    this.query = queryStart === pathEnd ? "" : text.slice(queryStart, pathEnd);
    return true;
  }

  private readField(text: string, start: number, end: number): boolean {
    const colon = text.indexOf(":", start);
    if (colon <= start || colon >= end) return false;
    // A fold, or white space before the colon, which parsers have disagreed about.
    if (text.charCodeAt(start) === space || text.charCodeAt(colon - 1) === space) return false;
    for (const field of fields[colon - start] ?? none) {
      if (!isName(text, start, field.name)) continue;
      if ((this.seen & field.bit) !== 0) return false;
      this.seen |= field.bit;
      return field.take(this, valueOf(text, colon, end));
    }
    return true;
  }
}

/** As much as Bun's own server takes. */
const headBytesMax = 16 * 1024;
const method = "GET /";
const version = " HTTP/1.1";
const space = 32;
/** Lines of what can be printed, each with its end, up to an empty one. Never looks back. */
const headPattern = /(?:[\x20-\x7e]+\r\n)+\r\n/y;
const hostPattern = /^([a-z0-9](?:[a-z0-9.-]{0,252}))(?::\d{1,5})?$/i;

type Field = { name: string; bit: number; take(head: Head, value: string): boolean };

const refuse = () => false;

/** What is read, and what says that this is no plain request. */
const known: Record<string, (head: Head, value: string) => boolean> = {
  host: (head, value) => head.takeHost(value),
  "user-agent": (head, value) => ((head.userAgent = value), true),
  referer: (head, value) => ((head.referrer = value), true),
  "x-forwarded-for": (head, value) => ((head.forwardedFor = value), true),
  "sec-purpose": (head, value) => ((head.secPurpose = value), true),
  purpose: (head, value) => ((head.purpose = value), true),
  "x-moz": (head, value) => ((head.xMoz = value), true),
  "sec-gpc": (head, value) => ((head.doNotTrack ||= value === "1"), true),
  dnt: (head, value) => ((head.doNotTrack ||= value === "1"), true),
  connection: (_, value) => value.toLowerCase() === "keep-alive",
  "content-length": refuse,
  "transfer-encoding": refuse,
  upgrade: refuse,
  expect: refuse,
  te: refuse,
};

const none: Field[] = [];
/** By the length of the name, which leaves at most three to compare with. */
const fields: Field[][] = [];
let hostBit = 0;
for (const [index, [name, take]] of Object.entries(known).entries()) {
  (fields[name.length] ??= []).push({ name, bit: 1 << index, take });
  if (name === "host") hostBit = 1 << index;
}
for (let i = 0; i < fields.length; i++) fields[i] ??= none;

/** Without the white space around it, of which there is nearly always one space and no more. */
function valueOf(text: string, colon: number, end: number): string {
  const start = text.charCodeAt(colon + 1) === space ? colon + 2 : colon + 1;
  const value = text.slice(start, end);
  const isBare = text.charCodeAt(start) !== space && text.charCodeAt(end - 1) !== space;
  return isBare ? value : value.trim();
}

/** Whether the header at `start` has this lower-case name, of a length that was compared. */
function isName(text: string, start: number, name: string): boolean {
  for (let i = 0; i < name.length; i++) {
    const char = text.charCodeAt(start + i);
    const lower = char >= 65 && char <= 90 ? char | 32 : char;
    if (lower !== name.charCodeAt(i)) return false;
  }
  return true;
}
