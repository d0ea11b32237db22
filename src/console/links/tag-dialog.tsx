import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { fieldErrors, messageOf } from "../messages.ts";
import { stoa } from "../stoa.ts";
import { Button } from "../ui/button.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { Field } from "../ui/field.tsx";
import { Notice } from "../ui/page.tsx";
import { toast } from "../ui/toast.tsx";

/** Changes a tag on every link that carries it. */
export function TagDialog(props: {
  tag: string;
  onTag: (tag: string) => void;
  onClose: () => void;
}) {
  const { tag, onTag, onClose } = props;
  const queries = useQueryClient();
  const [name, setName] = useState(tag);
  const change = useMutation({
    mutationFn: (to: string | null) => stoa.links.renameTag(tag, to),
    onSuccess: async (_, to) => {
      toast(to === null ? `${tag} is being taken off your links` : `${tag} becomes ${to}`);
      onTag(to ?? "");
      onClose();
      await queries.invalidateQueries({ queryKey: ["links"] });
    },
  });
  const errors = fieldErrors(change.error);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!change.isPending) change.mutate(name.trim());
  };
  return (
    <Dialog title={`Tag ${tag}`} onClose={onClose}>
      <form onSubmit={submit} noValidate className="flex flex-col gap-4">
        {change.error && Object.keys(errors).length === 0 && (
          <Notice kind="danger">{messageOf(change.error)}</Notice>
        )}
        <Field
          label="Name"
          autoFocus
          maxLength={40}
          value={name}
          error={errors["to"]}
          hint="Changes it on all your links. A name that is taken joins the two."
          onChange={(event) => setName(event.target.value)}
        />
        <div className="flex flex-wrap justify-end gap-2">
          <Button
            kind="danger"
            className="mr-auto"
            busy={change.isPending && change.variables === null}
            onClick={() => change.mutate(null)}
          >
            Take off all links
          </Button>
          <Button onClick={onClose}>Cancel</Button>
          <Button
            kind="primary"
            type="submit"
            busy={change.isPending && change.variables !== null}
            disabled={name.trim() === "" || name.trim() === tag}
          >
            Rename
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
