import { expect, test } from "bun:test";
import type { ChatListed, ChatMessage } from "./frames.ts";
import { roomOf } from "./rooms.ts";
import { shownMessages, takePage, windowMessagesMax } from "./window.ts";

const top = 10_000;
const pageMessages = 50;
const conversation = { id: "1", top_seq: top, rev: top } as ChatListed["conversation"];
const own = { from_seq: 0, delivered_seq: 0, read_seq: 0 } as ChatListed["own"];

const pageFrom = (low: number) =>
  Array.from({ length: pageMessages }, (_, n) => ({ seq: low + n, rev: low + n }) as ChatMessage);

test("who goes on to older messages gets further, and what is newest goes", () => {
  const room = roomOf({ conversation, own, peer: null, last_message: null }, 0);
  room.load = { call: 1, kind: "latest", topSeq: top };
  expect(takePage(room, "latest", pageFrom(top - pageMessages + 1))).toBe(true);
  let low = top - pageMessages + 1;
  while (low > top - 3 * windowMessagesMax) {
    low -= pageMessages;
    room.load = { call: 1, kind: "older", topSeq: top };
    takePage(room, "older", pageFrom(low));
    const shown = shownMessages(room).map(({ seq }) => seq);
    expect(shown[0]).toBe(low);
    expect(shown.length).toBe(Math.min(windowMessagesMax, top - low + 1));
    expect(shown.at(-1)).toBe(low + shown.length - 1);
    expect(room.window?.live).toBe(shown.at(-1) === top);
    expect(room.messages.size).toBe(shown.length);
  }
});
