import { useQuery } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";
import type { Stats, StatsGroup, StatsInterval, StatsQuery } from "../../../sdk/types.ts";
import { BarList } from "../charts/bar-list.tsx";
import { bucketsBetween } from "../charts/scale.ts";
import { TimeChart } from "../charts/time-chart.tsx";
import { count } from "../messages.ts";
import { Field, Segments } from "../ui/field.tsx";
import { Card, Failed, Loading } from "../ui/page.tsx";
import { labelOf } from "./stats-labels.ts";
import { rangeOptions, useRange, type Range } from "./range.ts";

/** Statistics of one link, or of all: totals, the curve, and who clicked from where with what. */
type Source = {
  /** Part of the key under which the answers are kept. */
  name: string;
  read: (query: StatsQuery, signal: AbortSignal) => Promise<Stats>;
};

const panels: { title: string; groups: { value: StatsGroup; label: string }[] }[] = [
  {
    title: "Places",
    groups: [
      { value: "country", label: "Country" },
      { value: "city", label: "City" },
    ],
  },
  {
    title: "Sources",
    groups: [
      { value: "referrer", label: "Referrer" },
      { value: "utm_source", label: "Source" },
      { value: "utm_medium", label: "Medium" },
      { value: "utm_campaign", label: "Campaign" },
    ],
  },
  {
    title: "Technology",
    groups: [
      { value: "device", label: "Device" },
      { value: "browser", label: "Browser" },
      { value: "os", label: "System" },
    ],
  },
  { title: "Who asked", groups: [{ value: "kind", label: "Kind" }] },
];

const rowsShown = 8;

export function StatsPanel(props: { source: Source; between?: ReactNode }) {
  const { range, change } = useRange();
  return (
    <div className="flex flex-col gap-4">
      <div className="flex flex-wrap items-end gap-3">
        <Segments
          label="Span of time"
          value={range.name}
          options={rangeOptions}
          onChange={(name) =>
            change(
              name === "custom"
                ? { range: name, from: range.from.slice(0, 10), to: range.to.slice(0, 10) }
                : { range: name },
            )
          }
        />
        <Segments
          label="Traffic"
          value={range.traffic}
          options={[
            { value: "human", label: "People" },
            { value: "all", label: "Everything" },
          ]}
          onChange={(traffic) => change({ traffic })}
        />
        {range.name === "custom" && <Dates range={range} change={change} />}
      </div>
      <Curve source={props.source} range={range} />
      {props.between}
      <div className="grid gap-4 lg:grid-cols-2">
        {panels.map((panel) => (
          <Top key={panel.title} {...panel} source={props.source} range={range} />
        ))}
      </div>
    </div>
  );
}

function Dates(props: { range: Range; change: (values: Record<string, string>) => void }) {
  const last = new Date(Date.parse(props.range.to) - 1).toISOString().slice(0, 10);
  return (
    <div className="flex gap-2">
      <Field
        label="From"
        hideLabel
        type="date"
        value={props.range.from.slice(0, 10)}
        max={last}
        onChange={(event) => event.target.value && props.change({ from: event.target.value })}
      />
      <Field
        label="To"
        hideLabel
        type="date"
        value={last}
        min={props.range.from.slice(0, 10)}
        onChange={(event) => event.target.value && props.change({ to: event.target.value })}
      />
    </div>
  );
}

export function useStats(source: Source, range: Range, group: StatsGroup, limit?: number) {
  const { from, to, interval, traffic } = range;
  return useQuery({
    queryKey: ["stats", source.name, group, from, to, interval, traffic],
    queryFn: ({ signal }) =>
      source.read({ from, to, interval, traffic, group_by: group, limit }, signal),
    placeholderData: (before) => before,
  });
}

