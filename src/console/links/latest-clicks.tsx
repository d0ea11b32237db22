import { useQuery } from "@tanstack/react-query";
import type { Click } from "../../../sdk/types.ts";
import { ago, dateTime } from "../messages.ts";
import { stoa } from "../stoa.ts";
import { Badge, Card, Failed, Loading } from "../ui/page.tsx";
import { labelOf } from "./stats-labels.ts";

/** The last few clicks, one by one. */
const shown = 10;

export function LatestClicks(props: { linkId: string }) {
  const clicks = useQuery({
    queryKey: ["stats", props.linkId, "latest"],
    queryFn: ({ signal }) => stoa.links.clicks(props.linkId, { limit: shown }).page({ signal }),
  });
  return (
    <Card title="Latest clicks" note="Addresses are not kept.">
      {clicks.isPending ? (
        <Loading rows={3} />
      ) : clicks.isError ? (
        <Failed what="The clicks" error={clicks.error} retry={() => void clicks.refetch()} />
      ) : clicks.data.items.length === 0 ? (
        <p className="py-6 text-center text-muted">
          Nobody yet. Follow the link yourself: it shows up here within a second.
        </p>
      ) : (
        <ol className="divide-y divide-line" data-latest-clicks>
          {clicks.data.items.map((click, i) => (
            <Row key={`${click.at} ${i}`} click={click} />
          ))}
        </ol>
      )}
    </Card>
  );
}

const one = { human: "person", bot: "bot", unfurler: "link preview", prefetch: "prefetch" };

function Row({ click }: { click: Click }) {
  const place = [click.city, click.country && labelOf("country", click.country)];
  const client = [click.browser, click.os].flatMap((name, i) =>
    name === "" || name === "other" ? [] : labelOf(i === 0 ? "browser" : "os", name),
  );
  const known = [...place, client.join(" on "), click.referrer].filter(Boolean);
  return (
    <li className="flex flex-wrap items-baseline gap-x-3 py-2 text-[0.8125rem]">
      <time
        dateTime={click.at}
        title={dateTime(click.at)}
        className="w-20 shrink-0 text-muted sm:w-28"
      >
        {ago(click.at)}
      </time>
      <span className="min-w-0 grow">{known.join(" · ") || "Nothing told"}</span>
      {click.kind === "human" ? (
        click.new_visitor && <Badge kind="good">new visitor</Badge>
      ) : (
        <Badge>{one[click.kind]}</Badge>
      )}
    </li>
  );
}
