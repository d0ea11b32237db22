import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { fieldErrors, messageOf } from "../messages.ts";
import { useAccount } from "../session.tsx";
import { forget, stoa } from "../stoa.ts";
import { Button } from "../ui/button.tsx";
import { Field } from "../ui/field.tsx";
import { FormDialog } from "../ui/form-dialog.tsx";
import { Card } from "../ui/page.tsx";

/** The way out for good: says what goes, and asks for the password again. */
export function DeleteOwn() {
  const account = useAccount();
  const [asking, setAsking] = useState(false);
  return (
    <Card
      title="Delete this account"
      note={
        account.email === null
          ? "You sign in through an outside issuer: ask an administrator to delete your account."
          : "Your links end, and your name, address, keys and domains are erased. To keep the links " +
            "alive, ask an administrator to give them to somebody else first."
      }
    >
      {account.email !== null && (
        <Button kind="danger" icon="trash" onClick={() => setAsking(true)}>
          Delete account…
        </Button>
      )}
      {asking && <Ask onClose={() => setAsking(false)} />}
    </Card>
  );
}

function Ask(props: { onClose: () => void }) {
  const [password, setPassword] = useState("");
  const remove = useMutation({
    mutationFn: () => stoa.account.delete(password),
    onSuccess: forget,
  });
  const errors = fieldErrors(remove.error);
  const wrong = remove.error ? (errors["current_password"] ?? messageOf(remove.error)) : "";
  return (
    <FormDialog
      title="Delete your account?"
      action="Delete my account"
      danger
      busy={remove.isPending}
      ready={password !== ""}
      error={null}
      onSubmit={() => remove.mutate()}
      onClose={props.onClose}
    >
      <p className="text-muted">
        Visitors of your links will be told that they are gone. You are signed out everywhere, at
        once. This cannot be undone.
      </p>
      <Field
        label="Your password"
        type="password"
        autoComplete="current-password"
        autoFocus
        value={password}
        error={wrong}
        onChange={(event) => setPassword(event.target.value)}
      />
    </FormDialog>
  );
}
