import type { Caller } from "../api.ts";
import type { ChatAttachment } from "./frames.ts";

export type UploadAbout = {
  name?: string;
  kind?: ChatAttachment["kind"];
  signal?: AbortSignal;
};

/** What the server says of the bytes that it got. */
type Stored = { type: string; bytes: number; width: number | null; height: number | null };

/** Asks for a place, and puts the bytes there. */
export async function upload(
  api: Caller,
  file: Blob,
  { name, kind = kindOf(file.type), signal }: UploadAbout = {},
): Promise<ChatAttachment> {
  const options = signal ? { signal } : {};
  const about = { kind, bytes: file.size };
  const offer = await api.post<{ upload_id: string; url: string }>("/chat/uploads", about, options);
  // The place is signed, and stands where the client reaches the server by.
  const { pathname, search } = new URL(offer.url);
  const stored = await api.transport.json<Stored>({
    ...{ method: "PUT", path: pathname + search, anonymous: true, ...options },
    raw: { body: file, type: "application/octet-stream" },
  });
  const { type, bytes, width, height } = stored;
  return {
    ...{ upload_id: offer.upload_id, kind, type, bytes },
    ...(name === undefined ? {} : { name }),
    ...(width === null || height === null ? {} : { width, height }),
  };
}

function kindOf(type: string): ChatAttachment["kind"] {
  const [family] = type.split("/");
  if (family === "image" || family === "video") return family;
  return family === "audio" ? "voice" : "file";
}
