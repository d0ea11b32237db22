import type { Reader, Writer } from "../../../platform/db/db.ts";
import { AppError } from "../../../platform/errors/errors.ts";
import type { Filter } from "./filters.ts";
import { fold } from "./fold.ts";
import { invalid } from "./open.ts";

/** The word filters of the whole install and of each conversation, each set one row. */
export const everywhere = "0";
const filtersPerSetMax = 500;

export async function readFilters(reader: Reader, conversationId: string): Promise<Filter[]> {
  const row = await reader.one<{ filters: Filter[] }>`
    SELECT filters FROM chat.filter_sets WHERE conversation_id = ${conversationId}`;
  return row?.filters ?? [];
}

export type FilterVersion = { conversation_id: string; version: number };

/** Of the install's set and those of these conversations that have one. */
export async function filterVersions(
  reader: Reader,
  conversationIds: readonly string[],
): Promise<FilterVersion[]> {
  const ids = reader.array([everywhere, ...conversationIds], "int8");
  return await reader.all<FilterVersion>`
    SELECT conversation_id::text, version FROM chat.filter_sets
    WHERE conversation_id = ANY(${ids})`;
}

export async function addFilter(tx: Writer, conversationId: string, filter: Filter): Promise<void> {
  const filters = await lockFilters(tx, conversationId);
  if (filters.length >= filtersPerSetMax) {
    throw new AppError("chat.limit", `There are ${filtersPerSetMax} filters here; remove some.`);
  }
  if (fold(filter.text).trim() === "") throw invalid("text", "something that can be seen");
  await store(tx, conversationId, [...filters, filter]);
}

export async function removeFilter(tx: Writer, conversationId: string, id: string): Promise<void> {
  const filters = await lockFilters(tx, conversationId);
  const kept = filters.filter((filter) => filter.id !== id);
  if (kept.length === filters.length) {
    throw new AppError("chat.not_found", "There is no such filter.");
  }
  await store(tx, conversationId, kept);
}

async function lockFilters(tx: Writer, conversationId: string): Promise<Filter[]> {
  await tx.run`
    INSERT INTO chat.filter_sets (conversation_id, version, filters)
    VALUES (${conversationId}, 0, '[]') ON CONFLICT DO NOTHING`;
  const row = await tx.one<{ filters: Filter[] }>`
    SELECT filters FROM chat.filter_sets WHERE conversation_id = ${conversationId} FOR UPDATE`;
  return row?.filters ?? [];
}

async function store(tx: Writer, conversationId: string, filters: Filter[]): Promise<void> {
  await tx.run`
    UPDATE chat.filter_sets SET version = version + 1, filters = ${tx.json(filters)}
    WHERE conversation_id = ${conversationId}`;
}
