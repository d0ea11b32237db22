import { useEffect, useRef, useState, type SyntheticEvent } from "react";
import { IconButton } from "../ui/button.tsx";
import { clockOf } from "./labels.ts";

/**
 * Plays a sound beside its length. Browsers write recordings without saying how long they are, so
 * what the sender said of it is shown, and the sound is measured before one can move about in it.
 */
let playing: HTMLAudioElement | null = null;
/** Beyond the end of every recording: the browser reads on to the end, and then knows it. */
const beyondSeconds = 1e6;

type Props = {
  src: string;
  label: string;
  durationMs: number | undefined;
  /** What is played is gone, or cannot be played. */
  onFail: () => void;
};

export function VoicePlayer(props: Props) {
  const { src, label } = props;
  const sound = useSound(props);
  const { at, length, isPlaying } = sound;
  return (
    <div
      role="group"
      aria-label={length === null ? label : `${label}, ${clockOf(length)}`}
      className="flex w-60 max-w-full items-center gap-2"
    >
      <audio src={src} {...sound.audio}>
        <track kind="captions" />
      </audio>
      <IconButton
        icon={isPlaying ? "pause" : "play"}
        label={isPlaying ? "Pause" : "Play"}
        kind="plain"
        className="shrink-0 rounded-full"
        onClick={sound.toggle}
      />
      <input
        type="range"
        aria-label="Where in the recording"
        aria-valuetext={clockOf(at)}
        className="h-6 min-w-0 grow accent-accent"
        min={0}
        max={length ?? 0}
        step={0.1}
        value={Math.min(at, length ?? 0)}
        disabled={!sound.isMeasured}
        onChange={(event) => sound.moveTo(Number(event.target.value))}
      />
      <span className="w-9 shrink-0 text-right text-xs text-muted tabular-nums">
        {length === null || isPlaying || at > 0 ? clockOf(at) : clockOf(length)}
      </span>
    </div>
  );
}

function useSound({ durationMs, onFail }: Props) {
  const audio = useRef<HTMLAudioElement>(null);
  const [isPlaying, setPlaying] = useState(false);
  const [at, setAt] = useState(0);
  const [measured, setMeasured] = useState<number | null>(null);
  const told = durationMs !== undefined && durationMs > 0 ? durationMs / 1_000 : null;
  useEffect(() => {
    const element = audio.current;
    return () => {
      if (playing === element) playing = null;
    };
  }, []);

  const measure = ({ currentTarget: element }: SyntheticEvent<HTMLAudioElement>) => {
    if (element.duration === Infinity) element.currentTime = beyondSeconds;
    else if (Number.isFinite(element.duration)) {
      if (measured === null && element.currentTime >= element.duration) element.currentTime = 0;
      setMeasured(element.duration);
    }
  };
  return {
    at,
    isPlaying,
    isMeasured: measured !== null,
    length: measured ?? told,
    toggle() {
      const element = audio.current;
      if (!element) return;
      if (!element.paused) return element.pause();
      playing?.pause();
      playing = element;
      element.play().catch(onFail);
    },
    moveTo(seconds: number) {
      if (audio.current) audio.current.currentTime = seconds;
      setAt(seconds);
    },
    audio: {
      ref: audio,
      preload: told === null ? "metadata" : "none",
      onLoadedMetadata: measure,
      onDurationChange: measure,
      onTimeUpdate: ({ currentTarget }: SyntheticEvent<HTMLAudioElement>) =>
        setAt(currentTarget.currentTime),
      onPlay: () => setPlaying(true),
      onPause: () => setPlaying(false),
      onEnded: () => setAt(0),
      onError: onFail,
    },
  };
}
