import type { Principal } from "../../../platform/auth/principal.ts";
import type { Db } from "../../../platform/db/db.ts";
import type { Limits } from "../../limits/contract.ts";
import type { Live } from "../live.ts";
import type { Ack, Sending } from "../ports.ts";
import type { SendFrame } from "../protocol.ts";
import type { Body } from "../shapes.ts";
import { requireSendable } from "./body.ts";
import { Lanes } from "./lanes.ts";
import type { ReceiptTelling } from "./receipts.ts";
import { sendBatch, type Draft, type SendDeps } from "./send-batch.ts";

/** A message that Stoa may have put together itself, such as a forwarded one. */
export type ToSend = Omit<SendFrame, "type" | "body"> & { body: Body };

export interface Sender extends Sending {
  send(sender: Principal, message: ToSend): Promise<Ack>;
}

/** Acknowledged means committed, with the log on the disk. */
export function createSender(
  deps: SendDeps & { db: Db; live: Live; limits: Limits; telling: ReceiptTelling },
): Sender {
  const lanes = new Lanes<Draft, Ack>({
    laneOf: (draft) => draft.conversation_id,
    async write(drafts, lockTimeoutMs) {
      const { outcomes, changes, caughtUp } = await deps.db.write((tx) =>
        sendBatch(tx, deps, drafts, lockTimeoutMs),
      );
      for (const change of changes) deps.live.message(change);
      deps.telling.tell(caughtUp);
      return outcomes;
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
