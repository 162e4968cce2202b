/** A list of states, of which one is the present. */
export type History<T> = {
  past: readonly T[];
  present: T;
  future: readonly T[];
  /** What the last change was of: changes of the same thing are undone together. */
  subject: string | null;
};

const MOST = 200;

export const begun = <T>(present: T): History<T> => ({ past: [], present, future: [], subject: null });

export function changed<T>(history: History<T>, present: T, subject: string | null = null): History<T> {
  if (present === history.present) return history;
  const goesOn = subject !== null && subject === history.subject;
  const past = goesOn ? history.past : [...history.past, history.present].slice(-MOST);
  return { past, present, future: [], subject };
}

export function undone<T>({ past, present, future, ...rest }: History<T>): History<T> {
  const [before] = past.slice(-1);
  if (before === undefined) return { past, present, future, ...rest };
  return { past: past.slice(0, -1), present: before, future: [present, ...future], subject: null };
}

export function redone<T>({ past, present, future, ...rest }: History<T>): History<T> {
  const [after, ...more] = future;
  if (after === undefined) return { past, present, future, ...rest };
  return { past: [...past, present], present: after, future: more, subject: null };
}
