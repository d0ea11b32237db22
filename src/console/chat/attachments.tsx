import { useQuery } from "@tanstack/react-query";
import type { ChatAttachment } from "../../../sdk/chat/frames.ts";
import type { MessageView } from "../../../sdk/chat/view.ts";
export function Attachments(props: {
  message: MessageView;
  attachments: readonly ChatAttachment[];
}) {
  useQuery({ queryKey: [props.message.id] });
  return null;
}
