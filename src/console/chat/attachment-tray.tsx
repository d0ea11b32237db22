import { useState } from "react";
import { Button, IconButton } from "../ui/button.tsx";
import { Icon } from "../ui/icons.tsx";
import { bytesLabel } from "./labels.ts";
import type { Upload, Uploads } from "./use-uploads.ts";
import { VoicePlayer } from "./voice-player.tsx";

/** What will go with the message, and how far it has come. */
export function AttachmentTray({ uploads }: { uploads: Uploads }) {
  if (uploads.items.length === 0) return null;
  return (
    <ul aria-label="Files to be sent" className="mb-2 flex flex-wrap gap-2">
      {uploads.items.map((upload) => (
        <Item key={upload.id} upload={upload} uploads={uploads} />
      ))}
    </ul>
  );
}

function Item({ upload, uploads }: { upload: Upload; uploads: Uploads }) {
  const { file, preview, heard, duration_ms, share, attachment, error } = upload;
  const [isSilent, setSilent] = useState(false);
  return (
    <li className="flex max-w-full items-center gap-2 rounded-lg border border-line bg-surface p-1.5">
      {heard && !isSilent ? (
        <VoicePlayer
          src={heard}
          label={file.name}
          durationMs={duration_ms}
          onFail={() => setSilent(true)}
        />
      ) : preview ? (
        <img src={preview} alt="" className="size-10 rounded object-cover" />
      ) : (
        <span className="flex size-10 items-center justify-center rounded bg-sunken text-muted">
          <Icon name="file" className="size-5" />
        </span>
      )}
      <span className={heard ? "w-16 min-w-0" : "w-36 min-w-0"}>
        {!heard && <span className="block truncate text-[0.8125rem]">{file.name}</span>}
        {error ? (
          <span role="alert" className="block text-xs text-danger">
            {error}
          </span>
        ) : attachment ? (
          <span className="block text-xs text-muted">{bytesLabel(file.size)}</span>
        ) : (
          <progress
            aria-label={`Uploading ${file.name}`}
            className="block h-1.5 w-full accent-accent"
            value={share}
            max={1}
          />
        )}
      </span>
      {error && <Button onClick={() => uploads.retry(upload)}>Try again</Button>}
      <IconButton
        icon="close"
        label={`Remove ${file.name}`}
        onClick={() => uploads.remove(upload.id)}
      />
    </li>
  );
}
