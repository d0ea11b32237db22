/** The kinds of settings, each parsed from one environment variable with a named error. */
export type Setting<T> = {
  env: string;
  fallback: T;
  doc: string;
  /** What a value may look like, for the documentation and the error message. */
  expects: string;
  secret: boolean;
  parse(text: string): T | undefined;
};

type Extra = { secret?: boolean };

export function text(env: string, fallback: string, doc: string, extra: Extra = {}) {
  return setting<string>(env, fallback, doc, "text", (t) => t, extra);
}

export function oneOf<const T extends string>(
  env: string,
  fallback: NoInfer<T>,
  options: readonly T[],
  doc: string,
) {
  return setting<T>(env, fallback, doc, options.join(" | "), (t) => options.find((o) => o === t));
}

export function flag(env: string, fallback: boolean, doc: string) {
  return setting<boolean>(env, fallback, doc, "true | false", (t) =>
    ["true", "1", "yes", "on"].includes(t.toLowerCase())
      ? true
      : ["false", "0", "no", "off"].includes(t.toLowerCase())
        ? false
        : undefined,
  );
}

export function int(
  env: string,
  fallback: number,
  range: { min: number; max: number },
  doc: string,
) {
  return setting<number>(env, fallback, doc, `integer ${range.min}..${range.max}`, (t) => {
    const value = Number(t);
    const ok = /^-?\d+$/.test(t) && value >= range.min && value <= range.max;
    return ok ? value : undefined;
  });
}

export function list(env: string, fallback: string[], doc: string, extra: Extra = {}) {
  const parse = (t: string) =>
    t
      .split(",")
      .map((item) => item.trim())
      .filter((item) => item !== "");
  return setting<string[]>(env, fallback, doc, "comma-separated list", parse, extra);
}

export function url(env: string, fallback: string, doc: string, extra: Extra = {}) {
  return setting<string>(
    env,
    fallback,
    doc,
    "URL",
    (t) => (URL.canParse(t) ? t : undefined),
    extra,
  );
}

function setting<T>(
  env: string,
  fallback: T,
  doc: string,
  expects: string,
  parse: (text: string) => T | undefined,
  extra: Extra = {},
): Setting<T> {
  return { env, fallback, doc, expects, parse, secret: extra.secret ?? false };
}
