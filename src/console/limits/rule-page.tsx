import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useLocation, useSearchParams } from "wouter";
import { NotFoundError } from "../../../sdk/errors.ts";
import type { LimitRule } from "../../../sdk/types.ts";
import { messageOf } from "../messages.ts";
import { stoa } from "../stoa.ts";
import { Button } from "../ui/button.tsx";
import { Confirm } from "../ui/dialog.tsx";
import { Empty, Failed, Loading, Page } from "../ui/page.tsx";
import { toast } from "../ui/toast.tsx";
import { Comparison } from "./comparison.tsx";
import { candidateOf, draftOf, freshDraft } from "./draft.ts";
import { History } from "./history.tsx";
import { Tabs } from "./limits-page.tsx";
import { RuleForm } from "./rule-form.tsx";
import { RuleBadges } from "./rule-list.tsx";
import { numbersText } from "./rule-text.ts";

/** One rule: its settings, how it does beside its candidates, and who changed it. */
export function RulePage(props: { id: string; tab: string }) {
  if (props.id === "new") return <NewRulePage />;
  return <StoredRulePage {...props} />;
}

function useRule(id: string | null) {
  return useQuery({
    queryKey: ["limits", "rule", id],
    queryFn: ({ signal }) => stoa.limits.rules.get(id ?? "", { signal }),
    enabled: id !== null,
  });
}

function NewRulePage() {
  const [search] = useSearchParams();
  const from = search.get("from");
  const live = useRule(from);
  const title = from === null ? "New rule" : "New candidate";
  return (
    <Page
      title={title}
      lead={
        from === null
          ? "In shadow a rule counts and refuses nobody. Enforce it when its numbers are right."
          : "Counts beside the rule that it may replace, and refuses nobody."
      }
    >
      {from !== null && live.isPending ? (
        <Loading rows={2} height="card" />
      ) : live.isError ? (
        <Failed what="The rule" error={live.error} retry={() => void live.refetch()} />
      ) : (
        <RuleForm rule={null} initial={live.data ? candidateOf(live.data) : freshDraft} />
      )}
    </Page>
  );
}

function StoredRulePage({ id, tab }: { id: string; tab: string }) {
  const rule = useRule(id);
  if (rule.isSuccess) return <Loaded rule={rule.data} tab={tab} />;
  return (
    <Page title="Rule">
      {rule.isPending ? (
        <Loading rows={2} height="card" />
      ) : rule.error instanceof NotFoundError ? (
        <Empty icon="limits" title="There is no such rule">
          It may have been removed. The others are under Limits.
        </Empty>
      ) : (
        <Failed what="The rule" error={rule.error} retry={() => void rule.refetch()} />
      )}
    </Page>
  );
}

function Loaded({ rule, tab }: { rule: LimitRule; tab: string }) {
  const path = `/limits/rules/${rule.id}`;
  return (
    <Page
      title={rule.name}
      lead={
        <span className="flex flex-wrap items-center gap-2">
          <RuleBadges rule={rule} />
          <span>{numbersText(rule)}</span>
        </span>
      }
      actions={<Actions rule={rule} />}
    >
      <Tabs
        label="Rule"
        tabs={[
          { path, label: "Settings" },
          { path: `${path}/shadow`, label: "Shadow beside live" },
          { path: `${path}/history`, label: "History" },
        ]}
      />
      {tab === "history" ? (
        <History id={rule.id} />
      ) : tab === "shadow" ? (
        <Comparison rule={rule} />
      ) : (
        <RuleForm key={rule.version} rule={rule} initial={draftOf(rule)} />
      )}
    </Page>
  );
}

function Actions({ rule }: { rule: LimitRule }) {
  const queries = useQueryClient();
  const [, navigate] = useLocation();
  const [deleting, setDeleting] = useState(false);
  const remove = async () => {
    try {
      await stoa.limits.rules.delete(rule.id);
    } catch (error) {
      toast(messageOf(error), "error");
      throw error;
    }
    toast(`${rule.name} is deleted`);
    navigate("/limits");
    await queries.invalidateQueries({ queryKey: ["limits", "rules"] });
  };
  return (
    <>
      <Button icon="play" onClick={() => navigate(`/limits/try?rule=${rule.id}`)}>
        Try it
      </Button>
      {rule.mode === "enforce" && rule.algorithm !== "list" && (
        <Button icon="copy" onClick={() => navigate(`/limits/rules/new?from=${rule.id}`)}>
          Add a candidate
        </Button>
      )}
      {!rule.preset && (
        <Button kind="danger" icon="trash" onClick={() => setDeleting(true)}>
          Delete
        </Button>
      )}
      {deleting && (
        <Confirm
          title={`Delete ${rule.name}?`}
          action="Delete rule"
          onConfirm={remove}
          onClose={() => setDeleting(false)}
        >
          It limits nobody from then on. Its history stays readable.
        </Confirm>
      )}
    </>
  );
}
