import { useEffect, useRef, useState } from "react";
import type { MessageView } from "../../../sdk/chat/view.ts";
import { summaryOf, type NameOf } from "./labels.ts";

/** Says what others write to those who do not see it, once, and never what was scrolled to. */
export function Announcer(props: {
  messages: readonly MessageView[];
  nameOf: NameOf;
  isLatest: boolean;
}) {
  const { messages, nameOf, isLatest } = props;
  const last = isLatest ? messages.findLast((message) => message.seq !== null) : undefined;
  const seq = last?.seq ?? null;
  const heard = useRef<number | null>(null);
  const [text, setText] = useState("");
  useEffect(() => {
    if (!last || seq === null) return;
    const isNews = heard.current !== null && seq > heard.current && !last.mine;
    heard.current = Math.max(seq, heard.current ?? 0);
    if (!isNews) return;
    const said = summaryOf(last, nameOf);
    setText(last.body?.note ? said : `${nameOf(last.sender_id)}: ${said}`);
  }, [seq, last, nameOf]);
  return (
    <p aria-live="polite" className="sr-only" data-announced>
      {text}
    </p>
  );
}
