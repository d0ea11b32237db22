import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { Account } from "../../../sdk/types.ts";
import { stoa } from "../stoa.ts";
import { Field } from "../ui/field.tsx";

/** Finds an account by a part of its name or address. */
const shownMax = 5;

export function AccountPicker(props: {
  label: string;
  placeholder?: string;
  /** Shown until another is looked for. */
  initial?: string;
  error?: string | undefined;
  may?: (account: Account) => boolean;
  onChoose: (account: Account | null) => void;
}) {
  const { may = () => true, onChoose } = props;
  const [search, setSearch] = useState("");
  const [shown, setShown] = useState<string | null>(props.initial || null);
  const found = useQuery({
    queryKey: ["accounts", "find", search],
    queryFn: ({ signal }) => stoa.accounts.list({ search, limit: shownMax }).page({ signal }),
    enabled: search.trim() !== "" && shown === null,
    placeholderData: (before) => before,
  });
  const choose = (account: Account) => {
    setShown(account.email ?? account.name);
    onChoose(account);
  };
  const options = found.data?.items.filter(may) ?? [];
  return (
    <div>
      <Field
        label={props.label}
        type="search"
        autoComplete="off"
        placeholder={props.placeholder ?? "Part of a name or e-mail address"}
        error={props.error}
        value={shown ?? search}
        onChange={(event) => {
          if (shown !== null) onChoose(null);
          setShown(null);
          setSearch(event.target.value);
        }}
      />
      {search.trim() !== "" && shown === null && (
        <ul className="mt-1 rounded-lg border border-line" aria-label="Accounts found">
          {options.map((account) => (
            <li key={account.id}>
              <button
                type="button"
                className="w-full truncate rounded-lg px-3 py-2 text-left hover:bg-sunken"
                onClick={() => choose(account)}
              >
                {account.name} <span className="text-muted">{account.email}</span>
              </button>
            </li>
          ))}
          {options.length === 0 && !found.isFetching && (
            <li className="px-3 py-2 text-muted">Nobody of that name.</li>
          )}
        </ul>
      )}
    </div>
  );
}
