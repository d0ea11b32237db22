import { useState } from "react";
import { Button } from "../ui/button.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { toast } from "../ui/toast.tsx";
import { useChat } from "./use-chat.ts";

/** Whether others are told that one is there. */
export function StatusDialog(props: { onClose: () => void }) {
  const chat = useChat();
  const [chosen, setChosen] = useState<"active" | "away" | "invisible" | null>(null);
  const choose = (status: "active" | "away" | "invisible") => {
    chat.setStatus(status);
    setChosen(status);
    toast(status === "invisible" ? "Nobody sees you online" : "Saved");
    props.onClose();
  };
  return (
    <Dialog title="Who sees you online" onClose={props.onClose}>
      <p className="mb-4 text-muted">
        People you have conversations with see whether you are online and when you were last here.
        Invisible holds on all your devices until you show yourself again.
      </p>
      <div className="flex flex-wrap gap-2">
        <Button aria-pressed={chosen === "active"} onClick={() => choose("active")}>
          Show me
        </Button>
        <Button aria-pressed={chosen === "away"} onClick={() => choose("away")}>
          Show me as away
        </Button>
        <Button aria-pressed={chosen === "invisible"} onClick={() => choose("invisible")}>
          Be invisible
        </Button>
      </div>
    </Dialog>
  );
}
