import { join } from "node:path";
import type { Blobs } from "./blobs.ts";

/**
 * Small pictures of images. What decodes images is written in C and fed by strangers, so each is
 * decoded in a process of its own, without our environment, which is killed when its time is up:
 * neither a crash nor a hang nor memory gone wild there is one here. One at a time.
 */
export type Thumbnail = {
  /** Of the image itself, upright. */
  width: number;
  height: number;
  thumbnail_width: number;
  thumbnail_height: number;
  webp: Uint8Array;
};

export type ThumbnailLimits = { pixelsMax: number; msMax: number };

/** Images that wait; those beyond are made later by the sweep. */
const waitingMax = 100;
/** A larger file is not read into memory for a small picture. */
const sourceBytesMax = 50 * 1024 * 1024;
const thumbnailBytesMax = 1024 * 1024;
const program = join(import.meta.dir, "thumbnail-process.ts");

export const thumbnailType = "image/webp";

/** Types of which one can be made; HEIC is not among them, for its decoder is patented. */
export function canHaveThumbnail(type: string): boolean {
  return /^image\/(png|jpeg|gif|webp|avif)$/.test(type);
}

export function createThumbnails(blobs: Blobs, limits: ThumbnailLimits) {
  let last: Promise<unknown> = Promise.resolve();
  let waiting = 0;

  async function make(key: string): Promise<Thumbnail | null> {
    const source = await blobs.get(key);
    if (source === null) return null;
    if (source.bytes > sourceBytesMax) {
      await source.body.cancel();
      return null;
    }
    return await runProcess(await new Response(source.body).bytes(), limits);
  }

  return {
    /** Null: none can be made. Undefined: too many wait, ask again later. */
    async make(key: string): Promise<Thumbnail | null | undefined> {
      if (waiting >= waitingMax) return undefined;
      waiting++;
      const mine = last.then(() => make(key));
      last = mine.catch(() => {});
      return await mine.finally(() => waiting--);
    },
  };
}

export type Thumbnails = ReturnType<typeof createThumbnails>;

async function runProcess(image: Uint8Array, limits: ThumbnailLimits): Promise<Thumbnail | null> {
  const child = Bun.spawn([process.execPath, program, String(limits.pixelsMax)], {
    stdin: image,
    stdout: "pipe",
    stderr: "ignore",
    env: {},
    timeout: limits.msMax,
    killSignal: "SIGKILL",
    maxBuffer: thumbnailBytesMax,
  });
  const said = await new Response(child.stdout).bytes();
  return (await child.exited) === 0 ? thumbnailFrom(said) : null;
}

/** A line of four numbers, then the picture. What a hostile image made of it is not trusted. */
function thumbnailFrom(said: Uint8Array): Thumbnail | null {
  const lineEnd = said.indexOf(10);
  const line = new TextDecoder().decode(said.subarray(0, Math.max(0, lineEnd)));
  if (!/^[1-9]\d{0,5} [1-9]\d{0,5} [1-9]\d{0,3} [1-9]\d{0,3}$/.test(line)) return null;
  const [width, height, thumbnail_width, thumbnail_height] = line.split(" ").map(Number) as [
    number,
    number,
    number,
    number,
  ];
  const webp = said.subarray(lineEnd + 1);
  const begin = Buffer.from(webp.subarray(0, 12)).toString("latin1");
  if (!/^RIFF[^]{4}WEBP$/.test(begin)) return null;
  return { width, height, thumbnail_width, thumbnail_height, webp };
}
