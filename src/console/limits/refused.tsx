import { useState } from "react";
import type { Refusals } from "../../../sdk/types.ts";
import { BarList } from "../charts/bar-list.tsx";
import { TimeChart } from "../charts/time-chart.tsx";
import { count, plural } from "../messages.ts";
import { Segments, Select } from "../ui/field.tsx";
import { Card, Failed, Loading, Notice } from "../ui/page.tsx";
import { Scroll } from "../ui/scroll.tsx";
import { spans, useRefusals, type SpanName } from "./rules.ts";
import { chosen, pointsOf, total, totalsBy, type Wanted } from "./series.ts";
import { refusalUnit, stepLabel, stepLongLabel } from "./step-text.ts";

/** Who is being limited: by which rules, where, since when, and which keys most. */
const barsShown = 8;

export function Refused() {
  const [span, setSpan] = useState<SpanName>("1h");
  const [wanted, setWanted] = useState<Wanted>({ shadow: false, rule: "", route: "" });
  const refusals = useRefusals(span);
  if (refusals.isPending) return <Loading rows={2} height="card" />;
  if (refusals.isError) {
    const retry = () => void refusals.refetch();
    return <Failed what="The refusals" error={refusals.error} retry={retry} />;
  }
  const { data } = refusals;
  const rows = chosen(data.series, wanted);
  const points = pointsOf(rows, { ...data, stepMs: spans[span].stepMs });
  const verb = wanted.shadow ? "would have been refused" : "refused";
  return (
    <div className="flex flex-col gap-4">
      <Rises rises={data.rises} />
      <Filters span={span} onSpan={setSpan} wanted={wanted} onWanted={setWanted} data={data} />
      <Card>
        <TimeChart
          title={`${plural(total(rows), "request")} ${verb} in ${spans[span].label}`}
          showTitle
          unit={refusalUnit}
          points={points}
          label={(iso) => stepLabel(iso, span)}
          longLabel={(iso) => stepLongLabel(iso, span)}
        />
      </Card>
      <div className="grid gap-4 lg:grid-cols-2">
        {(["rule", "route"] as const).map((name) => (
          <Card key={name} title={name === "rule" ? "By rule" : "By route"}>
            <BarList
              title={name === "rule" ? "By rule" : "By route"}
              total={total(rows)}
              empty="Nobody was refused in this time."
              bars={totalsBy(rows, name)
                .slice(0, barsShown)
                .map(([key, clicks]) => ({ key, label: key, clicks }))}
            />
          </Card>
        ))}
      </div>
      <TopKeys keys={data.keys.filter(({ rule }) => !wanted.rule || rule === wanted.rule)} />
    </div>
  );
}

function Rises({ rises }: { rises: Refusals["rises"] }) {
  if (rises.length === 0) return null;
  return (
    <Notice kind="warn">
      <p className="font-medium">Sudden rises in the last five minutes</p>
      <ul aria-label="Sudden rises">
        {rises.map(({ rule, route, refused, expected }) => (
          <li key={`${rule} ${route}`}>
            {rule} on {route}: {plural(refused, "refusal")} where about{" "}
            {expected < 1 ? "none" : count(Math.round(expected))} would be usual
          </li>
        ))}
      </ul>
    </Notice>
  );
}

type FilterProps = {
  span: SpanName;
  onSpan: (span: SpanName) => void;
  wanted: Wanted;
  onWanted: (wanted: Wanted) => void;
  data: Refusals;
};

function Filters({ span, onSpan, wanted, onWanted, data }: FilterProps) {
  const optionsOf = (name: "rule" | "route", every: string) => {
    // What is chosen stays among the choices while nothing of it is refused.
    const found = new Set([...data.series.map((row) => row[name]), wanted[name]]);
    found.delete("");
    const values = [...found].toSorted();
    return [{ value: "", label: every }, ...values.map((value) => ({ value, label: value }))];
  };
  return (
    <div className="flex flex-wrap items-center gap-3">
      <Segments
        label="Span of time"
        value={span}
        options={(Object.keys(spans) as SpanName[]).map((value) => ({
          value,
          label: spans[value].label,
        }))}
        onChange={onSpan}
      />
      <Segments
        label="Which"
        value={wanted.shadow ? "shadow" : "live"}
        options={[
          { value: "live", label: "Refused" },
          { value: "shadow", label: "In shadow" },
        ]}
        onChange={(value) => onWanted({ ...wanted, shadow: value === "shadow" })}
      />
      <div className="flex min-w-0 flex-wrap gap-2">
        <Select
          label="Rule"
          hideLabel
          value={wanted.rule}
          options={optionsOf("rule", "Every rule")}
          onChange={(rule) => onWanted({ ...wanted, rule })}
        />
        <Select
          label="Route"
          hideLabel
          value={wanted.route}
          options={optionsOf("route", "Every route")}
          onChange={(route) => onWanted({ ...wanted, route })}
        />
      </div>
    </div>
  );
}

function TopKeys({ keys }: { keys: Refusals["keys"] }) {
  return (
    <Card
      title="Most refused keys"
      note="Of rules that are enforced. Counts may be a little high, never low."
    >
      {keys.length === 0 ? (
        <p className="py-6 text-center text-muted">Nobody was refused in this time.</p>
      ) : (
        <Scroll label="Most refused keys" className="max-h-96">
          <table className="w-full text-[0.8125rem] tabular-nums">
            <thead>
              <tr>
                <th className="th">Key</th>
                <th className="th">Rule</th>
                <th className="th">Refused</th>
              </tr>
            </thead>
            <tbody>
              {keys.map(({ rule, key, refused }) => (
                <tr key={`${rule} ${key}`}>
                  <td className="td min-w-32 font-mono text-xs">{key}</td>
                  <td className="td">{rule}</td>
                  <td className="td">{count(refused)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
    </Card>
  );
}
