import type { Reader } from "../../../platform/db/db.ts";
import { AppError } from "../../../platform/errors/errors.ts";
import type { Admitting, FilterSets } from "../ports.ts";
import { everywhere, filterVersions, readFilters } from "./filter-sets.ts";
import { compileFilters, filterBody, type Filters } from "./filters.ts";
import { refusalKey, refusedPairs, type Side } from "./refused.ts";

/**
 * Blocks and filters, for all messages of a transaction by two statements. Filters are kept
 * compiled; the versions that are read with every batch say whether they are the latest, so a new
 * filter holds from its commit on, in all processes.
 */
const compiledMax = 1_000;

export function createAdmitting(): Admitting {
  const compiled = new Map<string, Filters>();

  function keep(id: string, filters: Filters): void {
    compiled.delete(id);
    compiled.set(id, filters);
    const [oldest] = compiled.keys();
    if (compiled.size > compiledMax && oldest !== undefined) compiled.delete(oldest);
  }

  async function filtersFor(
    reader: Reader,
    conversationIds: readonly string[],
  ): Promise<FilterSets> {
    const out = new Map<string, Filters>();
    for (const { conversation_id: id, version } of await filterVersions(reader, conversationIds)) {
      let filters = compiled.get(id);
      if (filters?.version !== version) {
        filters = compileFilters(version, await readFilters(reader, id));
        keep(id, filters);
      }
      out.set(id, filters);
    }
    return out;
  }

  return {
    filtersFor,
    async admit(tx, asked, given) {
      const direct = asked.filter(({ conversation }) => conversation.kind === "direct");
      const ids = new Set(asked.map(({ conversation }) => conversation.id));
      const [refusals, filters] = await Promise.all([
        refusedPairs(tx, direct.map(sidesOf)),
        given ?? filtersFor(tx, [...ids]),
      ]);
      return asked.map((one) => {
        const { kind, id } = one.conversation;
        const refusal = kind === "direct" && refusals.get(refusalKey(sidesOf(one)));
        if (refusal) return refusal;
        const sets = [everywhere, id].flatMap((set) => filters.get(set) ?? []);
        return sets.length === 0 ? one.body : (filterBody(sets, one.body) ?? wordRefused());
      });
    },
  };
}

function sidesOf(one: { conversation: { pair: string | null }; sender_id: string }): Side {
  const [a = "", b = ""] = one.conversation.pair?.split(":") ?? [];
  return { from: one.sender_id, to: one.sender_id === a ? b : a };
}

function wordRefused(): AppError {
  const message = "It has a word that is not allowed here.";
  return new AppError("chat.word_refused", message, { fields: [{ field: "body", message }] });
}
