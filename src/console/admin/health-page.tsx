import { useQuery } from "@tanstack/react-query";
import { ago, count, plural } from "../messages.ts";
import { stoa } from "../stoa.ts";
import { Badge, Card, Failed, Loading, Page } from "../ui/page.tsx";
import { Scroll } from "../ui/scroll.tsx";
import { parseMetrics, routesOf, valueOf, type RouteHealth } from "./metrics-text.ts";

/** How this process is doing, from its own metrics, refreshed while one looks. */
const refreshMs = 5_000;
const routesShown = 20;

export function HealthPage() {
  const health = useQuery({
    queryKey: ["health"],
    queryFn: ({ signal }) => stoa.health.get({ signal }),
    refetchInterval: refreshMs,
  });
  return (
    <Page
      title="System health"
      lead="Of the process that answered this page. Prometheus reads the same numbers from /metrics."
    >
      {health.isPending ? (
        <Loading rows={2} height="card" />
      ) : health.isError ? (
        <Failed what="The state of Stoa" error={health.error} retry={() => void health.refetch()} />
      ) : (
        <Loaded {...health.data} />
      )}
    </Page>
  );
}

type Health = Awaited<ReturnType<typeof stoa.health.get>>;

function Loaded(props: Health) {
  const samples = parseMetrics(props.metrics);
  const routes = routesOf(samples);
  const requests = routes.reduce((sum, route) => sum + route.requests, 0);
  const errors = routes.reduce((sum, route) => sum + route.errors, 0);
  const hits = valueOf(samples, "stoa_links_cache_hits_total") ?? 0;
  const misses = valueOf(samples, "stoa_links_cache_misses_total") ?? 0;
  const memory = valueOf(samples, "process_resident_memory_bytes") ?? 0;
  const restarts = valueOf(samples, "stoa_db_restarts_total") ?? 0;
  const lookups = hits + misses;
  const facts: [label: string, value: string, note?: string][] = [
    ["Started", ago(props.started_at), `version ${props.version}`],
    ["Memory", `${Math.round(memory / 1024 ** 2)} MB`],
    ["API requests", count(requests), plural(errors, "failure")],
    [
      "Codes from memory",
      lookups > 0 ? `${((hits / lookups) * 100).toFixed(1)}%` : "–",
      `${count(valueOf(samples, "stoa_links_cache_entries") ?? 0)} held`,
    ],
  ];
  return (
    <div className="flex flex-col gap-4">
      <Card>
        <div className="mb-4 flex flex-wrap gap-2">
          <Badge kind={props.ready ? "good" : "danger"}>
            {props.ready ? "Ready for requests" : "Not ready"}
          </Badge>
          <Badge kind={props.database_ms === null ? "danger" : "good"}>
            {props.database_ms === null
              ? "Database does not answer"
              : `Database answers in ${props.database_ms.toFixed(1)} ms`}
          </Badge>
          {restarts > 0 && <Badge kind="warn">Database restarted {count(restarts)} times</Badge>}
        </div>
        <dl className="grid grid-cols-2 gap-4 md:grid-cols-4">
          {facts.map(([label, value, note]) => (
            <div key={label}>
              <dt className="text-xs text-muted">{label}</dt>
              <dd className="font-serif text-2xl tabular-nums">{value}</dd>
              {note && <dd className="text-xs text-muted">{note}</dd>}
            </div>
          ))}
        </dl>
      </Card>
      <RoutesTable routes={routes.slice(0, routesShown)} />
      <Card title="All metrics" note="In the Prometheus text format.">
        <details>
          <summary className="text-[0.8125rem]">Show {plural(samples.length, "value")}</summary>
          <Scroll label="Metrics" className="mt-2 max-h-96">
            <pre className="code whitespace-pre">{props.metrics}</pre>
          </Scroll>
        </details>
      </Card>
    </div>
  );
}

function RoutesTable(props: { routes: RouteHealth[] }) {
  return (
    <Card title="Requests" note="Since the start, the busiest routes first.">
      <Scroll label="Requests per route">
        <table className="w-full text-[0.8125rem] tabular-nums">
          <thead>
            <tr>
              <th className="th">Route</th>
              <th className="th">Requests</th>
              <th className="th">Failures</th>
              <th className="th">Half within</th>
              <th className="th">99% within</th>
            </tr>
          </thead>
          <tbody>
            {props.routes.map((route) => (
              <tr key={route.route}>
                <td className="td font-mono text-xs whitespace-nowrap">{route.route}</td>
                <td className="td">{count(route.requests)}</td>
                <td className={`td ${route.errors > 0 ? "text-danger" : ""}`}>
                  {count(route.errors)}
                </td>
                <td className="td whitespace-nowrap">{milliseconds(route.p50)}</td>
                <td className="td whitespace-nowrap">{milliseconds(route.p99)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </Card>
  );
}

function milliseconds(seconds: number | null): string {
  if (seconds === null) return "–";
  const ms = seconds * 1000;
  return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
}
