import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { ChatAttachment } from "../../../sdk/chat/frames.ts";
import type { MessageView } from "../../../sdk/chat/view.ts";
import { stoa } from "../stoa.ts";
import { Dialog } from "../ui/dialog.tsx";
import { Icon } from "../ui/icons.tsx";
import { bytesLabel } from "./labels.ts";
import { attempt } from "./attempt.ts";
import { VoicePlayer } from "./voice-player.tsx";

/** The files of a message. A link to one is asked for when it is seen, and good for a while. */
type Props = { message: MessageView; attachment: ChatAttachment; index: number };

export function Attachments(props: {
  message: MessageView;
  attachments: readonly ChatAttachment[];
}) {
  return (
    <ul aria-label="Files" className="mb-1 flex max-w-full flex-col gap-1.5">
      {props.attachments.map((attachment, index) => (
        <li key={attachment.upload_id}>
          <Attachment {...{ message: props.message, attachment, index }} />
        </li>
      ))}
    </ul>
  );
}

function Attachment(props: Props) {
  const { kind } = props.attachment;
  if (props.message.seq === null) return <FileCard {...props} />;
  if (kind === "image") return <Picture {...props} />;
  if (kind === "voice") return <Voice {...props} />;
  if (kind === "video") return <Film {...props} />;
  return <FileCard {...props} />;
}

/** Links end after a quarter of an hour; one is asked for anew before that. */
const linkMs = 10 * 60_000;

function useLink({ message, index }: Props, thumbnail: boolean) {
  const { conversation_id: id, seq } = message;
  return useQuery({
    queryKey: ["chat", "file", id, seq, index, thumbnail],
    queryFn: ({ signal }) => stoa.chat.file({ id, seq: seq ?? 0, index, thumbnail }, { signal }),
    staleTime: linkMs,
    gcTime: linkMs,
  });
}

/** No higher than this, so that one picture is not all one sees. */
const sideMax = 280;

/** As large as it will be, before it is there: nothing around it moves when it comes. */
function boxOf({ width = sideMax, height = sideMax }: ChatAttachment) {
  const scale = Math.min(1, sideMax / Math.max(width, height));
  return { width: Math.round(width * scale), height: Math.round(height * scale) };
}

/** Below this a smaller one is not worth asking for, and there may be none. */
const wholeBytesMax = 200_000;

function Picture(props: Props) {
  const { attachment } = props;
  const [isWhole, setWhole] = useState((attachment.bytes ?? 0) < wholeBytesMax);
  const [isOpen, setOpen] = useState(false);
  const link = useLink(props, !isWhole);
  const box = boxOf(attachment);
  const name = attachment.name ?? "Picture";
  if (link.isError) return <FileCard {...props} />;
  return (
    <>
      <button
        type="button"
        aria-label={`Open ${name}`}
        className="block max-w-full overflow-hidden rounded-lg bg-sunken"
        onClick={() => setOpen(true)}
      >
        {link.data ? (
          <img
            src={link.data.url}
            alt=""
            {...box}
            className="block h-auto max-w-full"
            // Of some kinds of pictures no smaller one can be made.
            onError={() => setWhole(true)}
          />
        ) : (
          <svg {...box} className="block h-auto max-w-full" aria-hidden="true" />
        )}
      </button>
      {isOpen && <WholePicture {...props} name={name} onClose={() => setOpen(false)} />}
    </>
  );
}

function WholePicture(props: Props & { name: string; onClose: () => void }) {
  const link = useLink(props, false);
  return (
    <Dialog title={props.name} wide onClose={props.onClose}>
      {link.data ? (
        <img src={link.data.url} alt={props.name} className="mx-auto max-h-[75dvh] max-w-full" />
      ) : (
        <div className="skeleton h-64" />
      )}
    </Dialog>
  );
}

function Voice(props: Props) {
  const { name, duration_ms } = props.attachment;
  const link = useLink(props, false);
  const [isBroken, setBroken] = useState(false);
  if (link.isError || isBroken) return <FileCard {...props} />;
  if (!link.data) return <div className="h-8 w-60 max-w-full pointer-coarse:h-11" />;
  // Recordings are all called the same; what is attached has a name that says something.
  const label = duration_ms === undefined ? (name ?? "Sound") : "Voice message";
  return (
    <>
      {duration_ms === undefined && <p className="truncate text-xs text-muted">{label}</p>}
      <VoicePlayer
        src={link.data.url}
        label={label}
        durationMs={duration_ms}
        onFail={() => setBroken(true)}
      />
    </>
  );
}

function Film(props: Props) {
  const link = useLink(props, false);
  if (!link.data) return <FileCard {...props} />;
  return (
    <video
      controls
      preload="metadata"
      src={link.data.url}
      aria-label={props.attachment.name ?? "Video"}
      {...boxOf(props.attachment)}
      className="max-w-full rounded-lg"
    >
      <track kind="captions" />
    </video>
  );
}

function FileCard({ message, attachment, index }: Props) {
  const { name = "File", bytes = 0 } = attachment;
  const { conversation_id: id, seq } = message;
  const save = async () => {
    if (seq === null) return;
    await attempt(
      stoa.chat.file({ id, seq, index }).then(({ url }) => {
        const link = document.createElement("a");
        Object.assign(link, { href: url, download: name });
        link.click();
      }),
    );
  };
  return (
    <button
      type="button"
      disabled={seq === null}
      className="flex max-w-full items-center gap-2 rounded-lg bg-sunken px-2.5 py-2 text-left"
      onClick={save}
    >
      <Icon name="file" className="size-5 shrink-0 text-muted" />
      <span className="min-w-0">
        <span className="block truncate">{name}</span>
        <span className="block text-xs text-muted">{bytesLabel(bytes)}</span>
      </span>
    </button>
  );
}
