import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import type { Account } from "../../../sdk/types.ts";
import { messageOf } from "../messages.ts";
import { stoa } from "../stoa.ts";
import { Select } from "../ui/field.tsx";
import { FormDialog } from "../ui/form-dialog.tsx";
import { Notice } from "../ui/page.tsx";
import { toast } from "../ui/toast.tsx";
import { AccountPicker } from "./account-picker.tsx";

/** Deletes somebody's account; what becomes of the links has to be chosen. */
type Fate = "" | "transfer" | "erase";
const fates: { value: Fate; label: string }[] = [
  { value: "", label: "Choose…" },
  { value: "transfer", label: "Give them to another account" },
  { value: "erase", label: "End them for good" },
];
const hints: Record<Fate, string> = {
  "": "Links, domains and their clicks.",
  transfer: "They go on redirecting, and that account sees and changes them.",
  erase: "Visitors are told that they are gone. What the links said is erased.",
};

export function DeleteAccount(props: { account: Account; onClose: () => void }) {
  const { account, onClose } = props;
  const queries = useQueryClient();
  const [fate, setFate] = useState<Fate>("");
  const [heir, setHeir] = useState<Account | null>(null);
  const remove = useMutation({
    mutationFn: () =>
      stoa.accounts.delete(account.id, fate === "transfer" ? (heir?.id ?? null) : null),
    onSuccess: async () => {
      toast(`${account.name} is deleted`);
      await queries.invalidateQueries({ queryKey: ["accounts"] });
      onClose();
    },
  });
  const ready = fate === "erase" || (fate === "transfer" && heir !== null);
  return (
    <FormDialog
      title={`Delete ${account.name}?`}
      action="Delete account"
      danger
      busy={remove.isPending}
      ready={ready}
      error={null}
      onSubmit={() => remove.mutate()}
      onClose={onClose}
    >
      {remove.error && <Notice kind="danger">{messageOf(remove.error)}</Notice>}
      <p className="text-muted">
        {account.email ?? "This account"} is signed out everywhere at once, its keys and webhooks
        end, and its name and address are erased. This cannot be undone.
      </p>
      <Select
        label="Its links"
        value={fate}
        options={fates}
        hint={hints[fate]}
        onChange={setFate}
      />
      {fate === "transfer" && (
        <AccountPicker
          label="To the account"
          may={(other) => other.id !== account.id && other.disabled_at === null}
          onChoose={setHeir}
        />
      )}
    </FormDialog>
  );
}
