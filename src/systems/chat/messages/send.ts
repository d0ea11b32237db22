import type { Principal } from "../../../platform/auth/principal.ts";
import type { Db } from "../../../platform/db/db.ts";
import { uniqueViolation } from "../../../platform/db/sqlstate.ts";
import type { Log } from "../../../platform/log/log.ts";
import type { Limits } from "../../limits/contract.ts";
import type { Live } from "../live.ts";
import type { Ack, Sending } from "../ports.ts";
import type { SendFrame } from "../protocol.ts";
import type { Body } from "../shapes.ts";
import { requireSendable } from "./body.ts";
import { Lanes } from "./lanes.ts";
import type { ReceiptTelling } from "./receipts.ts";
import { sendBatch, type Draft, type SendDeps, type SentBatch } from "./send-batch.ts";
import { sameMessage } from "./send-store.ts";

/** A message that Stoa may have put together itself, such as a forwarded one. */
export type ToSend = Omit<SendFrame, "type" | "body"> & {
  body: Body;
  /** Its files are in use by something that the sender may see. */
  files_held?: boolean;
};

export interface Sender extends Sending {
  send(sender: Principal, message: ToSend): Promise<Ack>;
}

/** Where one client sends again, others do: whoever lost a connection then lost acknowledgements. */
const resendsMs = 5_000;

/** Acknowledged means committed, with the log on the disk. */
export function createSender(
  deps: SendDeps & { db: Db; log: Log; live: Live; limits: Limits; telling: ReceiptTelling },
): Sender {
  const { db, clock } = deps;
  let resendsUntilMs = Number.NEGATIVE_INFINITY;

  async function store(drafts: readonly Draft[], lockTimeoutMs: number): Promise<SentBatch> {
    const attempt = (mayBeThere: boolean) =>
      db.write((tx) => sendBatch(tx, deps, drafts, { lockTimeoutMs, mayBeThere }));
    if (clock.monotonic() < resendsUntilMs) return await attempt(true);
    try {
      return await attempt(false);
    } catch (error) {
      if (uniqueViolation(error) !== sameMessage) throw error;
      resendsUntilMs = clock.monotonic() + resendsMs;
      return await attempt(true);
    }
  }

  /** What is stored is acknowledged, whatever becomes of this: beats lead members to it. */
  function tell(changes: SentBatch["changes"], caughtUp: string[]): void {
    try {
      for (const change of changes) deps.live.message(change);
      deps.telling.tell(caughtUp);
    } catch (error) {
      deps.log.error("stored messages could not be told", { error });
    }
  }

  const lanes = new Lanes<Draft, Ack>({
    laneOf: (draft) => draft.conversation_id,
    async write(drafts, lockTimeoutMs) {
      const { outcomes, changes, caughtUp } = await store(drafts, lockTimeoutMs);
      return { outcomes, tell: () => tell(changes, caughtUp) };
    },
  });
  return {
    async send(sender, message) {
      requireSendable(message.body);
      const { refusal } = await deps.limits.take("chat.sends", {
        user: sender.account_id,
        tier: sender.tier,
      });
      if (refusal) throw refusal;
      return await lanes.add({
        ...message,
        sender_id: sender.account_id,
        by_program: sender.kind === "key",
      });
    },
  };
}
