import { useState } from "react";
import { SearchField } from "../ui/search-field.tsx";
import { FoundMessages } from "./found-messages.tsx";
import { isOverMessages, SidePanel } from "./panel.tsx";

/** Finds words in one conversation; a message that was found is shown among those around it. */
export function SearchPanel(props: { id: string; onClose: () => void }) {
  const [q, setQ] = useState("");
  return (
    <SidePanel title="Search" onClose={props.onClose}>
      <div className="flex p-3">
        <SearchField
          label="Search this conversation"
          placeholder="Words"
          focus
          value={q}
          onChange={setQ}
        />
      </div>
      <div className="min-h-0 grow overflow-y-auto px-1.5 pb-4">
        {q !== "" && (
          <FoundMessages
            q={q}
            conversationId={props.id}
            onGo={() => {
              if (isOverMessages()) props.onClose();
            }}
          />
        )}
      </div>
    </SidePanel>
  );
}
