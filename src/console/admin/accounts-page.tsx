import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import type { Account } from "../../../sdk/types.ts";
import { date, fieldErrors, messageOf } from "../messages.ts";
import { useAccount } from "../session.tsx";
import { stoa } from "../stoa.ts";
import { Button, CopyButton } from "../ui/button.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { Field, Select } from "../ui/field.tsx";
import { More } from "../ui/more.tsx";
import { Badge, Failed, Loading, Notice, Page } from "../ui/page.tsx";
import { toast } from "../ui/toast.tsx";

/** Everybody who may sign in. */
const roles = [
  { value: "member", label: "Member" },
  { value: "admin", label: "Administrator" },
] as const;

export function AccountsPage() {
  const [dialog, setDialog] = useState<"new" | Account | null>(null);
  const accounts = useInfiniteQuery({
    queryKey: ["accounts"],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam, signal }) =>
      stoa.accounts.list({ limit: 50 }).page({ cursor: pageParam, signal }),
    getNextPageParam: (page) => page.next_cursor,
  });
  const items = accounts.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <Page
      title="Accounts"
      lead="Everybody who may sign in. A new account gets a password that must be changed."
      actions={
        <Button kind="primary" icon="plus" onClick={() => setDialog("new")}>
          Add an account
        </Button>
      }
    >
      {accounts.isPending ? (
        <Loading />
      ) : accounts.isError ? (
        <Failed what="The accounts" error={accounts.error} retry={() => void accounts.refetch()} />
      ) : (
        <ul className="card divide-y divide-line">
          {items.map((account) => (
            <AccountRow key={account.id} account={account} onPassword={() => setDialog(account)} />
          ))}
        </ul>
      )}
      <More
        shown={accounts.hasNextPage}
        busy={accounts.isFetchingNextPage}
        load={() => void accounts.fetchNextPage()}
      />
      {dialog && (
        <PasswordDialog
          account={dialog === "new" ? null : dialog}
          onClose={() => setDialog(null)}
        />
      )}
    </Page>
  );
}

function AccountRow(props: { account: Account; onPassword: () => void }) {
  const { account } = props;
  const own = useAccount().id === account.id;
  const queries = useQueryClient();
  const change = useMutation({
    mutationFn: (wish: { role?: Account["role"]; disabled?: boolean }) =>
      stoa.accounts.update(account.id, wish),
    onSuccess: () => toast("Saved"),
    onError: (error) => toast(messageOf(error), "error"),
    onSettled: () => queries.invalidateQueries({ queryKey: ["accounts"] }),
  });
  const disabled = account.disabled_at !== null;
  return (
    <li className="flex flex-wrap items-center gap-x-3 gap-y-2 px-4 py-3">
      <div className="min-w-0 grow basis-56">
        <p className="flex flex-wrap items-center gap-2 font-medium">
          {account.name}
          {own && <Badge kind="good">you</Badge>}
          {disabled && <Badge kind="danger">disabled</Badge>}
          {account.must_change_password && <Badge kind="warn">has not chosen a password</Badge>}
        </p>
        <p className="text-xs text-muted">
          {account.email ?? "outside issuer"} · since {date(account.created_at)}
        </p>
      </div>
      <div className="w-36">
        <Select
          label={`Role of ${account.name}`}
          hideLabel
          value={account.role}
          options={roles}
          disabled={own || change.isPending}
          onChange={(role) => change.mutate({ role })}
        />
      </div>
      {!own && (
        <>
          {account.email !== null && <Button onClick={props.onPassword}>New password</Button>}
          <Button
            kind={disabled ? "plain" : "danger"}
            busy={change.isPending}
            onClick={() => change.mutate({ disabled: !disabled })}
          >
            {disabled ? "Enable" : "Disable"}
          </Button>
        </>
      )}
    </li>
  );
}

/** Four groups of letters and digits without look-alikes, about 79 bits. */
function temporaryPassword(): string {
  const letters = "abcdefghjkmnpqrstuvwxyz23456789";
  const pick = (byte: number) => letters[byte % letters.length];
  const group = () => [...crypto.getRandomValues(new Uint8Array(4))].map(pick).join("");
  return [group(), group(), group(), group()].join("-");
}

function PasswordDialog(props: { account: Account | null; onClose: () => void }) {
  const { account } = props;
  const queries = useQueryClient();
  const [email, setEmail] = useState("");
  const [password] = useState(temporaryPassword);
  const save = useMutation({
    mutationFn: () =>
      account
        ? stoa.accounts.update(account.id, { password })
        : stoa.accounts.create({ email: email.trim(), password }),
    onSuccess: () => queries.invalidateQueries({ queryKey: ["accounts"] }),
  });
  const errors = fieldErrors(save.error);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!save.isPending) save.mutate();
  };
  if (save.data) {
    return (
      <Dialog title="Pass this on" onClose={props.onClose}>
        <p className="text-muted">
          {save.data.email} signs in with this password and must then choose another. It is not
          shown again.
        </p>
        <div className="mt-4 flex items-center gap-2">
          <code className="code grow">{password}</code>
          <CopyButton text={password} what="Password" label="Copy" />
        </div>
      </Dialog>
    );
  }
  return (
    <Dialog
      title={account ? `New password for ${account.name}` : "Add an account"}
      onClose={props.onClose}
    >
      <form onSubmit={submit} noValidate className="flex flex-col gap-4">
        {save.error && Object.keys(errors).length === 0 && (
          <Notice kind="danger">{messageOf(save.error)}</Notice>
        )}
        {account ? (
          <p className="text-muted">
            A temporary password is made. {account.name} is signed out everywhere.
          </p>
        ) : (
          <Field
            label="E-mail"
            type="email"
            autoFocus
            value={email}
            error={errors["email"]}
            hint="A temporary password is made for you to pass on."
            onChange={(event) => setEmail(event.target.value)}
          />
        )}
        <div className="flex justify-end gap-2">
          <Button onClick={props.onClose}>Cancel</Button>
          <Button kind="primary" type="submit" busy={save.isPending}>
            {account ? "Make a password" : "Add"}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
