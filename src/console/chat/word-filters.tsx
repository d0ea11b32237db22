import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import type { ChatFilter } from "../../../sdk/conversations.ts";
import { fieldErrors, messageOf } from "../messages.ts";
import { stoa } from "../stoa.ts";
import { Button } from "../ui/button.tsx";
import { Checkbox, Field, Select } from "../ui/field.tsx";
import { Badge, Card, Failed, Loading } from "../ui/page.tsx";
import { toast } from "../ui/toast.tsx";

/** Words that are refused or covered from the next message on: in all conversations, or in one. */
export type FilterSet = {
  name: string;
  /** Said where there are none. */
  none: string;
  list: () => Promise<ChatFilter[]>;
  add: (filter: Pick<ChatFilter, "text" | "action" | "anywhere">) => Promise<unknown>;
  remove: (id: string) => Promise<unknown>;
};

export const everywhere: FilterSet = {
  name: "everywhere",
  none: "No word is filtered everywhere.",
  list: () => stoa.chat.admin.filters(),
  add: (filter) => stoa.chat.admin.addFilter(filter),
  remove: (id) => stoa.chat.admin.removeFilter(id),
};

export const inConversation = (id: string): FilterSet => ({
  name: id,
  none: "No word is filtered in this conversation alone.",
  list: () => stoa.chat.filters(id),
  add: (filter) => stoa.chat.addFilter(id, filter),
  remove: (filterId) => stoa.chat.removeFilter(id, filterId),
});

const actions = [
  { value: "refuse", label: "Refuse the message" },
  { value: "mask", label: "Cover the word" },
] as const;

export function FilterList({ where }: { where: FilterSet }) {
  const queries = useQueryClient();
  const queryKey = ["chat", "filters", where.name];
  const filters = useQuery({ queryKey, queryFn: where.list });
  const remove = useMutation({
    mutationFn: where.remove,
    onSuccess: () => toast("The word is allowed again"),
    onError: (error) => toast(messageOf(error), "error"),
    onSettled: () => queries.invalidateQueries({ queryKey }),
  });
  return (
    <>
      <NewFilter where={where} onAdded={() => queries.invalidateQueries({ queryKey })} />
      {filters.isPending ? (
        <Loading rows={2} />
      ) : filters.isError ? (
        <Failed what="The filters" error={filters.error} retry={() => void filters.refetch()} />
      ) : filters.data.length === 0 ? (
        <p className="px-1 text-muted">{where.none}</p>
      ) : (
        <ul className="card divide-y divide-line">
          {filters.data.map((filter) => (
            <li key={filter.id} className="flex items-center gap-3 px-4 py-2">
              <span className="min-w-0 grow font-medium">{filter.text}</span>
              {filter.anywhere && <Badge>within words</Badge>}
              <Badge kind={filter.action === "refuse" ? "danger" : "warn"}>
                {filter.action === "refuse" ? "refused" : "covered"}
              </Badge>
              <Button
                aria-label={`Allow ${filter.text} again`}
                onClick={() => remove.mutate(filter.id)}
              >
                Allow
              </Button>
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

function NewFilter({ where, onAdded }: { where: FilterSet; onAdded: () => Promise<unknown> }) {
  const [text, setText] = useState("");
  const [action, setAction] = useState<"refuse" | "mask">("mask");
  const [anywhere, setAnywhere] = useState(false);
  const add = useMutation({
    mutationFn: () => where.add({ text: text.trim(), action, anywhere }),
    onSuccess: () => {
      setText("");
      toast("Filtered from now on");
    },
    onSettled: onAdded,
  });
  const errors = fieldErrors(add.error);
  const other = add.isError && Object.keys(errors).length === 0 ? messageOf(add.error) : undefined;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (text.trim() !== "") add.mutate();
  };
  return (
    <Card className="mb-5">
      <form noValidate className="flex flex-wrap items-end gap-3" onSubmit={submit}>
        <div className="min-w-40 grow">
          <Field
            label="Word or phrase"
            maxLength={100}
            value={text}
            error={errors["body.text"] ?? other}
            onChange={(event) => setText(event.target.value)}
          />
        </div>
        <Select label="What happens" value={action} options={actions} onChange={setAction} />
        <Button kind="primary" type="submit" busy={add.isPending} disabled={text.trim() === ""}>
          Filter it
        </Button>
        <div className="basis-full">
          <Checkbox
            label="Within words too"
            hint="For scripts without spaces, or words that are hidden in others."
            checked={anywhere}
            onChange={(event) => setAnywhere(event.target.checked)}
          />
        </div>
      </form>
    </Card>
  );
}
