import { useMutation } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { Link as RouteLink } from "wouter";
import { fieldErrors, messageOf } from "../messages.ts";
import { useSession } from "../session.tsx";
import { stoa } from "../stoa.ts";
import { Button } from "../ui/button.tsx";
import { Field } from "../ui/field.tsx";
import { Notice } from "../ui/page.tsx";
import { Door } from "./sign-in-page.tsx";

export function SignUpPage() {
  const { begin } = useSession();
  const [name, setName] = useState("");
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const signUp = useMutation({
    mutationFn: async () => {
      await stoa.accounts.signUp({ email, password, ...(name.trim() ? { name } : {}) });
      return await stoa.sessions.signIn({ email, password, cookie: true });
    },
    onSuccess: begin,
  });
  const errors = fieldErrors(signUp.error);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!signUp.isPending) signUp.mutate();
  };
  return (
    <Door title="Create an account">
      <form onSubmit={submit} noValidate className="flex flex-col gap-4">
        {signUp.error && Object.keys(errors).length === 0 && (
          <div role="alert">
            <Notice kind="danger">{messageOf(signUp.error)}</Notice>
          </div>
        )}
        <Field
          label="Name"
          autoComplete="name"
          autoFocus
          value={name}
          error={errors["name"]}
          onChange={(event) => setName(event.target.value)}
        />
        <Field
          label="E-mail"
          type="email"
          autoComplete="username"
          required
          value={email}
          error={errors["email"]}
          onChange={(event) => setEmail(event.target.value)}
        />
        <Field
          label="Password"
          type="password"
          autoComplete="new-password"
          required
          value={password}
          error={errors["password"]}
          hint="A sentence that only you would write is better than a riddle."
          onChange={(event) => setPassword(event.target.value)}
        />
        <Button kind="primary" type="submit" busy={signUp.isPending} className="min-h-10">
          Create account
        </Button>
      </form>
      <p className="mt-5 text-center text-muted">
        Have one already?{" "}
        <RouteLink href="/sign-in" className="link">
          Sign in
        </RouteLink>
      </p>
    </Door>
  );
}
