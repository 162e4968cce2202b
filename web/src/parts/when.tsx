import { useEffect, useState } from "react";
import { useText } from "../text/text";
import { duration } from "./forms";

const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];

/** How long ago it was, or how long until then; the whole time is its title. */
export function When({ time }: { time: string | number }) {
  const text = useText();
  const now = useNow(20_000);
  const seconds = (new Date(time).getTime() - now) / 1000;
  const [unit, length] = STEPS.find(([, each]) => Math.abs(seconds) >= each) ?? ["second", 1];
  const said = Math.abs(seconds) > 30 * 86_400
    ? text.when(time)
    : text.relative.format(unit === "second" ? 0 : Math.round(seconds / length), unit);
  return (
    <time dateTime={new Date(time).toISOString()} title={text.when(time)}>
      {said}
    </time>
  );
}

/** How long something took, or has taken until now. */
export function Elapsed({ from, to }: { from?: string | null; to?: string | null }) {
  const now = useNow(to ? null : 1_000);
  if (!from) return "–";
  const end = to ? new Date(to).getTime() : now;
  return <span className="numbers">{duration(Math.max(0, (end - new Date(from).getTime()) / 1000))}</span>;
}

function useNow(every: number | null): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (every === null) return;
    const timer = setInterval(() => setNow(Date.now()), every);
    return () => clearInterval(timer);
  }, [every]);
  return now;
}
