import type { Uploads } from "../../../platform/blobs/uploads.ts";
import type { Writer } from "../../../platform/db/db.ts";
import { AppError } from "../../../platform/errors/errors.ts";
import type { Attaching } from "../ports.ts";
import type { Body } from "../shapes.ts";
import { invalid } from "../messages/body.ts";

/**
 * The files of messages. An upload is attached once, by whoever sent it; forwarding shares it. How
 * often it is in use is counted, so it is released with the last message that has it.
 */
export type Files = Attaching & {
  /** Once for each use that ends, also of the same upload. */
  letGo(tx: Writer, uploadIds: readonly string[]): Promise<void>;
};

type Attachment = NonNullable<Body["attachments"]>[number];

export function createFiles(uploads: Pick<Uploads, "attach" | "release">): Files {
  return {
    async attach(tx, senderId, attachments, { held = false } = {}) {
      const ids = attachments.map((one) => one.upload_id);
      if (new Set(ids).size < ids.length) {
        throw invalid("body.attachments", "each upload once");
      }
      // What was done for this message is undone with it; others of the transaction go on.
      await tx.run`SAVEPOINT attaching`;
      try {
        if (held) await useOnceMore(tx, ids);
        return held ? attachments : await take(tx, uploads, senderId, attachments);
      } catch (error) {
        await tx.run`ROLLBACK TO SAVEPOINT attaching`;
        throw error;
      }
    },
    async letGo(tx, uploadIds) {
      if (uploadIds.length === 0) return;
      const left = await tx.all<{ upload_id: string; uses: number }>`
        UPDATE chat.files f SET uses = f.uses - ended.n
        FROM (SELECT id, count(*)::int AS n FROM unnest(${tx.array(uploadIds, "int8")}) AS u (id)
          GROUP BY id) ended
        WHERE f.upload_id = ended.id RETURNING f.upload_id, f.uses`;
      const unused = left.filter(({ uses }) => uses <= 0).map(({ upload_id }) => upload_id);
      if (unused.length === 0) return;
      await tx.run`DELETE FROM chat.files WHERE upload_id = ANY(${tx.array(unused, "int8")})`;
      await uploads.release(tx, unused);
    },
  };
}

export function uploadsOf(body: Body | null): string[] {
  return (body?.attachments ?? []).map((one) => one.upload_id);
}

/** What a file is called by its sender must agree with what it is. */
export const typesOfKind: Record<Attachment["kind"], RegExp> = {
  image: /^image\//,
  video: /^video\//,
  voice: /^audio\//,
  file: /./,
};

async function take(
  tx: Writer,
  uploads: Pick<Uploads, "attach">,
  ownerId: string,
  attachments: Attachment[],
): Promise<Attachment[]> {
  const ids = attachments.map((one) => one.upload_id);
  const found = await uploads.attach(tx, { ids, ownerId });
  await tx.run`
    INSERT INTO chat.files (upload_id, uses)
    SELECT id, 1 FROM unnest(${tx.array(ids, "int8")}) AS id`;
  return attachments.map(({ upload_id, kind, name, duration_ms }, n) => {
    const { type, bytes, width, height } = found[n] as (typeof found)[number];
    if (!typesOfKind[kind].test(type)) {
      throw invalid(`body.attachments.${n}.kind`, `it is ${type}, which is no ${kind}`);
    }
    return {
      ...{ upload_id, kind, type, bytes },
      ...(name !== undefined && { name }),
      ...(duration_ms !== undefined && { duration_ms }),
      ...(width !== null && { width }),
      ...(height !== null && { height }),
    };
  });
}

async function useOnceMore(tx: Writer, ids: string[]): Promise<void> {
  const used = await tx.run`
    UPDATE chat.files SET uses = uses + 1 WHERE upload_id = ANY(${tx.array(ids, "int8")})`;
  if (used < ids.length) throw new AppError("uploads.not_found", "Its files are gone.");
}