function Curve(props: { source: Source; range: Range }) {
  const stats = useStats(props.source, props.range, "time", 1_000);
  if (stats.isPending) return <Loading rows={1} height="card" />;
  if (stats.isError) {
    return <Failed what="The clicks" error={stats.error} retry={() => void stats.refetch()} />;
  }
  const { totals, rows, interval } = stats.data;
  const byKey = new Map(rows.map((row) => [new Date(row.key).toISOString(), row]));
  const points = bucketsBetween(stats.data.from, stats.data.to, interval).map((key) => ({
    key,
    clicks: byKey.get(key)?.clicks ?? 0,
    unique: byKey.has(key) ? (byKey.get(key)?.unique_visitors ?? null) : 0,
  }));
  const shown = props.range.traffic === "human" ? totals.humans : totals.clicks;
  const figures: [string, number, string][] = [
    [props.range.traffic === "human" ? "Clicks by people" : "Clicks", shown, ""],
    ["Visitors", totals.unique_visitors, "Estimated within 2%; a person counts once a day."],
    ["New visitors", totals.new_visitors, "Their first click on a link that day."],
    ["Bots and previews", totals.bots + totals.unfurlers + totals.prefetches, ""],
  ];
  return (
    <Card>
      <dl className="mb-4 grid grid-cols-2 gap-4 md:grid-cols-4">
        {figures.map(([label, value, note]) => (
          <div key={label} title={note || undefined}>
            <dt className="text-xs text-muted">{label}</dt>
            <dd className="font-serif text-2xl tabular-nums">{count(value)}</dd>
          </div>
        ))}
      </dl>
      <TimeChart
        title={`Clicks per ${interval}, ${count(shown)} in all`}
        points={points}
        label={(iso) => shortLabel(iso, interval)}
        longLabel={(iso) => longLabel(iso, interval)}
      />
    </Card>
  );
}

function Top(props: (typeof panels)[number] & { source: Source; range: Range }) {
  const [group, setGroup] = useState<StatsGroup>(props.groups[0]?.value ?? "country");
  const stats = useStats(props.source, props.range, group, rowsShown);
  const totals = stats.data?.totals;
  // All kinds are listed whoever is asked for.
  const everybody = props.range.traffic === "all" || group === "kind";
  const total = (everybody ? totals?.clicks : totals?.humans) ?? 0;
  return (
    <Card
      title={props.title}
      actions={
        props.groups.length > 1 && (
          <Segments label={props.title} value={group} options={props.groups} onChange={setGroup} />
        )
      }
    >
      {stats.isPending ? (
        <Loading rows={3} />
      ) : stats.isError ? (
        <Failed what={props.title} error={stats.error} retry={() => void stats.refetch()} />
      ) : (
        <BarList
          title={props.title}
          total={total}
          empty="No clicks in this span of time."
          bars={stats.data.rows.slice(0, rowsShown).map((row) => ({
            key: row.key,
            label: labelOf(group, row.key),
            clicks: row.clicks,
          }))}
        />
      )}
    </Card>
  );
}

/** Buckets are cut in UTC; only hours are shown in the reader's own time. */
function shortLabel(iso: string, interval: StatsInterval): string {
  const options: Intl.DateTimeFormatOptions =
    interval === "hour"
      ? { hour: "2-digit", minute: "2-digit" }
      : interval === "month"
        ? { month: "short", year: "2-digit", timeZone: "UTC" }
        : { day: "numeric", month: "short", timeZone: "UTC" };
  return new Intl.DateTimeFormat(undefined, options).format(new Date(iso));
}

function longLabel(iso: string, interval: StatsInterval): string {
  if (interval === "month") return shortLabel(iso, interval);
  const options: Intl.DateTimeFormatOptions =
    interval === "hour"
      ? { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" }
      : { weekday: "short", day: "numeric", month: "short", year: "numeric", timeZone: "UTC" };
  const text = new Intl.DateTimeFormat(undefined, options).format(new Date(iso));
  return interval === "week" ? `Week from ${text}` : text;
}
