import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { messageOf } from "../messages.ts";
import { stoa } from "../stoa.ts";
import { Button } from "../ui/button.tsx";
import { Card, Page } from "../ui/page.tsx";
import { toast } from "../ui/toast.tsx";
import { BulkForm } from "./bulk-form.tsx";
import { ImportForm } from "./import-form.tsx";
import { saveAs } from "./share-panel.tsx";

/** Many links at once: from lines, from a file, and out again. */
export function BulkPage() {
  const queries = useQueryClient();
  const done = () => void queries.invalidateQueries({ queryKey: ["links"] });
  return (
    <Page title="Bulk and import">
      <div className="flex flex-col gap-4">
        <BulkForm onDone={done} />
        <ImportForm onDone={done} />
        <ExportCard />
      </div>
    </Page>
  );
}

function ExportCard() {
  const [busy, setBusy] = useState(false);
  const download = async () => {
    setBusy(true);
    try {
      const response = await stoa.links.export();
      saveAs(await response.blob(), "stoa-links.csv");
    } catch (error) {
      toast(messageOf(error), "error");
    } finally {
      setBusy(false);
    }
  };
  return (
    <Card
      title="Export"
      note="All your links with their settings as CSV, which can be imported here again."
      actions={
        <Button icon="down" busy={busy} onClick={download}>
          Download CSV
        </Button>
      }
    >
      <p className="hint">Clicks are not part of it; they are read per link through the API.</p>
    </Card>
  );
}
