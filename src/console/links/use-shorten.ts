import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import type { CreateLink, Link } from "../../../sdk/types.ts";
import { fieldErrors, messageOf, withoutScheme } from "../messages.ts";
import { stoa } from "../stoa.ts";
import { toast } from "../ui/toast.tsx";
import { splitTags, withScheme } from "./link-text.ts";

/** What stands in the form for a new link, and what becomes of it. */
type NewLink = { url: string; alias: string; domain: string; tags: string };
const empty: NewLink = { url: "", alias: "", domain: "", tags: "" };

export function useShorten(onCreated?: (link: Link) => void) {
  const queries = useQueryClient();
  const [draft, setDraft] = useState(empty);
  const create = useMutation({ mutationFn: (link: CreateLink) => stoa.links.create(link) });

  const finish = async (made: Promise<Link>, copied: Promise<boolean>) => {
    const link = await made;
    setDraft((before) => ({ ...before, url: "", alias: "" }));
    void queries.invalidateQueries({ queryKey: ["links"] });
    onCreated?.(link);
    toast((await copied) ? `${withoutScheme(link.short_url)} is on your clipboard` : "Link made");
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (draft.url.trim() === "" || create.isPending) return;
    const made = create.mutateAsync(wishOf(draft));
    const copied = copyWhenMade(made.then((link) => link.short_url));
    // The field shows what went wrong.
    finish(made, copied).catch(() => {});
  };
  const { url, alias, ...others } = fieldErrors(create.error);
  const rest = create.error && !alias ? (Object.values(others)[0] ?? messageOf(create.error)) : "";
  return {
    draft,
    set: (name: keyof NewLink, value: string) => {
      setDraft((before) => ({ ...before, [name]: value }));
      if (create.error) create.reset();
    },
    errors: { url: url ?? rest, alias },
    busy: create.isPending,
    submit,
  };
}

function wishOf(draft: NewLink): CreateLink {
  return {
    url: withScheme(draft.url),
    ...(draft.alias.trim() ? { alias: draft.alias.trim() } : {}),
    ...(draft.domain ? { domain: draft.domain } : {}),
    ...(draft.tags.trim() ? { tags: splitTags(draft.tags) } : {}),
  };
}

/** Begun inside the key press, because some browsers allow writing to the clipboard only then. */
async function copyWhenMade(text: Promise<string>): Promise<boolean> {
  try {
    if (typeof ClipboardItem === "undefined") {
      await navigator.clipboard.writeText(await text);
    } else {
      const blob = text.then((value) => new Blob([value], { type: "text/plain" }));
      await navigator.clipboard.write([new ClipboardItem({ "text/plain": blob })]);
    }
    return true;
  } catch {
    return false;
  }
}
