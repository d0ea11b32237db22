import { useEffect, useRef, useState } from "react";

/** Records what is said into the microphone, for as long as somebody wants it to. */
export type Recording = { file: File; duration_ms: number };

type Running = {
  recorder: MediaRecorder;
  stream: MediaStream;
  startedAt: number;
  /** Whether what was said is wanted. */
  keep: boolean;
};

/** Longer ones end by themselves and are kept. */
const recordingMsMax = 15 * 60_000;
/** Speech is clear at this, and a minute of it weighs 240 kB. */
const bitsPerSecond = 32_000;
/** What browsers write and the server knows, the smallest first. */
const types = [
  { type: "audio/webm;codecs=opus", ending: "webm" },
  { type: "audio/ogg;codecs=opus", ending: "ogg" },
  { type: "audio/mp4", ending: "m4a" },
];

export type Recorder = ReturnType<typeof useRecorder>;

export function useRecorder(onDone: (recording: Recording) => void) {
  const [phase, setPhase] = useState<"idle" | "asking" | "recording">("idle");
  const [error, setError] = useState<string | null>(null);
  const running = useRef<Running | null>(null);
  const isHere = useRef(true);
  useEffect(() => {
    isHere.current = true;
    return () => {
      isHere.current = false;
      end(running.current, false);
    };
  }, []);
  const seconds = useSeconds(phase === "recording", () => end(running.current, true));

  async function start(): Promise<void> {
    const form = types.find(({ type }) => globalThis.MediaRecorder?.isTypeSupported(type));
    setError(null);
    if (!form || !navigator.mediaDevices) return setError(cannot);
    setPhase("asking");
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
      if (!isHere.current) return release(stream);
      record(stream, form);
    } catch (refusal) {
      setPhase("idle");
      setError(refusalText(refusal));
    }
  }

  function record(stream: MediaStream, { type, ending }: (typeof types)[number]): void {
    const chunks: Blob[] = [];
    const recorder = new MediaRecorder(stream, {
      mimeType: type,
      audioBitsPerSecond: bitsPerSecond,
    });
    const own: Running = { recorder, stream, startedAt: Date.now(), keep: true };
    recorder.addEventListener("dataavailable", ({ data }) => chunks.push(data));
    recorder.addEventListener("stop", () => {
      release(stream);
      running.current = null;
      const duration_ms = Date.now() - own.startedAt;
      const [essence = ""] = type.split(";");
      const file = new File(chunks, `Voice message.${ending}`, { type: essence });
      if (!isHere.current) return;
      setPhase("idle");
      if (own.keep && file.size > 0) onDone({ file, duration_ms });
    });
    recorder.start();
    running.current = own;
    setPhase("recording");
  }

  return {
    phase,
    seconds,
    error,
    start: () => void start(),
    finish: () => end(running.current, true),
    cancel: () => end(running.current, false),
    forgive: () => setError(null),
  };
}

/** How long it has been going on; it ends by itself. */
function useSeconds(isOn: boolean, onEnd: () => void): number {
  const [seconds, setSeconds] = useState(0);
  const stop = useRef(onEnd);
  useEffect(() => {
    stop.current = onEnd;
  });
  useEffect(() => {
    if (!isOn) return;
    const startedAt = Date.now();
    const timer = setInterval(() => {
      const ms = Date.now() - startedAt;
      setSeconds(Math.floor(ms / 1_000));
      if (ms >= recordingMsMax) stop.current();
    }, 250);
    return () => {
      clearInterval(timer);
      setSeconds(0);
    };
  }, [isOn]);
  return seconds;
}

function end(running: Running | null, keep: boolean): void {
  if (running?.recorder.state !== "recording") return;
  running.keep = keep;
  running.recorder.stop();
}

/** The browser shows that it listens until this is done. */
function release(stream: MediaStream): void {
  for (const track of stream.getTracks()) track.stop();
}

const cannot =
  "This browser cannot record here. It records over HTTPS only; a sound file can be attached.";

/** Source: https://w3c.github.io/mediacapture-main/#dom-mediadevices-getusermedia */
function refusalText(refusal: unknown): string {
  switch (refusal instanceof Error ? refusal.name : "") {
    case "NotAllowedError":
    case "SecurityError":
      return "The browser may not use the microphone. Allow it for this site, then try again.";
    case "NotFoundError":
    case "OverconstrainedError":
      return "No microphone was found. Connect one, then try again.";
    case "NotReadableError":
    case "AbortError":
      return "The microphone does not answer. Another program may be using it.";
    default:
      return cannot;
  }
}
