import { AppError } from "../errors/errors.ts";

/**
 * What bytes are, by what they begin with. What a client says of them is only believed as far as
 * it agrees. Formats that share a container (a voice and a film in WebM) list all they may be, and
 * there the client's word chooses. Anything else is `application/octet-stream`, a file that is
 * handed out for saving and never shown.
 *
 * Rejected: the package file-type. It knows hundreds of formats, and to tell some of them apart it
 * walks through containers and unpacks archives that strangers wrote.
 * Source: https://mimesniff.spec.whatwg.org and the registries of each container.
 */
export const mediaTypes = [
  ...["image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "image/heic"],
  ...["video/mp4", "video/quicktime", "video/webm", "video/ogg"],
  ...["audio/mp4", "audio/webm", "audio/ogg", "audio/mpeg", "audio/wav"],
  ...["application/pdf", "application/zip", "text/plain", "application/octet-stream"],
] as const;
export type MediaType = (typeof mediaTypes)[number];

const unknownType = "application/octet-stream";
/** As much of the beginning as is looked at. */
const headBytes = 4096;

/** Names that clients give to the same. */
const aliases: Record<string, string> = {
  "image/jpg": "image/jpeg",
  "image/heif": "image/heic",
  "audio/mp3": "audio/mpeg",
  "audio/m4a": "audio/mp4",
  "audio/x-m4a": "audio/mp4",
  "audio/wave": "audio/wav",
  "audio/x-wav": "audio/wav",
  "audio/opus": "audio/ogg",
  "application/ogg": "audio/ogg",
  "video/x-m4v": "video/mp4",
  "application/x-zip-compressed": "application/zip",
};

/** Formats that begin with fixed bytes; `.` stands for any one byte. */
const signatures: [begin: string, types: MediaType[]][] = [
  ["\x89PNG\r\n\x1a\n", ["image/png"]],
  ["\xff\xd8\xff", ["image/jpeg"]],
  ["GIF87a", ["image/gif"]],
  ["GIF89a", ["image/gif"]],
  ["RIFF....WEBPVP8", ["image/webp"]],
  ["RIFF....WAVE", ["audio/wav"]],
  ["%PDF-", ["application/pdf"]],
  ["PK\x03\x04", ["application/zip"]],
  ["PK\x05\x06", ["application/zip"]],
  ["ID3", ["audio/mpeg"]],
];

/** Shown in the browser where they are; all others are only saved. */
const shown = /^(image|audio|video)\/|^text\/plain$/;

export function isShown(type: string): boolean {
  return shown.test(type);
}

/** Watches bytes go by; throws as soon as they are not what they may be. */
export type Inspection = {
  update(chunk: Uint8Array): void;
  /** The type, once all bytes have passed. */
  finish(): MediaType;
};

export function inspect(declared: string, allowed: readonly string[]): Inspection {
  let head = new Uint8Array(0);
  let found: MediaType | null = null;
  const text = new TextDecoder("utf-8", { fatal: true });
  const decide = () => {
    found ??= agreed(head, declared, allowed);
    return found;
  };
  const checkText = (chunk: Uint8Array, isLast: boolean) => {
    if (chunk.includes(0)) throw refused("text/plain is text without NUL bytes");
    try {
      text.decode(chunk, { stream: !isLast });
    } catch {
      throw refused("text/plain is text in UTF-8");
    }
  };
  return {
    update(chunk) {
      if (found === null) {
        head = Buffer.concat([head, chunk]);
        if (head.byteLength < headBytes) return;
        if (decide() === "text/plain") checkText(head, false);
      } else if (found === "text/plain") checkText(chunk, false);
    },
    finish() {
      if (found === null && decide() === "text/plain") checkText(head, true);
      else if (found === "text/plain") checkText(new Uint8Array(0), true);
      return decide();
    },
  };
}

/** The type that the content, the client and the offer agree on. */
function agreed(content: Uint8Array, declared: string, allowed: readonly string[]): MediaType {
  const head = Buffer.from(content.subarray(0, headBytes)).toString("latin1");
  const [essence = ""] = declared.toLowerCase().split(";");
  const said = aliases[essence.trim()] ?? essence.trim();
  const possible = possibleTypes(head);
  // Whoever says that it is any bytes at all says nothing about what they are.
  const isSaid = said !== "" && said !== unknownType;
  const found = isSaid ? possible.find((type) => type === said) : possible[0];
  if (found === undefined) {
    throw refused(`the content is ${possible.join(" or ")}, not ${said.slice(0, 100)}`);
  }
  if (!allowed.includes(found)) throw refused(`${found} is not among ${allowed.join(", ")}`);
  return found;
}

function refused(why: string): AppError {
  const fields = [{ field: "Content-Type", message: why }];
  return new AppError("uploads.type_refused", `Content-Type: ${why}`, { fields });
}

/** The likeliest first. */
function possibleTypes(head: string): MediaType[] {
  for (const [begin, types] of signatures) {
    if ([...begin].every((char, i) => char === "." || char === head[i])) return types;
  }
  if (head.startsWith("ftyp", 4)) return isoTypes(head);
  if (head.startsWith("\x1a\x45\xdf\xa3")) return ebmlTypes(head);
  if (head.startsWith("OggS\0")) return oggTypes(head);
  if (isMp3(head)) return ["audio/mpeg"];
  // Only by a client's word: every text is bytes, and most markup would pass for text.
  return isMarkup(head) ? [unknownType] : [unknownType, "text/plain"];
}

/** ISO base media files name their brand, and those that they are compatible with. */
function isoTypes(head: string): MediaType[] {
  const end = Math.min(uint32(head, 0), head.length);
  const brands = [head.slice(8, 12)];
  for (let at = 16; at + 4 <= end; at += 4) brands.push(head.slice(at, at + 4));
  const [major = ""] = brands;
  const has = (...names: string[]) => brands.some((brand) => names.includes(brand));
  if (has("avif", "avis")) return ["image/avif"];
  if (has("heic", "heix", "hevc", "heim", "heis", "mif1")) return ["image/heic"];
  if (major === "qt  ") return ["video/quicktime"];
  if (/^M4[AB] $/.test(major)) return ["audio/mp4"];
  if (/^(iso[\dm]|mp4[12]|avc1|M4V.|MSNV|dash|3g[p2].|f4v )$/.test(major)) {
    return ["video/mp4", "audio/mp4"];
  }
  return [unknownType];
}

/** The document type stands within the first few bytes of the EBML header. */
function ebmlTypes(head: string): MediaType[] {
  const at = head.slice(0, 64).indexOf("\x42\x82");
  const isWebm = at > 0 && head.slice(at + 2, at + 12).includes("webm");
  return isWebm ? ["video/webm", "audio/webm"] : [unknownType];
}

/** What stands in an Ogg file is said by the first packet of its first page. */
function oggTypes(head: string): MediaType[] {
  const packet = head.slice(27 + head.charCodeAt(26));
  const sounds = ["OpusHead", "\x01vorbis", "\x7fFLAC", "Speex   "];
  if (sounds.some((begin) => packet.startsWith(begin))) return ["audio/ogg"];
  return packet.startsWith("\x80theora") ? ["video/ogg"] : [unknownType];
}

const mp3Kilobits = {
  1: [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
  2: [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
};
const mp3Hertz = [44_100, 48_000, 32_000];

/** The header of one frame is a weak sign, so it must lead to the next, or to the end. */
function isMp3(head: string): boolean {
  const length = mp3FrameBytes(head, 0);
  return length > 0 && (length === head.length || mp3FrameBytes(head, length) > 0);
}

/** 0 where no frame of layer III begins. */
function mp3FrameBytes(head: string, at: number): number {
  const word = uint32(head, at);
  if (word >>> 21 !== 0x7ff || ((word >>> 17) & 3) !== 1) return 0;
  const version = (word >>> 19) & 3;
  const kilobits = mp3Kilobits[version === 3 ? 1 : 2][(word >>> 12) & 15] ?? 0;
  const hertz = mp3Hertz[(word >>> 10) & 3] ?? 0;
  if (version === 1 || kilobits === 0 || hertz === 0) return 0;
  const padding = (word >>> 9) & 1;
  if (version === 3) return Math.floor((144_000 * kilobits) / hertz) + padding;
  return Math.floor((72_000 * kilobits) / (hertz / (version === 2 ? 2 : 4))) + padding;
}

/** HTML, SVG, XML: whatever begins with a tag, a comment or a declaration. */
function isMarkup(head: string): boolean {
  return /^(?:\xef\xbb\xbf)?\s*<[a-z!?/]/i.test(head);
}

function uint32(text: string, at: number): number {
  return Buffer.from(text.slice(at, at + 4).padEnd(4, "\0"), "latin1").readUInt32BE(0);
}
