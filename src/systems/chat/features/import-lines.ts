import type { z } from "zod";
import { AppError } from "../../../platform/errors/errors.ts";
import { invalid } from "../messages/body.ts";
import { tellOwn } from "../conversations/tell.ts";
import { groupMembersMax } from "../shapes.ts";
import { importLine, type ImportedMessage, type importLinesReply } from "./import-wire.ts";
import { type Importing, openImported } from "./import.ts";
import { insertMessages } from "./import-messages.ts";
import { type Line, linesOf } from "./lines.ts";

/**
 * An import of any length, a line of JSON for each conversation and each message, which is read as
 * it comes and stored some at a time. What is wrong with a line is said with its number, and the
 * others go on. A line that came before adds nothing, so that what broke off is sent again, whole
 * or from any earlier line on, and a file that is too large for one request in parts.
 */
const lineBytesMax = 1024 * 1024;
const problemsListedMax = 1_000;
/** Their members are told when so many were touched, and at the end. */
const touchedMax = 1_000;

type Reply = z.infer<typeof importLinesReply>;
type Waiting = { line: number; message: ImportedMessage };

export async function importLines(
  deps: Importing,
  given: { source: AsyncIterable<Uint8Array>; importer: string; signal: AbortSignal },
): Promise<Reply> {
  const run = new LinesImport(deps, given.importer);
  try {
    for await (const lines of linesOf(given.source, lineBytesMax)) {
      given.signal.throwIfAborted();
      await run.take(lines);
    }
  } finally {
    await run.tellMembers();
  }
  return run.reply;
}

class LinesImport {
  readonly reply: Reply = { lines: 0, added: 0, known: 0, failed: 0, problems: [] };
  private readonly deps: Importing;
  private readonly importer: string;
  /** By the ref of their conversation, in the order of their lines. */
  private readonly waiting = new Map<string, Waiting[]>();
  private readonly touched = new Set<string>();

  constructor(deps: Importing, importer: string) {
    this.deps = deps;
    this.importer = importer;
  }

  async take(lines: Line[]): Promise<void> {
    for (const line of lines) {
      this.reply.lines++;
      const read = parsed(line);
      if (read instanceof AppError) this.failed(line.number, read);
      else if (read.type === "message") {
        const { type: _, conversation, ...message } = read;
        const group = this.waiting.get(conversation) ?? [];
        group.push({ line: line.number, message });
        this.waiting.set(conversation, group);
      } else {
        await this.flush();
        const { type: _, ...conversation } = read;
        await this.attempt([line.number], async () => {
          this.touched.add(await openImported(this.deps, conversation));
        });
      }
    }
    await this.flush();
    if (this.touched.size >= touchedMax) await this.tellMembers();
  }

  private async flush(): Promise<void> {
    const groups = [...this.waiting];
    this.waiting.clear();
    if (groups.length === 0) return;
    const ids = await this.conversationsOf(groups.map(([ref]) => ref));
    for (const [ref, group] of groups) {
      const lines = group.map(({ line }) => line);
      await this.attempt(lines, async () => {
        const id = ids.get(ref);
        if (id === undefined) throw invalid("conversation", `${ref} was not imported`);
        await this.insert(id, group);
      });
    }
  }

  private async insert(id: string, group: Waiting[]): Promise<void> {
    const { deps, importer } = this;
    const messages = group.map(({ message }) => message);
    const done = await deps.db.write((tx) => insertMessages(tx, deps, { id, importer }, messages));
    this.reply.added += done.added;
    this.reply.known += done.known;
    if (done.added > 0) this.touched.add(id);
    for (const { at, error, added } of done.problems) {
      const { line } = group[at] as Waiting;
      if (added) this.list(line, error, true);
      else this.failed(line, error);
    }
  }

  private async conversationsOf(refs: string[]): Promise<Map<string, string>> {
    const { db } = this.deps;
    const rows = await db.all<{ ref: string; conversation_id: string }>`
      SELECT ref, conversation_id FROM chat.imports WHERE ref = ANY(${db.array(refs, "text")})`;
    return new Map(rows.map((row) => [row.ref, row.conversation_id]));
  }

  /** What is refused as a whole is what is wrong with each of its lines. */
  private async attempt(lines: number[], work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof AppError) || error.code.startsWith("server.")) throw error;
      for (const line of lines) this.failed(line, error);
    }
  }

  private failed(line: number, error: AppError): void {
    this.reply.failed++;
    this.list(line, error, false);
  }

  private list(line: number, { code, message }: AppError, added: boolean): void {
    if (this.reply.problems.length >= problemsListedMax) return;
    this.reply.problems.push({ line, code, message, added });
  }

  /** The members of channels ask for themselves. */
  async tellMembers(): Promise<void> {
    const { db, live } = this.deps;
    const ids = [...this.touched];
    this.touched.clear();
    for (const id of ids) {
      await db.write(async (tx) => {
        const rows = await tx.all<{ account_id: string }>`
          SELECT m.account_id FROM chat.members m
          JOIN chat.conversations c ON c.id = m.conversation_id AND c.kind <> 'channel'
          WHERE m.conversation_id = ${id} AND m.left_at IS NULL LIMIT ${groupMembersMax}`;
        const accountIds = rows.map((row) => row.account_id);
        await tellOwn(tx, live, id, accountIds);
      });
    }
  }
}

function parsed({ text }: Line): z.infer<typeof importLine> | AppError {
  if (text === null) return invalid("line", `no UTF-8, or longer than ${lineBytesMax} bytes`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return invalid("line", "not JSON");
  }
  const read = importLine.safeParse(value);
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  return invalid(issue?.path.join(".") || "line", issue?.message ?? "not as it should be");
}
