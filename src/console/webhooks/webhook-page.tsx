import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useLocation } from "wouter";
import { NotFoundError } from "../../../sdk/errors.ts";
import type { Webhook } from "../../../sdk/types.ts";
import { dateTime, messageOf, withoutScheme } from "../messages.ts";
import { stoa } from "../stoa.ts";
import { Button } from "../ui/button.tsx";
import { Confirm } from "../ui/dialog.tsx";
import { Empty, Failed, Loading, Notice, Page } from "../ui/page.tsx";
import { toast } from "../ui/toast.tsx";
import { Deliveries } from "./deliveries.tsx";
import { SigningSecret, WebhookDialog } from "./webhook-dialog.tsx";
import { WebhookState } from "./webhooks-page.tsx";

/** One webhook: is it well, what was sent, and what came back. */
export function WebhookPage(props: { id: string }) {
  const webhook = useQuery({
    queryKey: ["webhooks", "one", props.id],
    queryFn: ({ signal }) => stoa.webhooks.get(props.id, { signal }),
  });
  if (webhook.isSuccess) return <Loaded webhook={webhook.data} />;
  return (
    <Page title="Webhook">
      {webhook.isPending ? (
        <Loading />
      ) : webhook.error instanceof NotFoundError ? (
        <Empty icon="webhooks" title="There is no such webhook">
          It may have been deleted. Yours are under Webhooks.
        </Empty>
      ) : (
        <Failed what="The webhook" error={webhook.error} retry={() => void webhook.refetch()} />
      )}
    </Page>
  );
}

function Loaded({ webhook }: { webhook: Webhook }) {
  return (
    <Page
      title={withoutScheme(webhook.url)}
      lead={
        <span className="flex flex-wrap items-center gap-2">
          <WebhookState webhook={webhook} />
          {webhook.description && <span>{webhook.description} ·</span>}
          <span>{webhook.event_types.join(", ")}</span>
        </span>
      }
      actions={<Actions webhook={webhook} />}
    >
      {webhook.disabled_reason !== null && (
        <div className="mb-4">
          <Notice kind="danger">
            {webhook.disabled_reason === "gone"
              ? "The receiver answered 410 Gone, so nothing is sent any more. Switch it on again when it is back."
              : "Every attempt failed for three days, so nothing is sent any more. Switch it on again when it is repaired."}
          </Notice>
        </div>
      )}
      {webhook.failing_since && webhook.enabled && (
        <div className="mb-4">
          <Notice kind="warn">
            Nothing has got through since {dateTime(webhook.failing_since)}. What fails is tried
            again.
          </Notice>
        </div>
      )}
      <Deliveries webhookId={webhook.id} />
    </Page>
  );
}

function Actions({ webhook }: { webhook: Webhook }) {
  const queries = useQueryClient();
  const [, navigate] = useLocation();
  const [open, setOpen] = useState<"edit" | "delete" | null>(null);
  const [secret, setSecret] = useState("");
  const refresh = () => queries.invalidateQueries({ queryKey: ["webhooks"] });
  const onError = (error: unknown) => toast(messageOf(error), "error");
  const test = useMutation({
    mutationFn: () => stoa.webhooks.test(webhook.id),
    onSuccess: () => toast("A test event is on its way"),
    onError,
    onSettled: refresh,
  });
  const enable = useMutation({
    mutationFn: () => stoa.webhooks.update(webhook.id, { enabled: !webhook.enabled }),
    onError,
    onSettled: refresh,
  });
  const rotate = useMutation({
    mutationFn: () => stoa.webhooks.rotateSecret(webhook.id),
    onSuccess: (rotated) => setSecret(rotated.secret),
    onError,
  });
  const remove = async () => {
    await stoa.webhooks.delete(webhook.id).catch((error: unknown) => {
      onError(error);
      throw error;
    });
    navigate("/webhooks");
    await refresh();
  };
  return (
    <>
      <Button
        icon="play"
        busy={test.isPending}
        disabled={!webhook.enabled}
        onClick={() => test.mutate()}
      >
        Send a test
      </Button>
      <Button icon="edit" onClick={() => setOpen("edit")}>
        Edit
      </Button>
      <Button busy={enable.isPending} onClick={() => enable.mutate()}>
        {webhook.enabled ? "Switch off" : "Switch on"}
      </Button>
      <Button busy={rotate.isPending} onClick={() => rotate.mutate()}>
        New secret
      </Button>
      <Button kind="danger" icon="trash" onClick={() => setOpen("delete")}>
        Delete
      </Button>
      {open === "edit" && <WebhookDialog webhook={webhook} onClose={() => setOpen(null)} />}
      {secret && <SigningSecret secret={secret} onClose={() => setSecret("")} />}
      {open === "delete" && (
        <Confirm
          title="Delete this webhook?"
          action="Delete webhook"
          onConfirm={remove}
          onClose={() => setOpen(null)}
        >
          Nothing more is sent to {withoutScheme(webhook.url)}, and the list of what was sent goes
          with it.
        </Confirm>
      )}
    </>
  );
}
