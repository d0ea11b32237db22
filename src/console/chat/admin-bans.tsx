import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import type { ChatBan } from "../../../sdk/conversations.ts";
import { AccountPicker } from "../admin/account-picker.tsx";
import { date, dateTime, isPast, messageOf } from "../messages.ts";
import { stoa } from "../stoa.ts";
import { Button } from "../ui/button.tsx";
import { Field, Select } from "../ui/field.tsx";
import { FormDialog } from "../ui/form-dialog.tsx";
import { More } from "../ui/more.tsx";
import { Badge, Empty, Failed, Loading } from "../ui/page.tsx";
import { toast } from "../ui/toast.tsx";
import { banSpans, endOf, type BanSpan } from "./admin-spans.ts";

/** Who may read and not write. */
export function BanList() {
  const [adding, setAdding] = useState(false);
  const bans = useInfiniteQuery({
    queryKey: ["chat", "bans"],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam, signal }) => stoa.chat.admin.bans().page({ cursor: pageParam, signal }),
    getNextPageParam: (page) => page.next_cursor,
  });
  const items = bans.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <>
      <div className="mb-3 flex justify-end">
        <Button icon="plus" onClick={() => setAdding(true)}>
          Ban somebody
        </Button>
      </div>
      {bans.isPending ? (
        <Loading rows={2} />
      ) : bans.isError ? (
        <Failed what="The bans" error={bans.error} retry={() => void bans.refetch()} />
      ) : items.length === 0 ? (
        <Empty icon="lock" title="Nobody is banned">
          Whoever is banned reads what they are a member of and writes nothing.
        </Empty>
      ) : (
        <ul className="card divide-y divide-line">
          {items.map((ban) => (
            <BanRow key={ban.account_id} ban={ban} />
          ))}
        </ul>
      )}
      <More
        shown={bans.hasNextPage}
        busy={bans.isFetchingNextPage}
        load={() => void bans.fetchNextPage()}
      />
      {adding && <NewBan onClose={() => setAdding(false)} />}
    </>
  );
}

function BanRow({ ban }: { ban: ChatBan }) {
  const queries = useQueryClient();
  const over = isPast(ban.banned_until);
  const lift = useMutation({
    mutationFn: () => stoa.chat.admin.unban(ban.account_id),
    onSuccess: () => toast("The ban is lifted"),
    onError: (error) => toast(messageOf(error), "error"),
    onSettled: () => queries.invalidateQueries({ queryKey: ["chat", "bans"] }),
  });
  return (
    <li className="flex flex-wrap items-center gap-x-4 gap-y-2 px-4 py-3">
      <div className="min-w-0 grow basis-56">
        <p className="flex flex-wrap items-center gap-2 font-medium">
          {ban.name}
          {over && <Badge>over</Badge>}
        </p>
        {ban.ban_reason && <p className="text-[0.8125rem]">{ban.ban_reason}</p>}
        <p className="text-xs text-muted">
          since {date(ban.banned_at)}, until {dateTime(ban.banned_until)}
        </p>
      </div>
      <Button
        busy={lift.isPending}
        aria-label={`Lift the ban of ${ban.name}`}
        onClick={() => lift.mutate()}
      >
        Lift
      </Button>
    </li>
  );
}

function NewBan({ onClose }: { onClose: () => void }) {
  const queries = useQueryClient();
  const [account, setAccount] = useState<{ id: string } | null>(null);
  const [span, setSpan] = useState<BanSpan>("7");
  const [reason, setReason] = useState("");
  const ban = useMutation({
    mutationFn: () =>
      stoa.chat.admin.ban(account?.id ?? "", { until: endOf(span), reason: reason.trim() }),
    onSuccess: () => {
      toast("Banned");
      onClose();
    },
    onSettled: () => queries.invalidateQueries({ queryKey: ["chat", "bans"] }),
  });
  return (
    <FormDialog
      title="Ban somebody"
      action="Ban"
      danger
      busy={ban.isPending}
      ready={account !== null}
      error={ban.error}
      onSubmit={() => ban.mutate()}
      onClose={onClose}
    >
      <AccountPicker label="Who" onChoose={setAccount} />
      <Select label="For how long" value={span} options={banSpans} onChange={setSpan} />
      <Field
        label="Reason"
        hint="The person is told."
        maxLength={500}
        value={reason}
        onChange={(event) => setReason(event.target.value)}
      />
    </FormDialog>
  );
}
