import { Link as RouteLink, useLocation } from "wouter";
import { Button } from "../ui/button.tsx";
import { Page } from "../ui/page.tsx";
import { Explain } from "./explain.tsx";
import { Refused } from "./refused.tsx";
import { RuleList } from "./rule-list.tsx";
import { TryRule } from "./try-rule.tsx";

/** What may be asked of this Stoa, how often, and who was told to come back later. */
const tabs = [
  { path: "/limits", label: "Rules" },
  { path: "/limits/refused", label: "Who is limited" },
  { path: "/limits/try", label: "Try a rule" },
  { path: "/limits/explain", label: "Explain" },
];

export function LimitsPage(props: { tab: string }) {
  const [, navigate] = useLocation();
  return (
    <Page
      title="Limits"
      lead="Rules that guard routes, and rules that other programs ask for by name. All that concern a request must allow it."
      actions={
        <Button kind="primary" icon="plus" onClick={() => navigate("/limits/rules/new")}>
          Add a rule
        </Button>
      }
    >
      <Tabs label="Limits" tabs={tabs} />
      {props.tab === "refused" ? (
        <Refused />
      ) : props.tab === "try" ? (
        <TryRule />
      ) : props.tab === "explain" ? (
        <Explain />
      ) : (
        <RuleList />
      )}
    </Page>
  );
}

export function Tabs(props: { label: string; tabs: { path: string; label: string }[] }) {
  const [here] = useLocation();
  return (
    <nav
      aria-label={props.label}
      className="mb-4 flex items-center gap-1 overflow-x-auto border-b border-line"
    >
      {props.tabs.map(({ path, label }) => (
        <RouteLink
          key={path}
          href={path}
          aria-current={path === here ? "page" : undefined}
          className="tab whitespace-nowrap"
        >
          {label}
        </RouteLink>
      ))}
    </nav>
  );
}
