import { describe, expect, test } from "bun:test";
import type { ChatMessage } from "../../../sdk/chat/frames.ts";
import type { MessageView } from "../../../sdk/chat/view.ts";
import { dayLabel, listOf, noteText, spanLabel, summaryOf, typingLabel } from "./labels.ts";
import { mentionBefore, mentionsLeft, piecesOf } from "./message-text.ts";
import { rowsOf } from "./rows.ts";
import { inThread } from "./thread.ts";

const base = { body: { text: "" }, seq: 1, rev: 1, mine: false, thread_seq: null };
function message(part: Partial<MessageView>): MessageView {
  const { seq = 1, created_at = "2026-03-01T12:00:00Z", sender_id = "bob" } = part;
  const given = { ...base, ...part, seq, created_at, sender_id };
  return { client_msg_id: `m${seq}`, ...given } as MessageView;
}

describe("rows", () => {
  test("say the day once, and who speaks when that changes or after a while", () => {
    const rows = rowsOf(
      [
        message({ seq: 1 }),
        message({ seq: 2, created_at: "2026-03-01T12:04:00Z" }),
        message({ seq: 3, created_at: "2026-03-01T12:20:00Z" }),
        message({ seq: 4, created_at: "2026-03-01T12:21:00Z", sender_id: "ada" }),
        message({ seq: 5, created_at: "2026-03-04T12:21:00Z", sender_id: "ada" }),
      ],
      null,
    );
    expect(rows.map(({ day }) => day !== null)).toEqual([true, false, false, false, true]);
    expect(rows.map(({ begins }) => begins)).toEqual([true, false, true, true, true]);
  });

  test("mark the first unread message of others, and only that", () => {
    const messages = [1, 2, 3, 4].map((seq) => message({ seq, mine: seq === 2 }));
    const marked = (from: number | null) =>
      rowsOf(messages, from).flatMap(({ unread, message: { seq } }) => (unread ? [seq] : []));
    expect(marked(2)).toEqual([3]);
    expect(marked(1)).toEqual([1]);
    expect(marked(9)).toEqual([]);
    expect(marked(null)).toEqual([]);
  });
});

describe("text", () => {
  test("links end before what ends the sentence, and only http is one", () => {
    const links = (text: string) =>
      piecesOf(text).flatMap((piece) => (piece.kind === "link" ? [piece.href] : []));
    expect(links("see https://a.example/b?c=d, then (http://e.example).")).toEqual([
      "https://a.example/b?c=d",
      "http://e.example",
    ]);
    expect(links("javascript:alert(1) ftp://x.example https://")).toEqual([]);
  });

  test("pieces put together are the text", () => {
    const text = "@Anna and @Ann see https://a.example. @Ann";
    const pieces = piecesOf(text, ["Ann", "Anna"]);
    expect(pieces.map((piece) => piece.text).join("")).toBe(text);
    const named = pieces.filter(({ kind }) => kind === "mention").map((piece) => piece.text);
    expect(named).toEqual(["@Anna", "@Ann", "@Ann"]);
  });

  test("a mention begins at an @ before the caret, and goes with its name", () => {
    expect(mentionBefore("hello @bo", 9)).toEqual({ from: 6, query: "bo" });
    expect(mentionBefore("@", 1)).toEqual({ from: 0, query: "" });
    expect(mentionBefore("mail a@bo", 9)).toBeNull();
    expect(mentionBefore("@bo and", 7)).toBeNull();
    const chosen = new Map([
      ["1", "bob"],
      ["2", "ada"],
    ]);
    expect(mentionsLeft("hello @bob", chosen)).toEqual(["1"]);
    expect(mentionsLeft("hello", chosen)).toBeUndefined();
  });
});

describe("labels", () => {
  const nameOf = (id: string) => id;
  test("of days are as near as one would say", () => {
    const now = Date.parse("2026-03-11T12:00:00");
    const label = (iso: string) => dayLabel(new Date(iso).toISOString(), now);
    expect(label("2026-03-11T00:10:00")).toBe("Today");
    expect(label("2026-03-10T23:50:00")).toBe("Yesterday");
    expect(label("2026-03-08T12:00:00")).toBe("Sunday");
    expect(label("2026-02-01T12:00:00")).toMatch(/1/);
    expect(label("2024-02-01T12:00:00")).toMatch(/2024/);
  });

  test("of people, spans and notes are sentences", () => {
    expect(listOf(["a"])).toBe("a");
    expect(listOf(["a", "b", "c"])).toBe("a, b and 1 other");
    expect(typingLabel(["a", "b"], nameOf)).toBe("a and b are typing…");
    expect([30, 3_600, 604_800].map(spanLabel)).toEqual(["30 seconds", "1 hour", "7 days"]);
    const note = (what: string, text?: string, account_ids?: string[]) =>
      noteText({ what, ...(text && { text }), ...(account_ids && { account_ids }) }, "ada", nameOf);
    expect(note("added", undefined, ["bob", "eve"])).toBe("ada added bob and eve");
    expect(note("role", "admin", ["bob"])).toBe("ada made bob an admin");
    expect(note("disappear", "3600")).toBe("ada set messages to disappear after 1 hour");
  });

  test("of messages fit on a line", () => {
    const of = (part: Partial<MessageView>) => summaryOf(message(part), nameOf);
    expect(of({ body: { text: "two\n lines" } })).toBe("two lines");
    expect(of({ body: null, deleted_at: "2026-03-01T12:00:00Z" })).toBe("Deleted message");
    const files = [{ upload_id: "1", kind: "image" as const, name: "a.png" }];
    expect(of({ body: { text: "", attachments: files } })).toBe("Picture: a.png");
  });
});

test("a thread has what was loaded and what came since, each once and as it is now", () => {
  const loaded = [message({ seq: 3 }), message({ seq: 5, thread_seq: 3 })] as ChatMessage[];
  const live = [
    message({ seq: 4 }),
    message({ seq: 5, rev: 9, thread_seq: 3, body: { text: "changed" } }),
    message({ seq: 8, thread_seq: 3 }),
  ];
  const waiting = { ...message({ thread_seq: 3, client_msg_id: "new" }), seq: null };
  const thread = inThread(3, loaded, [...live, waiting], "ada");
  expect(thread.map(({ seq }) => seq)).toEqual([3, 5, 8, null]);
  expect(thread[1]?.body?.text).toBe("changed");
});
