import type { Call } from "./call.ts";

/** A command as a value. Parsing, help and the hints for typing mistakes are made from these. */
export type Flag = {
  /** What stands for its value in the help; without it the flag takes none. */
  takes?: string;
  says: string;
  many?: boolean;
};

export type Run = (call: Call) => Promise<number>;

export type Command = {
  /** One word, or a thing and what is done to it. */
  name: string;
  /** Positional arguments as the help shows them; optional ones in brackets. */
  takes?: string;
  says: string;
  flags?: Record<string, Flag>;
  examples?: string[];
  /** Ctrl-C is left to the command, which ends at a point where nothing is half done. */
  endsItself?: boolean;
  /** Called by Stoa itself and by nobody else: the overview leaves it out. */
  isInner?: boolean;
  load(): Promise<Run>;
};

export const json: Flag = { says: "Print the result as JSON." };
