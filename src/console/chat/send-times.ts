/** Times to send something at, as a person at a clock of their own thinks of them. */
const hourMs = 3_600_000;
const morningHour = 9;
const monday = 1;

/** What a `datetime-local` field holds: the local time, without a zone. */
export function fieldTime(ms: number): string {
  const time = new Date(ms);
  const two = (n: number) => String(n).padStart(2, "0");
  const day = [time.getFullYear(), two(time.getMonth() + 1), two(time.getDate())].join("-");
  return `${day}T${two(time.getHours())}:${two(time.getMinutes())}`;
}

/** In an hour, tomorrow morning, and Monday morning where that is another day. */
export function usualTimes(now: number): { label: string; at: number }[] {
  const tomorrow = morningAfter(now, 1);
  const untilMonday = (monday - new Date(now).getDay() + 7) % 7 || 7;
  const nextMonday = morningAfter(now, untilMonday);
  const times = [
    { label: "In an hour", at: now + hourMs },
    { label: "Tomorrow morning", at: tomorrow },
  ];
  if (nextMonday !== tomorrow) times.push({ label: "Monday morning", at: nextMonday });
  return times;
}

/** By the calendar, so that an hour more or less in between does not show. */
function morningAfter(now: number, days: number): number {
  const time = new Date(now);
  return new Date(
    time.getFullYear(),
    time.getMonth(),
    time.getDate() + days,
    morningHour,
  ).getTime();
}
