import type { Passwords } from "../../platform/auth/password.ts";
import { passwordPage } from "./pages.ts";
import type { PasswordTries } from "./password-tries.ts";
import { fail } from "./refusal.ts";
import { wantsHtml } from "./visit.ts";

/** A link's password: by the form for people, by `X-Link-Password` for programs. */
type Deps = { passwords: Passwords; passwordTries: PasswordTries };

const formBytesMax = 4_096;

/** Null once the right password is given; else what the visitor is to see. */
export async function askPassword(
  request: Request,
  visitor: () => string,
  link: { id: string; code: string; hash: string },
  { passwords, passwordTries }: Deps,
): Promise<Response | null> {
  const given = request.method === "POST" ? await formField(request, "password") : null;
  const sent = given ?? request.headers.get("x-link-password");
  if (sent === null) {
    if (wantsHtml(request)) return passwordPage(link.code, null);
    return fail("links.password_wrong", "X-Link-Password: this link needs its password.");
  }
  await passwordTries.admit(link.id, visitor());
  if (await passwords.verify(sent, link.hash)) {
    await passwordTries.succeeded(link.id, visitor());
    return null;
  }
  const problem = "That is not the password of this link.";
  if (wantsHtml(request)) return passwordPage(link.code, problem);
  return fail("links.password_wrong", `X-Link-Password: ${problem}`);
}

async function formField(request: Request, name: string): Promise<string | null> {
  const size = Number(request.headers.get("content-length") ?? formBytesMax + 1);
  if (size > formBytesMax) return null;
  return new URLSearchParams(await request.text()).get(name);
}
