import { useState } from "react";
import type { ConversationClient } from "../../../sdk/chat/client.ts";
import type { ChatMember } from "../../../sdk/chat/frames.ts";
import type { ConversationSnapshot, ConversationSummary } from "../../../sdk/chat/view.ts";
import { plural } from "../messages.ts";
import { Button } from "../ui/button.tsx";
import { Confirm, Dialog } from "../ui/dialog.tsx";
import { Menu, type MenuItem } from "../ui/menu.tsx";
import { Badge } from "../ui/page.tsx";
import { attempt } from "./attempt.ts";
import { Avatar } from "./avatar.tsx";
import { PeopleField, type Person } from "./people-field.tsx";

/** Who is in it, and what those who run it may do about that. */
type Props = {
  room: ConversationClient;
  snapshot: ConversationSnapshot;
  summary: ConversationSummary;
  me: string;
};

const rank = { member: 0, admin: 1, owner: 2 } as const;
const shownStep = 50;

export function MemberList({ room, snapshot, summary, me }: Props) {
  const [adding, setAdding] = useState(false);
  const [removing, setRemoving] = useState<ChatMember | null>(null);
  const [max, setMax] = useState(shownStep);
  const { own, conversation } = summary;
  const members = (snapshot.members ?? [])
    .filter((member) => member.left_at === null)
    .toSorted((a, b) => rank[b.role] - rank[a.role] || a.name.localeCompare(b.name));
  return (
    <section aria-label="Members">
      <div className="mb-2 flex items-center justify-between gap-2">
        <h3 className="text-sm font-semibold">{plural(conversation.member_count, "member")}</h3>
        {own.role !== "member" && (
          <Button icon="plus" onClick={() => setAdding(true)}>
            Add people
          </Button>
        )}
      </div>
      <ul>
        {members.slice(0, max).map((member) => (
          <li key={member.account_id} className="flex min-h-11 items-center gap-3">
            <Avatar name={member.name} small />
            <span className="min-w-0 grow truncate">
              {member.name}
              {member.account_id === me && <span className="text-muted"> (you)</span>}
            </span>
            {member.role !== "member" && <Badge kind="good">{member.role}</Badge>}
            <MemberMenu {...{ room, member, role: own.role, me }} onRemove={setRemoving} />
          </li>
        ))}
      </ul>
      {members.length > max && <Button onClick={() => setMax(max + shownStep)}>Show more</Button>}
      {adding && <AddPeople room={room} members={members} onClose={() => setAdding(false)} />}
      {removing && (
        <Confirm
          title={`Remove ${removing.name}?`}
          action="Remove"
          keep="Cancel"
          onClose={() => setRemoving(null)}
          onConfirm={async () => {
            if (!(await attempt(room.removeMember(removing.account_id), "Removed"))) {
              throw new Error("not removed");
            }
          }}
        >
          They hear nothing from then on, and what was said stays.
        </Confirm>
      )}
    </section>
  );
}

function MemberMenu(props: {
  room: ConversationClient;
  member: ChatMember;
  role: ChatMember["role"];
  me: string;
  onRemove: (member: ChatMember) => void;
}) {
  const { room, member, role, me } = props;
  if (member.account_id === me || role === "member") return null;
  const become = (next: ChatMember["role"]) => () =>
    void attempt(room.setRole(member.account_id, next), "Saved");
  const items: MenuItem[] = [];
  if (role === "owner") {
    for (const next of ["owner", "admin", "member"] as const) {
      if (next === member.role) continue;
      const article = next === "member" ? "a" : "an";
      items.push({ label: `Make ${article} ${next}`, icon: "shield", onChoose: become(next) });
    }
  }
  if (rank[role] > rank[member.role]) {
    const onChoose = () => props.onRemove(member);
    items.push({ label: "Remove", icon: "trash", danger: true, onChoose });
  }
  if (items.length === 0) return null;
  return <Menu label={`Actions for ${member.name}`} icon="more" items={items} />;
}

function AddPeople(props: {
  room: ConversationClient;
  members: readonly ChatMember[];
  onClose: () => void;
}) {
  const { room, members, onClose } = props;
  const [people, setPeople] = useState<Person[]>([]);
  const [busy, setBusy] = useState(false);
  const add = async () => {
    setBusy(true);
    const ids = people.map((one) => one.account_id);
    if (await attempt(room.addMembers(ids), `${plural(ids.length, "person", "people")} added`)) {
      onClose();
    } else setBusy(false);
  };
  return (
    <Dialog title="Add people" onClose={onClose}>
      <PeopleField
        label="Who"
        chosen={people}
        without={new Set(members.map((one) => one.account_id))}
        onChange={setPeople}
      />
      <div className="mt-5 flex justify-end gap-2">
        <Button onClick={onClose}>Cancel</Button>
        <Button kind="primary" busy={busy} disabled={people.length === 0} onClick={add}>
          Add
        </Button>
      </div>
    </Dialog>
  );
}
