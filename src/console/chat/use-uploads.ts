import { useEffect, useRef, useState } from "react";
import type { ChatClient } from "../../../sdk/chat/client.ts";
import type { ChatAttachment } from "../../../sdk/chat/frames.ts";
import { StoaError } from "../../../sdk/errors.ts";
import { messageOf } from "../messages.ts";
import { toast } from "../ui/toast.tsx";
import { useChat } from "./use-chat.ts";

/** Files on their way to a message that is not sent yet. */
export type Upload = {
  id: number;
  file: File;
  /** A picture to be shown, as a data URL: the policy of the page allows no other kind. */
  preview: string | null;
  /** A sound to be listened to before it is sent, and how long it is where that is known. */
  heard: string | null;
  duration_ms: number | undefined;
  /** From 0 to 1. */
  share: number;
  attachment: ChatAttachment | null;
  error: string | null;
};

const attachmentsMax = 10;
const previewBytesMax = 8_000_000;
let lastId = 0;

export type Uploads = ReturnType<typeof useUploads>;

export function useUploads() {
  const chat = useChat();
  const [items, setItems] = useState<Upload[]>([]);
  const running = useRef(new Map<number, AbortController>());
  useEffect(() => {
    const all = running.current;
    return () => {
      for (const one of all.values()) one.abort();
    };
  }, []);
  const held = useHeld();
  const change = (id: number, part: Partial<Upload>) =>
    setItems((before) => before.map((one) => (one.id === id ? { ...one, ...part } : one)));

  async function start({ id, file, duration_ms }: Upload): Promise<void> {
    const stop = new AbortController();
    running.current.set(id, stop);
    try {
      const attachment = await uploadAsShown(chat, file, {
        name: file.name,
        ...(duration_ms === undefined ? {} : { duration_ms }),
        signal: stop.signal,
        onProgress: (sent) => change(id, { share: file.size > 0 ? sent / file.size : 1 }),
      });
      change(id, { attachment, share: 1 });
    } catch (error) {
      if (!stop.signal.aborted) change(id, { error: messageOf(error) });
    } finally {
      running.current.delete(id);
    }
  }

  return {
    items,
    done: items.flatMap(({ attachment }) => (attachment ? [attachment] : [])),
    busy: items.some(({ attachment }) => attachment === null),
    add(files: File[], { duration_ms }: { duration_ms?: number } = {}) {
      const room = attachmentsMax - items.length;
      if (files.length > room) toast(`A message takes ${attachmentsMax} files.`, "error");
      const added = files.slice(0, room).map((file): Upload => {
        const id = ++lastId;
        const heard = kindOf(file.type) === "voice" ? held.hold(id, file) : null;
        return {
          ...{ id, file, preview: null, heard, duration_ms, share: 0 },
          ...{ attachment: null, error: null },
        };
      });
      setItems((before) => [...before, ...added]);
      for (const one of added) {
        void start(one);
        void previewOf(one.file).then((preview) => change(one.id, { preview }));
      }
    },
    retry(upload: Upload) {
      change(upload.id, { error: null, share: 0 });
      void start(upload);
    },
    remove(id: number) {
      running.current.get(id)?.abort();
      held.letGo(id);
      setItems((before) => before.filter((one) => one.id !== id));
    },
    clear() {
      for (const { id } of items) held.letGo(id);
      setItems([]);
    },
  };
}

/** Files that the page itself plays, for as long as they are here. */
function useHeld() {
  const urls = useRef(new Map<number, string>());
  useEffect(() => {
    const all = urls.current;
    return () => {
      for (const url of all.values()) URL.revokeObjectURL(url);
    };
  }, []);
  return {
    hold(id: number, file: File): string {
      const url = URL.createObjectURL(file);
      urls.current.set(id, url);
      return url;
    },
    letGo(id: number): void {
      URL.revokeObjectURL(urls.current.get(id) ?? "");
      urls.current.delete(id);
    },
  };
}

/** What is not what its name says, or cannot be shown, is a file for whoever wants to save it. */
async function uploadAsShown(
  chat: ChatClient,
  file: File,
  about: Parameters<ChatClient["upload"]>[1],
): Promise<ChatAttachment> {
  const kind = kindOf(file.type);
  try {
    return await chat.upload(file, { ...about, kind });
  } catch (error) {
    const isOther = error instanceof StoaError && error.code === "uploads.type_refused";
    if (!isOther || kind === "file") throw error;
    return await chat.upload(file, { ...about, kind: "file" });
  }
}

/** What the server knows how to show; anything else is a file to be saved. */
function kindOf(type: string): ChatAttachment["kind"] {
  if (/^image\/(png|jpeg|gif|webp|avif|heic)$/.test(type)) return "image";
  if (/^video\/(mp4|quicktime|webm|ogg)$/.test(type)) return "video";
  return /^audio\/(mp4|webm|ogg|mpeg|wav)$/.test(type) ? "voice" : "file";
}

async function previewOf(file: File): Promise<string | null> {
  if (!file.type.startsWith("image/") || file.size > previewBytesMax) return null;
  return await new Promise((resolve) => {
    const reader = new FileReader();
    reader.addEventListener("load", () => resolve(String(reader.result)));
    reader.addEventListener("error", () => resolve(null));
    reader.readAsDataURL(file);
  });
}
