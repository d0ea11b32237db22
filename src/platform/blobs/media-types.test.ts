import { describe, expect, test } from "bun:test";
import { AppError } from "../errors/errors.ts";
import { inspect, isShown, mediaTypes, type MediaType } from "./media-types.ts";
import { bytesOf, samples, type Bytes } from "./samples.fixture.ts";

/** The type that is found, or the code of the refusal. */
function found(bytes: Bytes, declared: string, allowed: readonly MediaType[] = mediaTypes) {
  const outcomes = [bytes.byteLength, 1, 4_095, 7].map((size) => {
    try {
      const inspection = inspect(declared, allowed);
      for (let at = 0; at < bytes.byteLength; at += size || 1) {
        inspection.update(bytes.subarray(at, at + size));
      }
      return inspection.finish() as string;
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      return error.code;
    }
  });
  // However the bytes are cut into chunks.
  expect(new Set(outcomes).size).toBe(1);
  return outcomes[0];
}

const anything = "application/octet-stream";
const refused = "uploads.type_refused";

describe("content", () => {
  test.each(samples)("%s is known", (_, type, bytes) => {
    expect(found(bytes, anything)).toBe(type);
    expect(found(bytes, "")).toBe(type);
    expect(found(bytes, type)).toBe(type);
  });

  test.each(samples)("%s is refused as anything else", (_, type, bytes) => {
    const container = ["video/mp4", "audio/mp4", "video/webm", "audio/webm"];
    for (const other of mediaTypes) {
      if (other === type || other === anything) continue;
      const isSame = container.includes(type) && other.split("/")[1] === type.split("/")[1];
      if (type === "audio/mp4" || !isSame) expect(found(bytes, other)).toBe(refused);
    }
    for (const other of ["text/html", "image/svg+xml", "image", "x", "application/javascript"]) {
      expect(found(bytes, other)).toBe(refused);
    }
  });

  test.each(samples)("%s is refused where it is not wanted", (_, type, bytes) => {
    const others = mediaTypes.filter((other) => other !== type);
    expect(found(bytes, type, others)).toBe(refused);
    expect(found(bytes, anything, others)).toBe(refused);
  });

  test.each(samples)("%s cut short is not known for it", (_, type, bytes) => {
    for (let length = 0; length < 3; length++) {
      expect(found(bytes.slice(0, length), type)).toBe(refused);
    }
  });
});

test("a voice and a film in one kind of container are told apart by the client", () => {
  const [, , webm] = samples.find(([name]) => name === "WebM") ?? samples[0] ?? [];
  const [, , mp4] = samples.find(([name]) => name === "MP4") ?? samples[0] ?? [];
  expect(found(webm as Bytes, "audio/webm;codecs=opus")).toBe("audio/webm");
  expect(found(mp4 as Bytes, "audio/mp4")).toBe("audio/mp4");
  expect(found(mp4 as Bytes, "audio/mp4", ["video/mp4"])).toBe(refused);
});

test.each([
  ["image/jpg", "JPEG", "image/jpeg"],
  ["IMAGE/PNG", "PNG", "image/png"],
  ["image/heif", "HEIC", "image/heic"],
  ["audio/x-wav", "WAV", "audio/wav"],
  ["audio/x-m4a", "M4A", "audio/mp4"],
  ["audio/mp3", "MP3 with a tag", "audio/mpeg"],
  ["audio/ogg; codecs=opus", "Opus", "audio/ogg"],
])("%s is another name for what a %s is", (declared, name, type) => {
  const bytes = samples.find((sample) => sample[0] === name)?.[2];
  expect(found(bytes as Bytes, declared)).toBe(type);
});

describe("text", () => {
  const text = (content: string | Bytes, declared = "text/plain") =>
    found(typeof content === "string" ? new Uint8Array(Buffer.from(content)) : content, declared);

  test("is text in UTF-8, and only where it is said to be", () => {
    expect(text("hello, wörld 🌍")).toBe("text/plain");
    expect(text("x <3 y", "text/plain; charset=utf-8")).toBe("text/plain");
    expect(text("")).toBe("text/plain");
    expect(text("ä".repeat(10_001))).toBe("text/plain");
    expect(text(`a${"🌍".repeat(5_000)}`)).toBe("text/plain");
    expect(text("hello", anything)).toBe(anything);
  });

  test("is not what has NUL or broken UTF-8, however far behind", () => {
    for (const bad of ["\0", "\xff", "\xc3", "\xed\xa0\x80", "\xc0\xaf"]) {
      for (const ahead of [0, 4_094, 4_096, 9_000]) {
        expect(text(bytesOf(`${"a".repeat(ahead)}${bad}`))).toBe(refused);
      }
    }
  });
});

describe("what a browser would run is a file like any other", () => {
  test.each([
    "<!doctype html><script>alert(1)</script>",
    "<html>",
    "\ufeff<script>alert(1)</script>",
    " \r\n\t<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
    "<?xml version='1.0'?><svg/>",
    "<!-- a --><html>",
    "<a href='javascript:alert(1)'>x</a>",
    "</x><script>",
  ])("%p", (markup) => {
    const bytes = new Uint8Array(Buffer.from(markup));
    expect(found(bytes, anything)).toBe(anything);
    const said = ["text/plain", "text/html", "image/svg+xml", "application/xml", "text/xml"];
    for (const declared of [...said, "application/xhtml+xml", "image/png"]) {
      expect(found(bytes, declared)).toBe(refused);
    }
  });
});

describe("polyglots", () => {
  const script = "<script>alert(1)</script>";
  test.each([
    ["GIF that is a script", "GIF89a/*", "*/=1;alert(1)", "image/gif"],
    ["JPEG with a page behind it", "\xff\xd8\xff\xe0\0\x10JFIF\0", script, "image/jpeg"],
    ["JPEG with an archive behind it", "\xff\xd8\xff\xe0", "PK\x03\x04", "image/jpeg"],
    ["PDF with a page inside", "%PDF-1.4\n", script, "application/pdf"],
  ])("%s is what it begins as, and nothing else", (_, begin, rest, type) => {
    const bytes = bytesOf(begin + rest);
    expect(found(bytes, anything)).toBe(type);
    for (const declared of ["text/html", "text/plain", "application/zip", "text/javascript"]) {
      expect(found(bytes, declared)).toBe(refused);
    }
  });

  test("what has something before its own beginning is not of its type", () => {
    expect(found(bytesOf(`${script}%PDF-1.4`), "application/pdf")).toBe(refused);
    expect(found(bytesOf(" \x89PNG\r\n\x1a\n"), "image/png")).toBe(refused);
    expect(found(bytesOf("\nGIF89a"), "image/gif")).toBe(refused);
  });
});

test("weak signs do not do", () => {
  for (const bytes of ["\xff\xfb\x90\x64 and then text", "\xff\xff\xff\xff", "\xff\xfb\xf0\0"]) {
    expect(found(bytesOf(bytes), anything)).toBe(anything);
  }
  expect(found(bytesOf("RIFF\x24\0\0\0AVI LIST"), anything)).toBe(anything);
  expect(found(bytesOf("\0\0\0\x18ftypxxxx\0\0\0\0evil"), anything)).toBe(anything);
  expect(found(bytesOf("\x1a\x45\xdf\xa3\x93\x42\x82\x88matroska"), anything)).toBe(anything);
});

test("only pictures, sounds, films and plain text are shown", () => {
  const saved = mediaTypes.filter((type) => !isShown(type));
  expect(saved).toEqual(["application/pdf", "application/zip", anything]);
});
