import { useMutation } from "@tanstack/react-query";
import { useEffect, useState, type FormEvent, type ReactNode } from "react";
import { Link as RouteLink } from "wouter";
import { messageOf } from "../messages.ts";
import { useSession } from "../session.tsx";
import { stoa } from "../stoa.ts";
import { Button } from "../ui/button.tsx";
import { Field } from "../ui/field.tsx";
import { Mark } from "../ui/icons.tsx";
import { Notice } from "../ui/page.tsx";

/** The door. Where to go afterwards stands in the address, and the app decides about it. */
export const signUpOpen =
  document.querySelector('meta[name="stoa-sign-up"]')?.getAttribute("content") === "open";

export function SignInPage() {
  const { begin } = useSession();
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const signIn = useMutation({
    mutationFn: () => stoa.sessions.signIn({ email, password, cookie: true }),
    onSuccess: begin,
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!signIn.isPending) signIn.mutate();
  };
  return (
    <Door title="Sign in">
      <form onSubmit={submit} className="flex flex-col gap-4">
        {signIn.error && (
          <div role="alert">
            <Notice kind="danger">{messageOf(signIn.error)}</Notice>
          </div>
        )}
        <Field
          label="E-mail"
          type="email"
          name="email"
          autoComplete="username"
          autoFocus
          required
          value={email}
          onChange={(event) => setEmail(event.target.value)}
        />
        <Field
          label="Password"
          type="password"
          name="password"
          autoComplete="current-password"
          required
          value={password}
          onChange={(event) => setPassword(event.target.value)}
        />
        <Button kind="primary" type="submit" busy={signIn.isPending} className="min-h-10">
          Sign in
        </Button>
      </form>
      {signUpOpen ? (
        <p className="mt-5 text-center text-muted">
          New here?{" "}
          <RouteLink href="/sign-up" className="link">
            Create an account
          </RouteLink>
        </p>
      ) : (
        <p className="hint mt-5 text-center">
          The first start of Stoa printed an administrator’s sign-in. Further accounts are made by
          administrators.
        </p>
      )}
    </Door>
  );
}

export function Door(props: { title: string; children: ReactNode }) {
  useEffect(() => {
    document.title = `${props.title} · Stoa`;
  }, [props.title]);
  return (
    <main className="flex min-h-dvh items-center justify-center px-4 py-10">
      <div className="w-full max-w-sm">
        <div className="mb-6 flex items-center justify-center gap-3">
          <Mark className="size-9" />
          <span className="font-serif text-3xl tracking-wide">Stoa</span>
        </div>
        <section className="card p-6 shadow-card">
          <h1 className="mb-4 font-serif text-xl">{props.title}</h1>
          {props.children}
        </section>
      </div>
    </main>
  );
}
