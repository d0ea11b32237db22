import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { useSearchParams } from "wouter";
import type { LimitRule } from "../../../sdk/types.ts";
import { fieldErrors, messageOf } from "../messages.ts";
import { stoa } from "../stoa.ts";
import { Button } from "../ui/button.tsx";
import { Select } from "../ui/field.tsx";
import { Card, Loading, Notice } from "../ui/page.tsx";
import { msOf, toSpan } from "./draft.ts";
import { NumberField, SpanField } from "./rule-amounts.tsx";
import { useRules } from "./rules.ts";
import { arrivalsMax, arrivalsOf, shapes } from "./traffic.ts";
import { freshTrial, trafficOf, type Trial } from "./trial.ts";
import { TrialResult } from "./trial-result.tsx";

/** What each algorithm would let through of some traffic, before any rule is changed. */
export function TryRule() {
  const [search] = useSearchParams();
  const rules = useRules();
  if (rules.isPending) return <Loading rows={2} height="card" />;
  const rule = rules.data?.find(({ id }) => id === search.get("rule"));
  return <Bench key={rule?.id} rules={rules.data ?? []} first={rule ?? null} />;
}

function Bench(props: { rules: LimitRule[]; first: LimitRule | null }) {
  const { first } = props;
  const [trial, setTrial] = useState(first ? { ...freshTrial, ...numbersOf(first) } : freshTrial);
  const [tried, setTried] = useState(trial);
  const traffic = trafficOf(tried);
  const result = useQuery({
    queryKey: ["limits", "simulate", tried],
    queryFn: ({ signal }) =>
      stoa.limits.simulate(
        {
          limit: Number(tried.limit),
          window_ms: traffic.windowMs,
          burst: tried.burst === "" ? null : Number(tried.burst),
          wait_ms_max: msOf(tried.wait),
          queue_max: Number(tried.queue),
          arrivals: arrivalsOf(traffic),
        },
        { signal },
      ),
    placeholderData: keepPreviousData,
    staleTime: Number.POSITIVE_INFINITY,
  });
  const errors = fieldErrors(result.error);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setTried(trial);
  };
  const set = (change: Partial<Trial>) => setTrial((before) => ({ ...before, ...change }));
  return (
    <div className="flex flex-col gap-4">
      <form onSubmit={submit} noValidate className="grid gap-4 lg:grid-cols-2">
        <Numbers trial={trial} set={set} errors={errors} rules={props.rules} />
        <Shaping trial={trial} set={set} problem={errors["arrivals"]} />
        <div className="lg:col-span-2">
          <Button kind="primary" type="submit" icon="play" busy={result.isFetching}>
            Try it
          </Button>
        </div>
      </form>
      {result.isError ? (
        <Notice kind="danger">{messageOf(result.error)}</Notice>
      ) : result.isPending ? (
        <Loading rows={3} height="card" />
      ) : (
        !result.isPlaceholderData && (
          <TrialResult simulation={result.data} traffic={traffic} limit={Number(tried.limit)} />
        )
      )}
    </div>
  );
}

type PartProps = { trial: Trial; set: (change: Partial<Trial>) => void };

function Numbers(props: PartProps & { errors: Record<string, string>; rules: LimitRule[] }) {
  const { trial, set, errors, rules } = props;
  const usable = rules.filter(({ window_ms, limit }) => window_ms > 0 && limit > 0);
  const take = (id: string) => {
    const rule = usable.find((each) => each.id === id);
    if (rule) set(numbersOf(rule));
  };
  return (
    <Card title="The rule">
      <div className="grid gap-3 sm:grid-cols-2">
        <div className="sm:col-span-2">
          <Select
            label="Take the numbers of"
            value=""
            options={[
              { value: "", label: "Choose a rule…" },
              ...usable.map(({ id, name }) => ({ value: id, label: name })),
            ]}
            onChange={take}
          />
        </div>
        <NumberField
          label="Limit"
          value={trial.limit}
          error={errors["limit"]}
          onChange={(limit) => set({ limit })}
        />
        <NumberField
          label="Burst"
          value={trial.burst}
          error={errors["burst"]}
          hint="Of the token bucket. Empty: the limit."
          onChange={(burst) => set({ burst })}
        />
        <div className="sm:col-span-2">
          <SpanField
            label="Window"
            value={trial.window}
            error={errors["window_ms"]}
            onChange={(window) => set({ window })}
          />
        </div>
        <div className="sm:col-span-2">
          <SpanField
            label="Waits at most"
            value={trial.wait}
            error={errors["wait_ms_max"]}
            hint="In the queue of the leaky bucket."
            onChange={(wait) => set({ wait })}
          />
        </div>
        <NumberField
          label="Waiting at most"
          value={trial.queue}
          error={errors["queue_max"]}
          onChange={(queue) => set({ queue })}
        />
      </div>
    </Card>
  );
}

function Shaping({ trial, set, problem }: PartProps & { problem?: string | undefined }) {
  const total = Number(trial.rate) * Number(trial.windows);
  const cut = total > arrivalsMax ? `Only the first ${arrivalsMax} of them are tried.` : undefined;
  return (
    <Card title="The traffic">
      <div className="grid gap-3 sm:grid-cols-2">
        <div className="sm:col-span-2">
          <Select
            label="Shape"
            value={trial.shape}
            options={shapes}
            hint={shapes.find(({ value }) => value === trial.shape)?.note}
            onChange={(shape) => set({ shape })}
          />
        </div>
        <NumberField
          label="Requests per window"
          value={trial.rate}
          error={problem ?? cut}
          onChange={(rate) => set({ rate })}
        />
        <NumberField
          label="For how many windows"
          value={trial.windows}
          onChange={(windows) => set({ windows })}
        />
        {trial.shape === "random" && (
          <NumberField
            label="Seed"
            value={trial.seed}
            hint="The same seed, the same traffic."
            onChange={(seed) => set({ seed })}
          />
        )}
      </div>
    </Card>
  );
}

function numbersOf(rule: LimitRule): Partial<Trial> {
  return {
    limit: String(rule.limit),
    burst: rule.burst === null ? "" : String(rule.burst),
    window: toSpan(rule.window_ms, "min"),
    rate: String(Math.round(rule.limit * 1.5)),
    ...(rule.queue_max > 0
      ? { wait: toSpan(rule.wait_ms_max, "s"), queue: String(rule.queue_max) }
      : {}),
  };
}
