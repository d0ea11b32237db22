import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { useLocation } from "wouter";
import { StoaError } from "../../../sdk/errors.ts";
import type { LimitRule } from "../../../sdk/types.ts";
import { fieldErrors, messageOf } from "../messages.ts";
import { stoa } from "../stoa.ts";
import { Button } from "../ui/button.tsx";
import { Checkbox, Field, Segments } from "../ui/field.tsx";
import { Card } from "../ui/page.tsx";
import { SaveBar } from "../ui/save-bar.tsx";
import { toast } from "../ui/toast.tsx";
import { useUnsavedWarning } from "../ui/unsaved.ts";
import { errorOf, ruleOf, type RuleDraft } from "./draft.ts";
import { Amounts } from "./rule-amounts.tsx";
import { Exactness, Lists, Reach } from "./rule-reach.tsx";

/** Makes a rule or changes one. What somebody else saved meanwhile is never overwritten. */
export type FormProps = {
  draft: RuleDraft;
  error: (field: string) => string | undefined;
  set: <K extends keyof RuleDraft>(name: K, value: RuleDraft[K]) => void;
};

export function RuleForm({ rule, initial }: { rule: LimitRule | null; initial: RuleDraft }) {
  const [, navigate] = useLocation();
  const [draft, setDraft] = useState(initial);
  const dirty = JSON.stringify(draft) !== JSON.stringify(initial);
  const save = useSave(rule, draft);
  useUnsavedWarning(dirty);

  const errors = fieldErrors(save.error);
  const form: FormProps = {
    draft,
    error: (field) => errorOf(errors, field),
    set: (name, value) => setDraft((before) => ({ ...before, [name]: value })),
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!save.isPending) save.mutate();
  };
  const undo = () => {
    if (rule === null) return navigate("/limits");
    setDraft(initial);
    save.reset();
  };
  return (
    <form onSubmit={submit} noValidate className="flex flex-col gap-4">
      <Naming {...form} preset={rule?.preset ?? false} />
      <Reach {...form} />
      <Amounts {...form} />
      <Exactness {...form} />
      <Lists {...form} />
      {(rule === null || dirty || save.error) && (
        <Saving isNew={rule === null} error={save.error} busy={save.isPending} onUndo={undo} />
      )}
    </form>
  );
}

function useSave(rule: LimitRule | null, draft: RuleDraft) {
  const queries = useQueryClient();
  const [, navigate] = useLocation();
  return useMutation({
    mutationFn: () => {
      const wish = ruleOf(draft);
      if (rule === null) return stoa.limits.rules.create(wish);
      return stoa.limits.rules.update(rule.id, { ...wish, version: rule.version });
    },
    onSuccess: async (saved) => {
      queries.setQueryData(["limits", "rule", saved.id], saved);
      if (rule === null) navigate(`/limits/rules/${saved.id}`);
      toast(rule === null ? `${saved.name} is made` : "Saved. It holds in every process now.");
      await queries.invalidateQueries({ queryKey: ["limits"] });
    },
    onError: () => {
      // The first field that is wrong may be out of sight.
      requestAnimationFrame(() => {
        document.querySelector<HTMLElement>("form [aria-invalid=true]")?.focus();
      });
    },
  });
}

function Saving(props: { isNew: boolean; error: Error | null; busy: boolean; onUndo: () => void }) {
  const { isNew, error } = props;
  const queries = useQueryClient();
  const outdated = error instanceof StoaError && error.status === 412;
  const problem = outdated
    ? "Somebody else changed this rule. Load it again to see how."
    : error
      ? messageOf(error)
      : "";
  return (
    <SaveBar problem={problem}>
      {outdated ? (
        <Button
          icon="retry"
          onClick={() => void queries.invalidateQueries({ queryKey: ["limits", "rule"] })}
        >
          Load it again
        </Button>
      ) : (
        <Button onClick={props.onUndo}>{isNew ? "Cancel" : "Discard"}</Button>
      )}
      <Button kind="primary" type="submit" busy={props.busy}>
        {isNew ? "Make the rule" : "Save changes"}
      </Button>
    </SaveBar>
  );
}

function Naming({ draft, error, set, preset }: FormProps & { preset: boolean }) {
  return (
    <Card title="Rule">
      <div className="flex flex-col gap-3">
        <Field
          label="Name"
          autoFocus={draft.name === ""}
          spellCheck={false}
          autoCapitalize="off"
          placeholder="api.per_key"
          disabled={preset}
          value={draft.name}
          error={error("name")}
          hint={
            preset
              ? "Stoa itself asks for this rule by its name."
              : "Refused callers see it. A rule called after another and a dot is asked with it."
          }
          onChange={(event) => set("name", event.target.value)}
        />
        <Field
          label="Description"
          value={draft.description}
          error={error("description")}
          onChange={(event) => set("description", event.target.value)}
        />
        <div className="flex flex-wrap items-center gap-x-6 gap-y-3">
          <Segments
            label="Mode"
            value={draft.mode}
            options={[
              { value: "enforce", label: "Enforce" },
              { value: "shadow", label: "Shadow: only count" },
            ]}
            onChange={(mode) => set("mode", mode)}
          />
          <Checkbox
            label="Enabled"
            checked={draft.enabled}
            onChange={(event) => set("enabled", event.target.checked)}
          />
        </div>
      </div>
    </Card>
  );
}
