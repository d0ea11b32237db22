import { useRef, useState, type DragEvent } from "react";
import { messageOf, plural } from "../messages.ts";
import { stoa } from "../stoa.ts";
import { Button } from "../ui/button.tsx";
import { Checkbox } from "../ui/field.tsx";
import { Card, Notice } from "../ui/page.tsx";
import { Progress } from "../ui/progress.tsx";
import { countRows } from "./csv-rows.ts";
import { RowErrors } from "./row-errors.tsx";

/** CSV as Stoa, Bitly, Kutt, YOURLS or Shlink wrote it. */
type Outcome = Awaited<ReturnType<typeof stoa.links.import>>;

const names = {
  stoa: "Stoa",
  bitly: "Bitly",
  kutt: "Kutt",
  yourls: "YOURLS",
  shlink: "Shlink",
};

function useImport(onDone: () => void) {
  const [progress, setProgress] = useState<{ done: number; of: number } | null>(null);
  const [outcome, setOutcome] = useState<(Outcome & { dryRun: boolean }) | null>(null);
  const [failure, setFailure] = useState("");

  const read = async (file: File, dryRun: boolean) => {
    setFailure("");
    setOutcome(null);
    const of = countRows(await file.text());
    setProgress({ done: 0, of });
    try {
      const onProgress = ({ rows }: { rows: number }) => setProgress({ done: rows, of });
      setOutcome({ ...(await stoa.links.import(file, { dryRun, onProgress })), dryRun });
      setProgress({ done: of, of });
    } catch (error) {
      setFailure(messageOf(error));
      setProgress(null);
    }
    onDone();
  };
  const running = progress !== null && outcome === null;
  return { progress, outcome, failure, running, read };
}

export function ImportForm(props: { onDone: () => void }) {
  const { progress, outcome, failure, running, read } = useImport(props.onDone);
  const [dryRun, setDryRun] = useState(false);
  return (
    <Card
      title="Import"
      note={
        "CSV that Stoa, Bitly, Kutt, YOURLS or Shlink exported is read as it is. " +
        "Importing a file again skips what is there already."
      }
    >
      <DropZone busy={running} onFile={(file) => void read(file, dryRun)} />
      <div className="mt-3">
        <Checkbox
          label="Only check the file"
          hint="Says what would happen and changes nothing."
          checked={dryRun}
          onChange={(event) => setDryRun(event.target.checked)}
        />
      </div>
      {progress && <Progress label="Importing" {...progress} />}
      {failure && (
        <p role="alert" className="mt-3 text-danger">
          {failure}
        </p>
      )}
      {outcome && (
        <div className="mt-3" aria-live="polite" data-import-done>
          <Notice>
            Read as {names[outcome.format]}: {plural(outcome.created, "link")}{" "}
            {outcome.dryRun ? "would be made" : "made"}, {outcome.skipped.toLocaleString("en")}{" "}
            skipped, {plural(outcome.errors.length, "remark")}.
          </Notice>
          {outcome.errors.length > 0 && <RowErrors rows={outcome.errors} />}
        </div>
      )}
    </Card>
  );
}

function DropZone(props: { busy: boolean; onFile: (file: File) => void }) {
  const [over, setOver] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  const choose = (files: FileList | null) => {
    const file = files?.[0];
    if (file && !props.busy) props.onFile(file);
    if (input.current) input.current.value = "";
  };
  const drop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    choose(event.dataTransfer.files);
  };
  const drag = (event: DragEvent) => {
    event.preventDefault();
    setOver(true);
  };
  return (
    <div
      onDragOver={drag}
      onDragLeave={() => setOver(false)}
      onDrop={drop}
      className={`drop-zone ${over ? "border-accent bg-accent-soft" : "border-line-strong/60"}`}
    >
      <p className="text-muted">Drop a CSV file here, or</p>
      <Button icon="bulk" busy={props.busy} onClick={() => input.current?.click()}>
        Choose a file
      </Button>
      <input
        ref={input}
        type="file"
        accept=".csv,text/csv"
        aria-label="CSV file"
        tabIndex={-1}
        className="sr-only"
        onChange={(event) => choose(event.target.files)}
      />
    </div>
  );
}
