import { useEffect, useRef, useState } from "react";
import type { ChatAttachment } from "../../../sdk/chat/frames.ts";
import { messageOf } from "../messages.ts";
import { toast } from "../ui/toast.tsx";
import { useChat } from "./use-chat.ts";

/** Files on their way to a message that is not sent yet. */
export type Upload = {
  id: number;
  file: File;
  /** A picture to be shown, as a data URL: the policy of the page allows no other kind. */
  preview: string | null;
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
  const change = (id: number, part: Partial<Upload>) =>
    setItems((before) => before.map((one) => (one.id === id ? { ...one, ...part } : one)));

  async function start({ id, file }: Pick<Upload, "id" | "file">): Promise<void> {
    const stop = new AbortController();
    running.current.set(id, stop);
    try {
      const attachment = await chat.upload(file, {
        name: file.name,
        kind: kindOf(file.type),
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
    add(files: File[]) {
      const room = attachmentsMax - items.length;
      if (files.length > room) toast(`A message takes ${attachmentsMax} files.`, "error");
      const added = files.slice(0, room).map((file) => ({
        ...{ id: ++lastId, file, preview: null, share: 0 },
        ...{ attachment: null, error: null },
      }));
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
      setItems((before) => before.filter((one) => one.id !== id));
    },
    clear: () => setItems([]),
  };
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
