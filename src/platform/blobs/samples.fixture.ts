import sharp from "sharp";
import type { MediaType } from "./media-types.ts";

/** What files of each type begin with, as the programs that make them write it. */
export type Bytes = Uint8Array<ArrayBuffer>;

export const bytesOf = (text: string): Bytes => new Uint8Array(Buffer.from(text, "latin1"));

function ftyp(major: string, ...compatible: string[]): Bytes {
  const length = 16 + 4 * compatible.length;
  const size = String.fromCharCode(0, 0, 0, length);
  return bytesOf(`${size}ftyp${major}\0\0\x02\0${compatible.join("")}\0\0\0\x08mdat`);
}

/** The EBML header with its usual fields. */
function ebml(docType: string): Bytes {
  const fields = `\x42\x86\x81\x01\x42\xf7\x81\x01\x42\xf2\x81\x04\x42\xf3\x81\x08\x42\x82`;
  const rest = `${String.fromCharCode(0x80 + docType.length)}${docType}\x42\x87\x81\x04`;
  const size = String.fromCharCode(0x80 + fields.length + rest.length);
  return bytesOf(`\x1a\x45\xdf\xa3${size}${fields}${rest}\x18\x53\x80\x67`);
}

/** A first page with one packet. */
function ogg(packet: string): Bytes {
  const serial = "\x2a\0\0\0";
  const head = `OggS\0\x02${"\0".repeat(8)}${serial}${"\0".repeat(8)}\x01`;
  return bytesOf(`${head}${String.fromCharCode(packet.length)}${packet}`);
}

/** Frames of layer III of MPEG 1: 128 kbit/s at 44.1 kHz. */
function mp3(frames: number): Bytes {
  return bytesOf(`\xff\xfb\x90\x64${"\0".repeat(413)}`.repeat(frames));
}

export const samples: [name: string, type: MediaType, bytes: Bytes][] = [
  ["PNG", "image/png", bytesOf("\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR")],
  ["JPEG", "image/jpeg", bytesOf("\xff\xd8\xff\xe0\0\x10JFIF\0")],
  ["JPEG of a camera", "image/jpeg", bytesOf("\xff\xd8\xff\xe1\0\x10Exif\0")],
  ["GIF", "image/gif", bytesOf("GIF89a\x01\0\x01\0")],
  ["old GIF", "image/gif", bytesOf("GIF87a\x01\0\x01\0")],
  ["WebP", "image/webp", bytesOf("RIFF\x24\0\0\0WEBPVP8 ")],
  ["AVIF", "image/avif", ftyp("avif", "mif1", "miaf")],
  ["AVIF by its compatible brand", "image/avif", ftyp("mif1", "avif", "miaf")],
  ["HEIC", "image/heic", ftyp("heic", "mif1", "heic")],
  ["MP4", "video/mp4", ftyp("isom", "iso2", "avc1", "mp41")],
  ["MP4, version 2", "video/mp4", ftyp("mp42", "isom")],
  ["MOV", "video/quicktime", ftyp("qt  ")],
  ["M4A", "audio/mp4", ftyp("M4A ", "mp42", "isom")],
  ["WebM", "video/webm", ebml("webm")],
  ["Opus", "audio/ogg", ogg("OpusHead\x01\x02")],
  ["Vorbis", "audio/ogg", ogg("\x01vorbis\0\0\0\0\x02")],
  ["Theora", "video/ogg", ogg("\x80theora\x03\x02\x01")],
  ["MP3 with a tag", "audio/mpeg", bytesOf("ID3\x04\0\0\0\0\0\0")],
  ["MP3 without a tag", "audio/mpeg", mp3(3)],
  ["MP3 of one frame", "audio/mpeg", mp3(1)],
  ["WAV", "audio/wav", bytesOf("RIFF\x24\0\0\0WAVEfmt ")],
  ["PDF", "application/pdf", bytesOf("%PDF-1.7\n%\xe2\xe3\xcf\xd3")],
  ["ZIP", "application/zip", bytesOf("PK\x03\x04\x14\0\0\0")],
  ["empty ZIP", "application/zip", bytesOf(`PK\x05\x06${"\0".repeat(18)}`)],
];

const noise = { type: "gaussian", mean: 128, sigma: 40 } as const;

/** Noise, so that nothing compresses it away. */
export async function picture(
  format: "png" | "jpeg" | "gif" | "webp" | "avif",
  { width = 1_200, height = 800 } = {},
): Promise<Bytes> {
  const create = { width, height, channels: 3, background: "white", noise } as const;
  // AVIF takes seconds to pack as small as it can.
  const options = format === "avif" ? { effort: 0 } : {};
  return new Uint8Array(await sharp({ create }).toFormat(format, options).toBuffer());
}

/** As a camera writes it that was held upright, with the place where it was. */
export async function photograph(): Promise<Bytes> {
  const create = { width: 900, height: 600, channels: 3, background: "red" } as const;
  const place = { GPSLatitude: "48/1 51/1 30/1", GPSLatitudeRef: "N" };
  const photo = sharp({ create }).jpeg().withMetadata({ orientation: 6 });
  return new Uint8Array(
    await photo.withExifMerge({ IFD0: { Copyright: "Ada Lovelace" }, IFD3: place }).toBuffer(),
  );
}

/** A PNG of a few kilobytes that unpacks to as many pixels as it says. */
export async function bomb(edge: number): Promise<Bytes> {
  const create = { width: edge, height: edge, channels: 3, background: "black" } as const;
  const png = sharp({ create, limitInputPixels: false }).png({
    compressionLevel: 9,
    palette: true,
  });
  return new Uint8Array(await png.toBuffer());
}
