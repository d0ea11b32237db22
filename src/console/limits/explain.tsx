import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link as RouteLink, useSearchParams } from "wouter";
import type { LimitExplanation } from "../../../sdk/types.ts";
import { ago, count, fieldErrors, messageOf, plural } from "../messages.ts";
import { stoa } from "../stoa.ts";
import { Button } from "../ui/button.tsx";
import { Badge, Card, Loading, Notice } from "../ui/page.tsx";
import { ExplainForm, questionOf, type Question } from "./explain-form.tsx";
import { useRules } from "./rules.ts";
import { aboutText } from "./rule-text.ts";

/** For a given request: which rules are asked, in what order, and what they would say now. */
export function Explain() {
  const [search, setSearch] = useSearchParams();
  const asked = questionOf(search);
  const { method, path, ...optional } = asked;
  const query = { method, path, ...filled(optional) };
  const found = useQuery({
    queryKey: ["limits", "explain", query],
    queryFn: ({ signal }) => stoa.limits.explain(query, { signal }),
    enabled: path !== "",
    staleTime: 0,
  });
  const ask = (question: Question) => {
    setSearch(filled(question), { replace: true });
    if (JSON.stringify(question) === JSON.stringify(asked)) void found.refetch();
  };
  const errors = fieldErrors(found.error);
  return (
    <div className="flex flex-col gap-4">
      <ExplainForm
        key={JSON.stringify(asked)}
        first={asked}
        errors={errors}
        busy={found.isFetching}
        onAsk={ask}
      />
      {path === "" ? null : found.isPending ? (
        <Loading rows={4} />
      ) : found.isError ? (
        Object.keys(errors).length === 0 && <Notice kind="danger">{messageOf(found.error)}</Notice>
      ) : (
        <Explained explanation={found.data} />
      )}
    </div>
  );
}

function filled<T extends object>(values: T): Partial<T> {
  const entries = Object.entries(values).filter(([, value]) => value !== "");
  return Object.fromEntries(entries) as Partial<T>;
}

function Explained({ explanation }: { explanation: LimitExplanation }) {
  const [all, setAll] = useState(false);
  const { route, tier, allowed, rules } = explanation;
  const asked = rules.filter(({ applies }) => applies);
  const rest = rules.length - asked.length;
  const shown = all ? rules : asked;
  return (
    <Card
      title={allowed ? "It would pass" : "It would be refused"}
      note={route === null ? "No route answers this path." : `${route} · tier ${tier}`}
      actions={<Badge kind={allowed ? "good" : "danger"}>{allowed ? "allowed" : "refused"}</Badge>}
    >
      {shown.length === 0 ? (
        <p className="text-muted">No rule concerns it.</p>
      ) : (
        <ol className="divide-y divide-line" aria-label="Rules in their order">
          {shown.map((one, i) => (
            <One key={one.rule} one={one} place={i + 1} />
          ))}
        </ol>
      )}
      {rest > 0 && (
        <Button className="mt-3" aria-expanded={all} onClick={() => setAll(!all)}>
          {all ? "Hide" : "Show"} {plural(rest, "rule")} that {rest === 1 ? "does" : "do"} not apply
        </Button>
      )}
    </Card>
  );
}

type Rule = LimitExplanation["rules"][number];

function One({ one, place }: { one: Rule; place: number }) {
  const rules = useRules();
  const id = rules.data?.find(({ name }) => name === one.rule)?.id;
  return (
    <li className="flex flex-wrap items-baseline gap-x-4 gap-y-1 py-2.5">
      <div className="min-w-0 grow basis-64">
        <p className="flex flex-wrap items-center gap-2 font-medium">
          <span className="text-muted tabular-nums">{place}.</span>
          {id ? (
            <RouteLink href={`/limits/rules/${id}`} className="link">
              {one.rule}
            </RouteLink>
          ) : (
            one.rule
          )}
          {one.mode === "shadow" && <Badge kind="warn">shadow</Badge>}
          {!one.applies && <Badge>not asked</Badge>}
        </p>
        <p className="text-[0.8125rem] text-muted">
          {one.why}
          {one.key !== null && (
            <>
              {" · "}
              <span className="font-mono text-xs">{one.key}</span>
            </>
          )}
          {one.applies && one.accuracy !== null && ` · ${one.accuracy}`}
          {one.applies && one.sub_keys !== null && `, in ${one.sub_keys} sub-keys`}
        </p>
      </div>
      {one.state && <State state={one.state} />}
    </li>
  );
}

function State({ state }: { state: NonNullable<Rule["state"]> }) {
  const { allowed, limit, remaining, reset_at, retry_after_ms, delay_ms } = state;
  return (
    <p className="basis-52 text-[0.8125rem] tabular-nums">
      {allowed ? (
        remaining !== null && limit !== null && `${count(remaining)} of ${count(limit)} left`
      ) : (
        <span className="text-danger">
          refuses{retry_after_ms ? ` for ${aboutText(retry_after_ms)}` : ""}
        </span>
      )}
      {delay_ms > 0 && `, after ${aboutText(delay_ms)}`}
      {reset_at !== null && remaining !== limit && (
        <span className="block text-muted">all there {ago(reset_at)}</span>
      )}
    </p>
  );
}
