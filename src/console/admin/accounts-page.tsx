import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import type { Account } from "../../../sdk/types.ts";
import { date, messageOf } from "../messages.ts";
import { useAccount } from "../session.tsx";
import { stoa } from "../stoa.ts";
import { Button } from "../ui/button.tsx";
import { Select } from "../ui/field.tsx";
import { More } from "../ui/more.tsx";
import { SearchField } from "../ui/search-field.tsx";
import { Badge, Empty, Failed, Loading, Page } from "../ui/page.tsx";
import { toast } from "../ui/toast.tsx";
import { AccountDialog } from "./account-dialog.tsx";
import { PasswordForm } from "./password-form.tsx";

/** Everybody who may sign in. */
const roles = [
  { value: "member", label: "Member" },
  { value: "admin", label: "Administrator" },
] as const;

export function AccountsPage() {
  const [dialog, setDialog] = useState<"new" | Account | null>(null);
  const [search, setSearch] = useState("");
  const filter = { limit: 50, ...(search ? { search } : {}) };
  const accounts = useInfiniteQuery({
    queryKey: ["accounts", "list", filter],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam, signal }) =>
      stoa.accounts.list(filter).page({ cursor: pageParam, signal }),
    getNextPageParam: (page) => page.next_cursor,
    placeholderData: (before) => before,
  });
  const items = accounts.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <Page
      title="Accounts"
      lead="Everybody who may sign in. A new account gets a password that must be changed."
      actions={
        <Button kind="primary" icon="plus" onClick={() => setDialog("new")}>
          Add an account
        </Button>
      }
    >
      <div className="mb-3 flex">
        <SearchField
          label="Search accounts"
          placeholder="Search in names and e-mail addresses"
          value={search}
          onChange={setSearch}
        />
      </div>
      {accounts.isPending ? (
        <Loading />
      ) : accounts.isError ? (
        <Failed what="The accounts" error={accounts.error} retry={() => void accounts.refetch()} />
      ) : items.length === 0 ? (
        <Empty icon="search" title="Nobody of that name">
          Try fewer letters.
        </Empty>
      ) : (
        <ul className="card divide-y divide-line">
          {items.map((account) => (
            <AccountRow key={account.id} account={account} onManage={() => setDialog(account)} />
          ))}
        </ul>
      )}
      <More
        shown={accounts.hasNextPage}
        busy={accounts.isFetchingNextPage}
        load={() => void accounts.fetchNextPage()}
      />
      {dialog === "new" && <PasswordForm account={null} onClose={() => setDialog(null)} />}
      {dialog !== null && dialog !== "new" && (
        <AccountDialog
          account={dialog}
          tiers={items.map(({ tier }) => tier)}
          onClose={() => setDialog(null)}
        />
      )}
    </Page>
  );
}

function AccountRow(props: { account: Account; onManage: () => void }) {
  const { account } = props;
  const own = useAccount().id === account.id;
  const queries = useQueryClient();
  const change = useMutation({
    mutationFn: (role: Account["role"]) => stoa.accounts.update(account.id, { role }),
    onSuccess: () => toast("Saved"),
    onError: (error) => toast(messageOf(error), "error"),
    onSettled: () => queries.invalidateQueries({ queryKey: ["accounts"] }),
  });
  return (
    <li className="flex flex-wrap items-center gap-x-3 gap-y-2 px-4 py-3">
      <div className="min-w-0 grow basis-56">
        <p className="flex flex-wrap items-center gap-2 font-medium">
          {account.name}
          {own && <Badge kind="good">you</Badge>}
          <Badge>{account.tier}</Badge>
          {account.disabled_at !== null && <Badge kind="danger">disabled</Badge>}
          {account.must_change_password && <Badge kind="warn">has not chosen a password</Badge>}
        </p>
        <p className="text-xs text-muted">
          {account.email ?? "outside issuer"} · since {date(account.created_at)}
        </p>
      </div>
      <div className="w-36">
        <Select
          label={`Role of ${account.name}`}
          hideLabel
          value={account.role}
          options={roles}
          disabled={own || change.isPending}
          onChange={(role) => change.mutate(role)}
        />
      </div>
      {!own && (
        <Button aria-label={`Manage ${account.name}`} onClick={props.onManage}>
          Manage
        </Button>
      )}
    </li>
  );
}
