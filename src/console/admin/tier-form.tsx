import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import type { Account, LimitRule } from "../../../sdk/types.ts";
import { useRules } from "../limits/rules.ts";
import { fieldErrors, messageOf } from "../messages.ts";
import { stoa } from "../stoa.ts";
import { Button } from "../ui/button.tsx";
import { Field, Select } from "../ui/field.tsx";
import { toast } from "../ui/toast.tsx";

/** The plan of an account, by which rules of limits tell accounts apart. */
const another = "";
/** Callers without an account are on it; no account can be. */
const anonymous = "anonymous";

export function TierForm(props: { account: Account; tiers: string[]; onDone: () => void }) {
  const { account } = props;
  const queries = useQueryClient();
  const rules = useRules().data ?? [];
  const [chosen, setChosen] = useState(account.tier);
  const [typed, setTyped] = useState("");
  const tier = chosen === another ? typed.trim() : chosen;
  const save = useMutation({
    mutationFn: () => stoa.accounts.update(account.id, { tier }),
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
  const inRules = rules.flatMap(({ tiers }) => tiers).filter((name) => name !== anonymous);
  const known = [...new Set([account.tier, ...props.tiers, ...inRules])].sort();
  return (
    <form onSubmit={submit} noValidate className="flex items-start gap-2 py-3">
      <div className="flex min-w-0 grow flex-col gap-2">
        <Select
          label="Tier"
          value={chosen}
          options={[
            ...known.map((name) => ({ value: name, label: name })),
            { value: another, label: "Another…" },
          ]}
          error={chosen === another ? undefined : error}
          hint={meaningOf(tier, rules)}
          onChange={setChosen}
        />
        {chosen === another && (
          <Field
            label="Name of the tier"
            spellCheck={false}
            autoCapitalize="off"
            value={typed}
            error={error}
            hint="One of those that the setting STOA_TIERS names."
            onChange={(event) => setTyped(event.target.value)}
          />
        )}
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

/** What a tier does: some rules are for it and not for others. */
function meaningOf(tier: string, rules: LimitRule[]): string {
  const own = rules.filter(({ tiers }) => tiers.includes(tier)).map(({ name }) => name);
  const which =
    own.length === 0
      ? "no rule is for this one in particular"
      : `besides those for every tier, this one has ${own.join(", ")}`;
  return `The plan it is on. It decides which rules of limits hold: ${which}. What was used stays used.`;
}
