import { Link } from "wouter";
import { Icon } from "../ui/icons.tsx";

/** On a phone, where the list and what is chosen from it are a page each. */
export function BackToList() {
  return (
    <Link href="/chat" aria-label="All conversations" className="btn btn-quiet btn-icon md:hidden">
      <Icon name="back" />
    </Link>
  );
}
