/** What the doctor found about one thing. */
export type Finding = {
  check: string;
  status: "ok" | "warn" | "fail";
  found: string;
  /** What to do; on everything that is not ok. */
  remedy?: string;
};

export const sound = (check: string, found: string): Finding => ({ check, status: "ok", found });
export const warn = (check: string, found: string, remedy: string): Finding => ({
  ...{ check, status: "warn", found, remedy },
});
export const fail = (check: string, found: string, remedy: string): Finding => ({
  ...{ check, status: "fail", found, remedy },
});
