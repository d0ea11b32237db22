import { useMutation } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { fieldErrors, messageOf } from "../messages.ts";
import { useAccount, useSession } from "../session.tsx";
import { stoa } from "../stoa.ts";
import { Button } from "../ui/button.tsx";
import { Field } from "../ui/field.tsx";
import { Card, Notice, Page } from "../ui/page.tsx";
import { toast } from "../ui/toast.tsx";
import { DeleteOwn } from "./delete-own.tsx";
import { DeviceList } from "./device-list.tsx";

/** One's own name, password and signed-in devices. */
export function AccountPage() {
  const account = useAccount();
  return (
    <Page title="Account" lead={account.email ?? "Signed in through an outside issuer"}>
      <div className="flex flex-col gap-4">
        {account.must_change_password && (
          <Notice kind="warn">
            This password was given to you by somebody else. Choose your own below before going on.
          </Notice>
        )}
        <NameForm />
        {account.email !== null && <PasswordForm />}
        <DeviceList />
        <DeleteOwn />
      </div>
    </Page>
  );
}

function NameForm() {
  const account = useAccount();
  const { change } = useSession();
  const [name, setName] = useState(account.name);
  const save = useMutation({
    mutationFn: () => stoa.account.update({ name }),
    onSuccess: (saved) => {
      change(saved);
      toast("Name saved");
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate();
  };
  return (
    <Card title="Name">
      <form onSubmit={submit} className="flex max-w-md items-start gap-2">
        <div className="grow">
          <Field
            label="Name"
            hideLabel
            autoComplete="name"
            value={name}
            error={save.error ? (fieldErrors(save.error)["name"] ?? messageOf(save.error)) : ""}
            onChange={(event) => setName(event.target.value)}
          />
        </div>
        <Button type="submit" busy={save.isPending} disabled={name.trim() === account.name}>
          Save
        </Button>
      </form>
    </Card>
  );
}

function PasswordForm() {
  const { change } = useSession();
  const account = useAccount();
  const [current, setCurrent] = useState("");
  const [next, setNext] = useState("");
  const save = useMutation({
    mutationFn: () => stoa.account.update({ current_password: current, password: next }),
    onSuccess: (saved) => {
      change(saved);
      setCurrent("");
      setNext("");
      toast("Password changed; every other device is signed out");
    },
  });
  const errors = fieldErrors(save.error);
  const wrong = save.error && Object.keys(errors).length === 0 ? messageOf(save.error) : "";
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate();
  };
  return (
    <Card title="Password" note="Changing it signs out every other device.">
      <form onSubmit={submit} noValidate className="flex max-w-md flex-col gap-3">
        <input type="hidden" autoComplete="username" value={account.email ?? ""} readOnly />
        <Field
          label="Current password"
          type="password"
          autoComplete="current-password"
          value={current}
          error={errors["current_password"] ?? wrong}
          onChange={(event) => setCurrent(event.target.value)}
        />
        <Field
          label="New password"
          type="password"
          autoComplete="new-password"
          value={next}
          error={errors["password"]}
          onChange={(event) => setNext(event.target.value)}
        />
        <div>
          <Button type="submit" busy={save.isPending} disabled={current === "" || next === ""}>
            Change password
          </Button>
        </div>
      </form>
    </Card>
  );
}
