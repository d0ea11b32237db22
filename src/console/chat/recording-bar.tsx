import { useEffect, useRef } from "react";
import { Button, IconButton, Spinner } from "../ui/button.tsx";
import { clockOf } from "./labels.ts";
import type { Recorder } from "./use-recorder.ts";

/** Stands where one writes while one speaks. Escape throws away what was said. */
export function RecordingBar({ recorder }: { recorder: Recorder }) {
  const done = useRef<HTMLDivElement>(null);
  const isAsking = recorder.phase === "asking";
  useEffect(() => {
    if (!isAsking) done.current?.querySelector<HTMLElement>("[data-done]")?.focus();
  }, [isAsking]);
  if (isAsking) {
    return (
      <p role="status" className="flex min-h-9 items-center gap-2 px-2 text-muted">
        <Spinner />
        Allow the microphone to record a voice message.
      </p>
    );
  }
  return (
    <div
      ref={done}
      role="group"
      aria-label="Recording"
      className="flex min-h-9 items-center gap-2"
      onKeyDown={(event) => {
        if (event.key !== "Escape") return;
        event.preventDefault();
        recorder.cancel();
      }}
    >
      <IconButton icon="trash" label="Throw the recording away" onClick={recorder.cancel} />
      <span aria-hidden="true" className="size-2.5 shrink-0 animate-pulse rounded-full bg-danger" />
      <span role="timer" className="grow tabular-nums">
        {clockOf(recorder.seconds)}
      </span>
      <Button kind="primary" icon="check" data-done onClick={recorder.finish}>
        Stop
      </Button>
    </div>
  );
}

/** Says why nothing is recorded until somebody has read it. */
export function RecordingRefused({ recorder }: { recorder: Recorder }) {
  if (recorder.error === null) return null;
  return (
    <div
      role="alert"
      className="mb-2 flex items-center gap-2 rounded-md bg-danger-soft py-1 pr-1 pl-2.5 text-[0.8125rem] text-danger"
    >
      <span className="min-w-0 grow">{recorder.error}</span>
      <Button icon="retry" onClick={recorder.start}>
        Try again
      </Button>
      <IconButton icon="close" label="Dismiss" onClick={recorder.forgive} />
    </div>
  );
}
