import { useState, type FormEvent } from "react";
import type { Account } from "../../../sdk/types.ts";
import { AccountPicker } from "../admin/account-picker.tsx";
import { Button } from "../ui/button.tsx";
import { Field, Select } from "../ui/field.tsx";
import { Card } from "../ui/page.tsx";

/** A request to be explained; it stands in the address, so that it can be passed on. */
const methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] as const;

export type Question = {
  method: (typeof methods)[number];
  path: string;
  address: string;
  account_id: string;
  api_key_id: string;
  tier: string;
};

export function questionOf(search: URLSearchParams): Question {
  const text = (name: string) => search.get(name) ?? "";
  const method = methods.find((known) => known === search.get("method")) ?? "GET";
  return {
    ...{ method, path: text("path"), address: text("address"), tier: text("tier") },
    ...{ account_id: text("account_id"), api_key_id: text("api_key_id") },
  };
}

export function ExplainForm(props: {
  first: Question;
  errors: Record<string, string>;
  busy: boolean;
  onAsk: (question: Question) => void;
}) {
  const { errors } = props;
  const [question, setQuestion] = useState(props.first);
  const set = (change: Partial<Question>) => setQuestion((before) => ({ ...before, ...change }));
  const submit = (event: FormEvent) => {
    event.preventDefault();
    props.onAsk({ ...question, path: question.path.trim(), address: question.address.trim() });
  };
  return (
    <Card title="A request">
      <form onSubmit={submit} noValidate className="flex flex-col gap-3">
        <div className="grid gap-3 sm:grid-cols-[8rem_1fr]">
          <Select
            label="Method"
            value={question.method}
            options={methods.map((value) => ({ value, label: value }))}
            onChange={(method) => set({ method })}
          />
          <Field
            label="Path"
            spellCheck={false}
            autoCapitalize="off"
            placeholder="/api/v1/links"
            value={question.path}
            error={errors["path"]}
            onChange={(event) => set({ path: event.target.value })}
          />
        </div>
        <Caller question={question} set={set} errors={errors} />
        <div>
          <Button kind="primary" type="submit" icon="search" busy={props.busy}>
            Explain
          </Button>
        </div>
      </form>
    </Card>
  );
}

function Caller(props: {
  question: Question;
  set: (change: Partial<Question>) => void;
  errors: Record<string, string>;
}) {
  const { question, set, errors } = props;
  const choose = (account: Account | null) =>
    set(account ? { account_id: account.id, tier: account.tier } : { account_id: "", tier: "" });
  return (
    <div className="grid gap-3 sm:grid-cols-2">
      <AccountPicker
        label="Account"
        placeholder="Anybody; or part of a name"
        initial={question.account_id}
        error={errors["account_id"]}
        onChoose={choose}
      />
      <Field
        label="Address"
        spellCheck={false}
        placeholder="192.0.2.1"
        value={question.address}
        error={errors["address"]}
        onChange={(event) => set({ address: event.target.value })}
      />
      <Field
        label="Tier"
        spellCheck={false}
        placeholder="anonymous"
        value={question.tier}
        error={errors["tier"]}
        hint="That of the account, or another to try."
        onChange={(event) => set({ tier: event.target.value })}
      />
      <Field
        label="API key"
        spellCheck={false}
        inputMode="numeric"
        value={question.api_key_id}
        error={errors["api_key_id"]}
        hint="Its id, as the audit log and refused keys have it."
        onChange={(event) => set({ api_key_id: event.target.value })}
      />
    </div>
  );
}
