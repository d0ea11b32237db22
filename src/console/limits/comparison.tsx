import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link as RouteLink } from "wouter";
import type { LimitRule, UpdateLimitRule } from "../../../sdk/types.ts";
import { TimeChart } from "../charts/time-chart.tsx";
import { count, messageOf } from "../messages.ts";
import { stoa } from "../stoa.ts";
import { Button } from "../ui/button.tsx";
import { Confirm } from "../ui/dialog.tsx";
import { Card, Empty, Failed, Loading } from "../ui/page.tsx";
import { toast } from "../ui/toast.tsx";
import { RuleBadges } from "./rule-list.tsx";
import { algorithmLabel, candidatesOf, liveOf, numbersText, whomText } from "./rule-text.ts";
import { spans, useRefusals, useRules } from "./rules.ts";
import { chosen, pointsOf, total } from "./series.ts";
import { refusalUnit, stepLabel, stepLongLabel } from "./step-text.ts";

/** A rule and the candidates that count in shadow beside it: what each refuses of the same. */
export function Comparison({ rule }: { rule: LimitRule }) {
  const rules = useRules();
  if (rules.isPending) return <Loading rows={2} height="card" />;
  if (rules.isError) {
    return <Failed what="The rules" error={rules.error} retry={() => void rules.refetch()} />;
  }
  const live = liveOf(rule, rules.data) ?? rule;
  const candidates = candidatesOf(live, rules.data);
  if (candidates.length === 0 && rule.mode === "enforce") return <NoCandidate rule={rule} />;
  const shown = [live, ...candidates];
  return (
    <div className="grid gap-4 lg:grid-cols-2">
      {shown.map((each) => (
        <Side key={each.id} rule={each} live={each.id === live.id ? null : live} />
      ))}
    </div>
  );
}

function NoCandidate({ rule }: { rule: LimitRule }) {
  return (
    <Empty
      icon="limits"
      title="No candidate"
      action={
        <RouteLink href={`/limits/rules/new?from=${rule.id}`} className="btn btn-primary">
          Add a candidate
        </RouteLink>
      }
    >
      Other numbers can count beside this rule without refusing anybody. What they would have
      refused then stands here, next to what this one did.
    </Empty>
  );
}

/** One of the rules, with the last day of its refusals. */
function Side({ rule, live }: { rule: LimitRule; live: LimitRule | null }) {
  const refusals = useRefusals("24h");
  const shadow = rule.mode === "shadow";
  const facts: [string, string][] = [
    ["Allows", numbersText(rule)],
    ["Algorithm", algorithmLabel(rule.algorithm)],
    ["Counts", whomText(rule)],
    ["Accuracy", rule.accuracy],
  ];
  return (
    <Card
      title={rule.name}
      actions={
        <span className="flex gap-2">
          <RuleBadges rule={rule} />
        </span>
      }
    >
      <dl className="mb-4 grid grid-cols-[auto_1fr] gap-x-4 gap-y-1 text-[0.8125rem]">
        {facts.map(([name, value]) => (
          <div key={name} className="contents">
            <dt className="text-muted">{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {refusals.isPending ? (
        <Loading rows={1} height="card" />
      ) : refusals.isError ? (
        <Failed what="The refusals" error={refusals.error} retry={() => void refusals.refetch()} />
      ) : (
        <Curve name={rule.name} shadow={shadow} data={refusals.data} />
      )}
      {live && <PutInForce candidate={rule} live={live} />}
    </Card>
  );
}

type Data = NonNullable<ReturnType<typeof useRefusals>["data"]>;

function Curve({ name, shadow, data }: { name: string; shadow: boolean; data: Data }) {
  const rows = chosen(data.series, { shadow, rule: name, route: "" });
  const verb = shadow ? "Would have refused" : "Refused";
  return (
    <TimeChart
      title={`${verb} ${count(total(rows))} in 24 hours`}
      showTitle
      unit={refusalUnit}
      points={pointsOf(rows, { ...data, stepMs: spans["24h"].stepMs })}
      label={(iso) => stepLabel(iso, "24h")}
      longLabel={(iso) => stepLongLabel(iso, "24h")}
    />
  );
}

/** What is taken over from a candidate; whom and what the live rule matches stays its own. */
function numbersOf(rule: LimitRule): UpdateLimitRule {
  const { algorithm, limit, window_ms, burst, cost, penalty_ms, wait_ms_max, queue_max } = rule;
  const { key, key_fallback, accuracy } = rule;
  return {
    ...{ algorithm, limit, window_ms, burst, cost, penalty_ms, wait_ms_max, queue_max },
    ...{ key, key_fallback, accuracy },
  };
}

function PutInForce({ candidate, live }: { candidate: LimitRule; live: LimitRule }) {
  const queries = useQueryClient();
  const [asking, setAsking] = useState(false);
  const put = useMutation({
    mutationFn: async () => {
      const change = { ...numbersOf(candidate), version: live.version };
      await stoa.limits.rules.update(live.id, change);
      // Two with the same numbers would count twice for nothing.
      if (candidate.preset) await stoa.limits.rules.update(candidate.id, { enabled: false });
      else await stoa.limits.rules.delete(candidate.id);
    },
    onSuccess: () => toast(`${live.name} has these numbers now`),
    onError: (error) => toast(messageOf(error), "error"),
    onSettled: () => queries.invalidateQueries({ queryKey: ["limits"] }),
  });
  if (!candidate.enabled) return null;
  return (
    <>
      <Button kind="primary" className="mt-3" onClick={() => setAsking(true)}>
        Put these numbers in force
      </Button>
      {asking && (
        <Confirm
          title={`Change ${live.name}?`}
          action="Put in force"
          keep="Cancel"
          onConfirm={() => put.mutateAsync()}
          onClose={() => setAsking(false)}
        >
          {live.name} allows {numbersText(candidate)} from then on, and what was used already
          counts. The candidate goes; its history stays readable.
        </Confirm>
      )}
    </>
  );
}
