import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { fieldErrors, messageOf } from "../messages.ts";
import { stoa } from "../stoa.ts";
import { Button } from "../ui/button.tsx";
import { Confirm } from "../ui/dialog.tsx";
import { Field } from "../ui/field.tsx";
import { FormDialog } from "../ui/form-dialog.tsx";
import { toast } from "../ui/toast.tsx";

/** Stops a link, a domain or an account's links, or lets them go again; asks once before either. */
export type Stoppable = {
  kind: "link" | "domain" | "owner";
  id: string;
  name: string;
  /** Why it is stopped; null where it is not. */
  stopped: string | null;
};

const trees = { link: "links", domain: "domains", owner: "owners" } as const;
const whats = { link: "link", domain: "domain", owner: "account" } as const;
const effects = {
  link: "Visitors of this link see a warning instead of being sent on.",
  domain: "Visitors of every link on this domain see a warning instead of being sent on.",
  owner: "Visitors of every link of this account, on any domain, see a warning.",
};

export function StopButton({ what }: { what: Stoppable }) {
  const [asking, setAsking] = useState(false);
  const close = () => setAsking(false);
  const label = `${what.stopped === null ? "Stop" : "Release"} the ${whats[what.kind]}`;
  return (
    <>
      <Button kind={what.stopped === null ? "danger" : "plain"} onClick={() => setAsking(true)}>
        {label}
      </Button>
      {asking && what.stopped === null && <StopDialog what={what} label={label} onClose={close} />}
      {asking && what.stopped !== null && <Release what={what} label={label} onClose={close} />}
    </>
  );
}

type Asking = { what: Stoppable; label: string; onClose: () => void };

/** What says whether something is stopped: links, domains, reports and the lists themselves. */
function useRefresh() {
  const queries = useQueryClient();
  return async () => {
    const keys = ["links", "domains", "reports", "quarantine", "lookup"];
    await Promise.all(keys.map((key) => queries.invalidateQueries({ queryKey: [key] })));
  };
}

function StopDialog({ what, label, onClose }: Asking) {
  const refresh = useRefresh();
  const [reason, setReason] = useState("");
  const stop = useMutation({
    mutationFn: () => stoa.safety.quarantine(trees[what.kind], what.id, reason),
    onSuccess: async () => {
      toast(`${what.name} is stopped`);
      await refresh();
      onClose();
    },
  });
  const errors = fieldErrors(stop.error);
  return (
    <FormDialog
      title={`Stop ${what.name}?`}
      action={label}
      danger
      busy={stop.isPending}
      ready={reason.trim() !== ""}
      error={stop.error}
      onSubmit={() => stop.mutate()}
      onClose={onClose}
    >
      <p className="text-muted">{effects[what.kind]}</p>
      <Field
        label="Reason"
        autoFocus
        placeholder="Phishing for bank accounts"
        value={reason}
        error={errors["reason"]}
        hint="The owner sees it, and it stands in the audit log."
        onChange={(event) => setReason(event.target.value)}
      />
    </FormDialog>
  );
}

function Release({ what, label, onClose }: Asking) {
  const refresh = useRefresh();
  const release = async () => {
    try {
      await stoa.safety.release(trees[what.kind], what.id);
    } catch (error) {
      toast(messageOf(error), "error");
      throw error;
    }
    toast(`${what.name} is released`);
    await refresh();
  };
  return (
    <Confirm
      title={`Release ${what.name}?`}
      action={label}
      keep="Cancel"
      onConfirm={release}
      onClose={onClose}
    >
      It was stopped because of “{what.stopped}”. Visitors are sent on again at once.
    </Confirm>
  );
}
