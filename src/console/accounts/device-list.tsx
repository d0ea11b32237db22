import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import type { Session } from "../../../sdk/types.ts";
import { ago, messageOf } from "../messages.ts";
import { signOut, stoa } from "../stoa.ts";
import { Button } from "../ui/button.tsx";
import { Confirm } from "../ui/dialog.tsx";
import { Icon } from "../ui/icons.tsx";
import { Badge, Card, Failed, Loading } from "../ui/page.tsx";
import { toast } from "../ui/toast.tsx";

/** Where one is signed in, and how to end that from afar. */
export function DeviceList() {
  const queries = useQueryClient();
  const [asking, setAsking] = useState(false);
  const devices = useQuery({
    queryKey: ["sessions"],
    queryFn: ({ signal }) => stoa.sessions.list({ signal }),
  });
  const end = async (session: Session) => {
    try {
      if (session.current) return await signOut();
      await stoa.sessions.endOne(session.id);
      toast("That device is signed out");
    } catch (error) {
      toast(messageOf(error), "error");
    }
    await queries.invalidateQueries({ queryKey: ["sessions"] });
  };
  return (
    <Card
      title="Signed-in devices"
      note="A device that you do not know: sign it out, and change the password."
      actions={
        <Button kind="danger" onClick={() => setAsking(true)}>
          Sign out everywhere
        </Button>
      }
    >
      {devices.isPending ? (
        <Loading rows={2} />
      ) : devices.isError ? (
        <Failed what="The devices" error={devices.error} retry={() => void devices.refetch()} />
      ) : (
        <ul className="divide-y divide-line">
          {devices.data.items.map((session) => (
            <li key={session.id} className="flex items-center gap-3 py-2.5">
              <Icon name="devices" className="size-5 shrink-0 text-muted" />
              <div className="min-w-0 grow">
                <p className="flex flex-wrap items-center gap-2 font-medium">
                  {deviceName(session.user_agent)}
                  {session.current && <Badge kind="good">this device</Badge>}
                </p>
                <p className="text-xs text-muted">
                  {session.address} · active {ago(session.rotated_at)} · since{" "}
                  {ago(session.created_at)}
                </p>
              </div>
              <Button onClick={() => end(session)}>Sign out</Button>
            </li>
          ))}
        </ul>
      )}
      {asking && (
        <Confirm
          title="Sign out everywhere?"
          action="Sign out everywhere"
          onConfirm={() => signOut(true)}
          onClose={() => setAsking(false)}
        >
          Every device, this one too, has to sign in again. API keys go on working.
        </Confirm>
      )}
    </Card>
  );
}

/** A name for a User-Agent, good enough to know one's own devices by. */
export function deviceName(agent: string): string {
  const browsers: [RegExp, string][] = [
    [/Edg\//, "Edge"],
    [/OPR\//, "Opera"],
    [/Firefox\//, "Firefox"],
    [/Chrome\//, "Chrome"],
    [/Safari\//, "Safari"],
  ];
  const systems: [RegExp, string][] = [
    [/iPhone|iPad/, "iOS"],
    [/Android/, "Android"],
    [/Windows/, "Windows"],
    [/Mac OS X/, "macOS"],
    [/CrOS/, "ChromeOS"],
    [/Linux/, "Linux"],
  ];
  const browser = browsers.find(([pattern]) => pattern.test(agent))?.[1];
  const system = systems.find(([pattern]) => pattern.test(agent))?.[1];
  if (browser && system) return `${browser} on ${system}`;
  return browser ?? system ?? (agent.slice(0, 60) || "Unknown device");
}
