import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { Link } from "../../../sdk/types.ts";
import { messageOf, withoutScheme } from "../messages.ts";
import { stoa } from "../stoa.ts";
import { Button } from "../ui/button.tsx";
import { Select } from "../ui/field.tsx";
import { Icon } from "../ui/icons.tsx";
import { Card, Failed, Loading } from "../ui/page.tsx";
import { toast } from "../ui/toast.tsx";

/** The link as a QR code, and as the card that chats and networks show. */
const sizes = ["256", "512", "1024", "2048"].map((value) => ({ value, label: `${value} pixels` }));

export function SharePanel(props: { link: Link }) {
  return (
    <div className="grid gap-4 md:grid-cols-2">
      <QrCard link={props.link} />
      <PreviewCard link={props.link} />
    </div>
  );
}

function QrCard({ link }: { link: Link }) {
  const [size, setSize] = useState("1024");
  const svg = useQuery({
    queryKey: ["qr", link.id],
    staleTime: Infinity,
    queryFn: async ({ signal }) => {
      const blob = await stoa.links.qr(link.id, { format: "svg" }, { signal });
      return `data:image/svg+xml;charset=utf-8,${encodeURIComponent(await blob.text())}`;
    },
  });
  const download = async (format: "svg" | "png") => {
    try {
      const blob = await stoa.links.qr(link.id, { format, size: Number(size) });
      saveAs(blob, `${link.code}.${format}`);
    } catch (error) {
      toast(messageOf(error), "error");
    }
  };
  return (
    <Card title="QR code" note="Leads to the short link, so its scans are counted too.">
      {svg.isPending ? (
        <Loading rows={1} height="card" />
      ) : svg.isError ? (
        <Failed what="The QR code" error={svg.error} retry={() => void svg.refetch()} />
      ) : (
        <img
          src={svg.data}
          alt={`QR code of ${link.short_url}`}
          className="mx-auto my-2 size-52 rounded-lg border border-line bg-white p-2"
        />
      )}
      <div className="mt-3 flex flex-wrap items-end gap-2">
        <div className="grow basis-36">
          <Select label="Size" value={size} options={sizes} onChange={setSize} />
        </div>
        <Button onClick={() => download("svg")}>Download SVG</Button>
        <Button onClick={() => download("png")}>Download PNG</Button>
      </div>
    </Card>
  );
}

export function saveAs(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob);
  const anchor = document.createElement("a");
  anchor.href = url;
  anchor.download = name;
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** Pictures of other hosts are not loaded here: that would tell them who is looking. */
function PreviewCard({ link }: { link: Link }) {
  const own = link.title || link.description || link.image;
  const host = URL.canParse(link.url) ? new URL(link.url).host : link.url;
  return (
    <Card
      title="Card"
      note={
        own
          ? "What chats and networks show when somebody posts the short link."
          : "Chats and networks show the target's own card. A title, description or image under Settings replaces it."
      }
    >
      <div className="overflow-hidden rounded-xl border border-line">
        <div className="flex h-32 flex-col items-center justify-center gap-1 bg-sunken px-4 text-muted">
          <Icon name="links" className="size-6" />
          <p className="max-w-full truncate text-xs">
            {link.image ? withoutScheme(link.image) : "No image set"}
          </p>
        </div>
        <div className="p-3">
          <p className="text-xs text-muted">{host}</p>
          <p className="truncate font-medium">{link.title ?? "The target's title"}</p>
          <p className="line-clamp-2 text-[0.8125rem] text-muted">
            {link.description ?? "The target's description"}
          </p>
        </div>
      </div>
    </Card>
  );
}
