import { segment, type Body, type Caller, type Filter, type Query, type Reply } from "./api.ts";
import type { CallOptions } from "./transport.ts";
import type {
  CreateLimitRule,
  LimitAnswer,
  LimitExplanation,
  LimitKey,
  LimitQuestion,
  LimitReport,
  LimitRule,
  LimitRuleVersion,
  Refusals,
  Simulation,
  UpdateLimitRule,
} from "./types.ts";

/**
 * May this key do this now? A question charges, so none of them is sent again by itself after an
 * answer that was lost; the key of the client needs `limits:create`, and to reset `limits:write`.
 */
export function limitsOf(api: Caller) {
  return {
    /** Charges if it may; a refusal is an answer and not an error. */
    check: (question: LimitQuestion, options?: CallOptions) =>
      api.post<LimitAnswer>("/limits/check", question, options),
    /** Up to 1,000 questions, answered in their order and each for itself. */
    checks: async (checks: LimitQuestion[], options?: CallOptions): Promise<LimitAnswer[]> => {
      const reply = await api.post<Reply<"post_limits_checks">>(
        "/limits/checks",
        { checks },
        options,
      );
      return reply.results;
    },
    /** What a check would answer; charges nothing. */
    peek: (question: LimitQuestion, options?: CallOptions) =>
      api.post<LimitAnswer>("/limits/peek", question, options),
    /** Charges a cost that is known only afterwards, whether it fits or not. */
    report: (report: LimitReport, options?: CallOptions) =>
      api.post<LimitAnswer>("/limits/report", report, options),
    /** Gives back what was not used, or the place that a `concurrency` rule gave. */
    refund: (question: LimitQuestion, options?: CallOptions) =>
      api.post<void>("/limits/refund", question, options),
    /** Forgets what a key has used, and what blocks it. */
    reset: (key: LimitKey, options?: CallOptions) => api.post<void>("/limits/reset", key, options),
    /** Refuses a key for so long, whatever it has left. */
    penalize: (penalty: Body<"post_limits_penalize">, options?: CallOptions) =>
      api.post<void>("/limits/penalize", penalty, options),
    /** Which rules concern a request, in what order, with what state, and why. */
    explain: (query: Query<"get_limits_explain">, options?: CallOptions) =>
      api.get<LimitExplanation>("/limits/explain", query, options),
    /** Who was refused, by which rules, where and when. */
    refusals: (query: Query<"get_limits_refusals"> = {}, options?: CallOptions) =>
      api.get<Refusals>("/limits/refusals", query, options),
    /** What each algorithm would let through of some traffic. */
    simulate: (trial: Body<"post_limits_simulate">, options?: CallOptions) =>
      api.post<Simulation>("/limits/simulate", trial, options),
    rules: rulesOf(api),
  };
}

function rulesOf(api: Caller) {
  const path = (id: string) => `/limits/rules/${segment(id)}`;
  return {
    list: async (options?: CallOptions): Promise<LimitRule[]> => {
      const reply = await api.get<{ items: LimitRule[] }>("/limits/rules", undefined, options);
      return reply.items;
    },
    /** Those that `tiers` of a rule may name: the settings' and `anonymous`. */
    tiers: async (options?: CallOptions): Promise<string[]> => {
      const reply = await api.get<Reply<"get_limits_rules">>("/limits/rules", undefined, options);
      return reply.tiers;
    },
    get: (id: string, options?: CallOptions) => api.get<LimitRule>(path(id), undefined, options),
    create: (rule: CreateLimitRule, options?: CallOptions) =>
      api.create<LimitRule>("/limits/rules", rule, options),
    /** With the `version` that was read, a change that somebody else made meanwhile is kept. */
    update: (id: string, change: UpdateLimitRule, options?: CallOptions) =>
      api.patch<LimitRule>(path(id), change, options),
    delete: (id: string, options?: CallOptions) => api.delete(path(id), options),
    /** Every state of a rule, newest first; of a removed one too. */
    versions: (
      id: string,
      query: Filter<"get_limits_rules_id_versions"> = {},
      options?: CallOptions,
    ) => api.list<LimitRuleVersion>(`${path(id)}/versions`, query, options),
  };
}
