import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import type { Account } from "../../../sdk/types.ts";
import { fieldErrors, messageOf } from "../messages.ts";
import { stoa } from "../stoa.ts";
import { Button } from "../ui/button.tsx";
import { Field } from "../ui/field.tsx";
import { toast } from "../ui/toast.tsx";

/** The plan of an account, by which rules of limits tell accounts apart. */
export function TierForm(props: { account: Account; onDone: () => void }) {
  const { account } = props;
  const queries = useQueryClient();
  const [tier, setTier] = useState(account.tier);
  const save = useMutation({
    mutationFn: () => stoa.accounts.update(account.id, { tier: tier.trim() }),
    onSuccess: async (saved) => {
      toast(`${saved.name} is on ${saved.tier}`);
      await queries.invalidateQueries({ queryKey: ["accounts"] });
      props.onDone();
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!save.isPending) save.mutate();
  };
  const error = save.error ? (fieldErrors(save.error)["tier"] ?? messageOf(save.error)) : undefined;
  return (
    <form onSubmit={submit} noValidate className="flex items-start gap-2 py-3">
      <div className="min-w-0 grow">
        <Field
          label="Tier"
          spellCheck={false}
          autoCapitalize="off"
          value={tier}
          error={error}
          hint="The plan it is on. Limits apply to what it has used already, at once."
          onChange={(event) => setTier(event.target.value)}
        />
      </div>
      {/* As far down as the label beside it is high. */}
      <div className="pt-[1.4375rem]">
        <Button type="submit" className="min-h-9" busy={save.isPending}>
          Set
        </Button>
      </div>
    </form>
  );
}
