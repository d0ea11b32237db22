import type { Compiled } from "./compile.ts";
import type { Subject } from "./subject.ts";

/** Which of some rules concern a caller. */
export type Asked = {
  compiled: Compiled;
  key: string;
  /** What it is charged, where that is not what the question says. */
  cost?: number;
};

export type Selection = {
  asked: Asked[];
  shadows: Asked[];
  /** Shadow rules that have the caller on their deny list. */
  shadowDenied: Asked[];
  /** The rule that has the caller on its deny list. */
  denied: Asked | null;
  /** A list lets the caller pass whatever the rules say. */
  exempt: boolean;
};

/** Which of the rules concern the caller, and by which key. A plain key stands for all of them. */
export function select(
  rules: readonly Compiled[],
  subject: Subject,
  plainKey: string | null = null,
): Selection {
  const selection: Selection = {
    asked: [],
    shadows: [],
    shadowDenied: [],
    denied: null,
    exempt: false,
  };
  for (const compiled of rules) {
    const { allow, deny, shadow } = compiled;
    const key = plainKey ?? compiled.keyOf(subject);
    if (deny !== null && deny(key, subject)) {
      const found = { compiled, key: key ?? subject.address ?? "" };
      if (!shadow) return { ...selection, denied: found };
      selection.shadowDenied.push(found);
    } else if (allow !== null && allow(key, subject)) {
      if (compiled.reading === null && !shadow) selection.exempt = true;
    } else if (compiled.reading !== null && key !== null) {
      (shadow ? selection.shadows : selection.asked).push({ compiled, key });
    }
  }
  return selection;
}
