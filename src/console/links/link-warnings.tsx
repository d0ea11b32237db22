import type { Link } from "../../../sdk/types.ts";
import { date } from "../messages.ts";
import { Notice } from "../ui/page.tsx";

/** What its owner ought to know about a link. */
export function Warnings(props: { link: Link }) {
  const { link } = props;
  const warnings: string[] = [];
  if (link.state === "quarantined") {
    const what = { link: "This link", domain: "Its domain", owner: "The account that owns it" };
    const { of, reason } = link.quarantine ?? { of: "link", reason: "" };
    warnings.push(
      `${what[of]} is stopped${reason && ` (${reason})`}: visitors are not sent on. ` +
        "Ask an administrator to release it.",
    );
  }
  if (link.dead_since) {
    warnings.push(
      `The target has not answered since ${date(link.dead_since)}. ` +
        "Check it, or send visitors elsewhere under Settings.",
    );
  }
  if (link.flags.includes("mixed_script")) {
    warnings.push("The host mixes alphabets, which is how look-alike addresses are made.");
  }
  if (link.flags.includes("look_alike")) {
    warnings.push("The host looks much like a well-known one. Make sure it is the one you mean.");
  }
  if (warnings.length === 0) return null;
  return (
    <div className="mb-4 flex flex-col gap-2">
      {warnings.map((text) => (
        <Notice key={text} kind={link.state === "quarantined" ? "danger" : "warn"}>
          {text}
        </Notice>
      ))}
    </div>
  );
}
