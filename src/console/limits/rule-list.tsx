import { Link as RouteLink } from "wouter";
import type { LimitRule } from "../../../sdk/types.ts";
import { count } from "../messages.ts";
import { Badge, Failed, Loading } from "../ui/page.tsx";
import { algorithmLabel, liveOf, numbersText, reachText, whomText } from "./rule-text.ts";
import { useRefusals, useRules } from "./rules.ts";
import { chosen, total } from "./series.ts";

/** All rules by name; a candidate stands below the rule that it may replace. */
export function RuleList() {
  const rules = useRules();
  if (rules.isPending) return <Loading rows={6} />;
  if (rules.isError) {
    return <Failed what="The rules" error={rules.error} retry={() => void rules.refetch()} />;
  }
  return (
    <ul className="card divide-y divide-line" aria-label="Rules">
      {rules.data.map((rule) => (
        <Row key={rule.id} rule={rule} beside={liveOf(rule, rules.data)} />
      ))}
    </ul>
  );
}

function Row({ rule, beside }: { rule: LimitRule; beside: LimitRule | null }) {
  return (
    <li
      className={`flex flex-wrap items-baseline gap-x-6 gap-y-1 px-4 py-3 ${beside ? "md:pl-10" : ""}`}
    >
      <div className="min-w-0 grow basis-80">
        <p className="flex flex-wrap items-center gap-2 font-medium">
          <RouteLink href={`/limits/rules/${rule.id}`} className="link">
            {rule.name}
          </RouteLink>
          <RuleBadges rule={rule} />
        </p>
        {rule.description && <p className="text-[0.8125rem]">{rule.description}</p>}
        <p className="text-[0.8125rem] text-muted">
          {[reachText(rule), whomText(rule)].filter(Boolean).join(" · ")}
        </p>
      </div>
      <div className="basis-64 text-[0.8125rem]">
        <p className="font-medium tabular-nums">{numbersText(rule)}</p>
        <p className="text-muted">
          {algorithmLabel(rule.algorithm)}
          {rule.algorithm !== "list" && ` · ${rule.accuracy}`}
        </p>
        <RefusedCount rule={rule} />
      </div>
    </li>
  );
}

export function RuleBadges({ rule }: { rule: LimitRule }) {
  return (
    <>
      {!rule.enabled ? (
        <Badge kind="danger">off</Badge>
      ) : rule.mode === "shadow" ? (
        <Badge kind="warn">shadow</Badge>
      ) : (
        <Badge kind="good">enforced</Badge>
      )}
      {rule.preset && <Badge>built in</Badge>}
    </>
  );
}

/** Of a shadow, what it would have refused. */
export function RefusedCount({ rule }: { rule: LimitRule }) {
  const refusals = useRefusals("24h");
  if (!refusals.data) return <p className="text-muted">&nbsp;</p>;
  const shadow = rule.mode === "shadow";
  const refused = total(chosen(refusals.data.series, { shadow, rule: rule.name, route: "" }));
  return (
    <p className="text-muted tabular-nums">
      {shadow ? "would have refused" : "refused"} {count(refused)} in 24 hours
    </p>
  );
}
