import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import type { Account } from "../../../sdk/types.ts";
import { fieldErrors } from "../messages.ts";
import { stoa } from "../stoa.ts";
import { CopyButton } from "../ui/button.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { Field } from "../ui/field.tsx";
import { FormDialog } from "../ui/form-dialog.tsx";

/** Four groups of letters and digits without look-alikes, about 79 bits. */
function temporaryPassword(): string {
  const letters = "abcdefghjkmnpqrstuvwxyz23456789";
  const pick = (byte: number) => letters[byte % letters.length];
  const group = () => [...crypto.getRandomValues(new Uint8Array(4))].map(pick).join("");
  return [group(), group(), group(), group()].join("-");
}

/** Adds an account, or gives one a new password: a temporary one, to be passed on. */
export function PasswordForm(props: { account: Account | null; onClose: () => void }) {
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
    <FormDialog
      title={account ? `New password for ${account.name}` : "Add an account"}
      action={account ? "Make a password" : "Add"}
      busy={save.isPending}
      error={save.error}
      onSubmit={() => save.mutate()}
      onClose={props.onClose}
    >
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
    </FormDialog>
  );
}
