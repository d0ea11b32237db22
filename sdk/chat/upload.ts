import type { Caller, Reply } from "../api.ts";
import { errorOf, StoaConnectionError } from "../errors.ts";
import { baseOf } from "../transport.ts";
import type { ChatAttachment } from "./frames.ts";

export type UploadAbout = {
  name?: string;
  kind?: ChatAttachment["kind"];
  /** How long a voice message is; not every recording says it itself. */
  duration_ms?: number;
  signal?: AbortSignal;
  /** How many bytes are sent: now and then in a browser, at the end elsewhere. */
  onProgress?: (sent: number) => void;
};

/** What the server says of the bytes that it got. */
type Stored = { type: string; bytes: number; width: number | null; height: number | null };

/** Asks for a place, and puts the bytes there. */
export async function upload(
  { api, baseUrl }: { api: Caller; baseUrl: string | undefined },
  file: Blob,
  { name, kind = kindOf(file.type), duration_ms, signal, onProgress }: UploadAbout = {},
): Promise<ChatAttachment> {
  const options = signal ? { signal } : {};
  const asked = { kind };
  const offer = await api.post<Reply<"post_chat_uploads">>("/chat/uploads", asked, options);
  const put = { file, type: saidOf(file, kind), onProgress, ...options };
  const shows = onProgress !== undefined && typeof XMLHttpRequest !== "undefined";
  // The place is signed, and stands where the client reaches the server by.
  const { pathname, search } = new URL(offer.url);
  const path = pathname + search;
  const base = baseOf(baseUrl === undefined ? {} : { baseUrl });
  const stored = await (shows ? putShown(base + path, put) : putQuietly(api, path, put));
  const { type, bytes, width, height } = stored;
  return {
    ...{ upload_id: offer.upload_id, kind, type, bytes },
    ...(name === undefined ? {} : { name }),
    ...(duration_ms === undefined ? {} : { duration_ms }),
    ...(width === null || height === null ? {} : { width, height }),
  };
}

function kindOf(type: string): ChatAttachment["kind"] {
  const [family] = type.split("/");
  if (family === "image" || family === "video") return family;
  return family === "audio" ? "voice" : "file";
}

/** The server looks for itself, but nothing in a WebM file says whether it is a voice or a film. */
function saidOf({ type }: Blob, kind: ChatAttachment["kind"]): string {
  return kind === "voice" && type.startsWith("audio/") ? type : "application/octet-stream";
}

type Put = {
  file: Blob;
  type: string;
  signal?: AbortSignal;
  onProgress?: ((sent: number) => void) | undefined;
};

async function putQuietly(api: Caller, path: string, put: Put): Promise<Stored> {
  const stored = await api.transport.json<Stored>({
    ...{ method: "PUT", path, anonymous: true },
    raw: { body: put.file, type: put.type },
    ...(put.signal && { signal: put.signal }),
  });
  put.onProgress?.(put.file.size);
  return stored;
}

/** `fetch` does not tell how far it is. */
function putShown(url: string, { file, type, signal, onProgress }: Put): Promise<Stored> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("PUT", url);
    request.setRequestHeader("content-type", type);
    request.upload.addEventListener("progress", ({ loaded }) => onProgress?.(loaded));
    request.addEventListener("load", () => {
      const { status, responseText } = request;
      if (status >= 200 && status < 300) return resolve(JSON.parse(responseText) as Stored);
      errorOf(new Response(responseText, { status })).then(reject, reject);
    });
    const failed = () => reject(new StoaConnectionError("The server cannot be reached."));
    request.addEventListener("error", failed);
    request.addEventListener("abort", () => reject(signal?.reason ?? new Error("aborted")));
    signal?.addEventListener("abort", () => request.abort(), { once: true });
    request.send(file);
  });
}
