import { useRef, useState, type FormEvent } from "react";
import type { BulkResult } from "../../../sdk/types.ts";
import { messageOf, plural } from "../messages.ts";
import { stoa } from "../stoa.ts";
import { Button, CopyButton } from "../ui/button.tsx";
import { TextArea } from "../ui/field.tsx";
import { Card } from "../ui/page.tsx";
import { Progress } from "../ui/progress.tsx";
import { linesOf, type Line } from "./link-text.ts";
import { RowErrors } from "./row-errors.tsx";

/** One link per line. Sent in parts, so that the bar tells the truth and a stop loses little. */
const linesPerCall = 100;

type Row = { row: number; short_url?: string; message?: string };

function useBulk(onDone: () => void) {
  const [rows, setRows] = useState<Row[]>([]);
  const [progress, setProgress] = useState<{ done: number; of: number } | null>(null);
  const [failure, setFailure] = useState("");
  const controller = useRef(new AbortController());

  /** Whether all lines were sent. */
  const shorten = async (lines: Line[]): Promise<boolean> => {
    controller.current = new AbortController();
    const { signal } = controller.current;
    setRows([]);
    setFailure("");
    setProgress({ done: 0, of: lines.length });
    try {
      for (let i = 0; i < lines.length; i += linesPerCall) {
        const part = lines.slice(i, i + linesPerCall);
        const links = part.map(({ link }) => link);
        const { results } = await stoa.links.bulk(links, { signal });
        const made = part.map(({ line }, n) => rowOf(line, results[n] as BulkResult));
        setRows((before) => [...before, ...made]);
        setProgress({ done: i + part.length, of: lines.length });
      }
      return true;
    } catch (error) {
      setFailure(signal.aborted ? "Stopped. What was made before stays." : messageOf(error));
      setProgress(null);
      return false;
    } finally {
      onDone();
    }
  };
  const running = progress !== null && progress.done < progress.of;
  const stop = () => controller.current.abort();
  return { rows, progress, failure, running, shorten, stop };
}

export function BulkForm(props: { onDone: () => void }) {
  const [text, setText] = useState("");
  const { rows, progress, failure, running, shorten, stop } = useBulk(props.onDone);
  const lines = linesOf(text);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (lines.length > 0 && !running && (await shorten(lines))) setText("");
  };
  const failed = rows.flatMap(({ row, message }) => (message ? [{ row, message }] : []));
  const made = rows.flatMap((row) => row.short_url ?? []);
  return (
    <Card
      title="Many links at once"
      note="One URL per line. After a comma: an alias, then tags with semicolons between them."
    >
      <form onSubmit={submit} className="flex flex-col gap-3">
        <TextArea
          label="URLs"
          hideLabel
          rows={6}
          spellCheck={false}
          placeholder={"https://example.com/a\nhttps://example.com/b, spring-sale, mail;spring"}
          className="font-mono text-xs"
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
        <div className="flex flex-wrap items-center gap-2">
          <Button kind="primary" type="submit" busy={running} disabled={lines.length === 0}>
            Shorten {plural(lines.length, "URL")}
          </Button>
          {running && <Button onClick={stop}>Stop</Button>}
          {made.length > 0 && (
            <CopyButton
              text={made.join("\n")}
              what="Short links"
              label={`Copy ${plural(made.length, "short link")}`}
            />
          )}
        </div>
      </form>
      {progress && <Progress label="Shortening" done={progress.done} of={progress.of} />}
      {failure && (
        <p role="alert" className="mt-3 text-danger">
          {failure}
        </p>
      )}
      {failed.length > 0 && <RowErrors rows={failed} />}
    </Card>
  );
}

function rowOf(row: number, result: BulkResult): Row {
  return "link" in result
    ? { row, short_url: result.link.short_url }
    : { row, message: result.detail };
}
