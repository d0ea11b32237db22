import type { MessageView } from "../../../sdk/chat/view.ts";
import { withoutScheme } from "../messages.ts";
import { useAccount } from "../session.tsx";
import { Attachments } from "./attachments.tsx";
import type { MessageActions } from "./actions.ts";
import type { NameOf } from "./labels.ts";
import { piecesOf } from "./message-text.ts";
import { Poll } from "./poll.tsx";

/** What a message says: files, words, a poll, and what a link leads to. */
export function MessageContent(props: {
  message: MessageView;
  nameOf: NameOf;
  me: string;
  onVote: MessageActions["vote"];
}) {
  const { message, nameOf } = props;
  const { body, extra } = message;
  if (!body) {
    return (
      <p className="text-muted italic">
        {message.deleted_at ? "This message was deleted." : "This message disappeared."}
      </p>
    );
  }
  return (
    <>
      {body.attachments && body.attachments.length > 0 && (
        <Attachments message={message} attachments={body.attachments} />
      )}
      {body.text && (
        <Text text={body.text} mentions={body.mentions} nameOf={nameOf} me={props.me} />
      )}
      {body.poll && <Poll message={message} poll={body.poll} me={props.me} onVote={props.onVote} />}
      {extra.preview && <Preview preview={extra.preview} />}
    </>
  );
}

function Text(props: { text: string; mentions: string[] | undefined; nameOf: NameOf; me: string }) {
  const { mentions = [], nameOf, me } = props;
  const account = useAccount();
  // One's own name is written, though one is called You.
  const names = mentions.map((id) => (id === me ? account.name : nameOf(id)));
  return (
    <p className="whitespace-pre-wrap">
      {piecesOf(props.text, names).map((piece, index) =>
        piece.kind === "link" ? (
          <a
            key={index}
            href={piece.href}
            target="_blank"
            rel="noopener noreferrer"
            className="link"
          >
            {piece.text}
          </a>
        ) : piece.kind === "mention" ? (
          <b key={index} className="font-medium text-accent">
            {piece.text}
          </b>
        ) : (
          piece.text
        ),
      )}
    </p>
  );
}

type PreviewOf = NonNullable<MessageView["extra"]["preview"]>;

function Preview({ preview }: { preview: PreviewOf }) {
  return (
    <a
      href={preview.url}
      target="_blank"
      rel="noopener noreferrer"
      className="mt-1.5 block rounded-md border-l-2 border-line-strong bg-sunken px-2.5 py-1.5"
    >
      <span className="block text-xs text-muted">
        {preview.site ?? withoutScheme(preview.url).split("/")[0]}
      </span>
      {preview.title && <span className="block font-medium">{preview.title}</span>}
      {preview.description && (
        <span className="line-clamp-2 text-[0.8125rem] text-muted">{preview.description}</span>
      )}
    </a>
  );
}
