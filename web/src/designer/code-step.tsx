import { useState } from "react";
import { Textarea, TextInput, Title } from "@mantine/core";
import { Code } from "../parts/code";
import { shown } from "../parts/forms";
import { valueOf } from "../parts/parameters";
import { Pairs } from "../run/overview";
import { useText } from "../text/text";
import { linesOf, readLines } from "./code-arguments";
import { setSetting } from "./edits";
import { useStore } from "./store";
import type { Step } from "./types";
import { useView } from "./view";

/** What other parts of a step's form have. */
const ELSEWHERE = new Set(["component", "inputs", "run_after", "compute_target", "when", "allow_reuse", "arguments", "function"]);

type Props = { name: string; step: Step };

/** The form of a step that was made in code: what it runs is read, what it is given may be changed. */
export function CodeStep({ name, step }: Props) {
  const text = useText();
  const called = step.function as { language?: string; name?: string; code?: string } | undefined;
  const hasDelays = typeof step.retries === "object";
  const rest = Object.entries(step).filter(([key]) => !ELSEWHERE.has(key) && (key !== "retries" || hasDelays));
  const plain = rest.filter(([, value]) => typeof value !== "object");
  const nested = Object.fromEntries(rest.filter(([, value]) => typeof value === "object"));
  return (
    <>
      <Title order={3} size="sm">{text("designer.madeInCode")}</Title>
      <Pairs pairs={[...(called ? [["function", called.name]] : []), ...plain].map(([key, value]) => [String(key), shown(value)])} />
      {called?.code && <Code code={called.code} label={text("designer.code")} maxHeight={280} />}
      <Arguments key={`arguments ${name} ${JSON.stringify(step.arguments)}`} name={name} step={step} />
      {!hasDelays && <Retries key={`retries ${name} ${JSON.stringify(step.retries)}`} name={name} step={step} />}
      {Object.keys(nested).length > 0 && <Code code={JSON.stringify(nested, null, 2)} label={text("datasets.definition")} maxHeight={280} />}
    </>
  );
}

/** Those of a script in lines, those of a function by name. */
function Arguments({ name, step }: Props) {
  const text = useText();
  const store = useStore();
  const { mayEdit } = useView();
  const given = step.arguments;
  const [typed, setTyped] = useState(Array.isArray(given) ? linesOf(given) : "");
  const set = (value: unknown) => store.edit((draft) => setSetting(draft, name, "arguments", value));
  if (typeof step.function === "object") {
    return Object.entries((given ?? {}) as Record<string, unknown>).map(([key, value]) => (
      <Argument
        key={key} label={key} value={value} isReadOnly={!mayEdit}
        set={(next) => set({ ...(given as Record<string, unknown>), [key]: next })}
      />
    ));
  }
  if (given !== undefined && !Array.isArray(given)) return <Code code={JSON.stringify(given, null, 2)} label={text("designer.arguments")} />;
  const apply = () => {
    const lines = readLines(typed, given ?? []);
    if (linesOf(lines) !== linesOf(given ?? [])) set(lines.length ? lines : undefined);
  };
  return (
    <Textarea
      size="xs" autosize minRows={1} maxRows={10} label={text("designer.arguments")} description={text("designer.aboutArguments")}
      value={typed} readOnly={!mayEdit} onChange={(event) => setTyped(event.currentTarget.value)} onBlur={apply}
    />
  );
}

function Argument(props: { label: string; value: unknown; isReadOnly: boolean; set: (value: unknown) => void }) {
  const { label, value, isReadOnly, set } = props;
  const isText = typeof value === "string";
  const before = isText ? value : JSON.stringify(value);
  const [typed, setTyped] = useState(before);
  return (
    <TextInput
      size="xs" label={label} value={typed} readOnly={isReadOnly} onChange={(event) => setTyped(event.currentTarget.value)}
      onBlur={() => typed !== before && set(valueOf(typed, isText ? "string" : "json"))}
    />
  );
}

function Retries({ name, step }: Props) {
  const text = useText();
  const store = useStore();
  const { mayEdit } = useView();
  const before = step.retries === undefined ? "" : shown(step.retries);
  const [typed, setTyped] = useState(before);
  const apply = () => {
    if (!/^\d*$/.test(typed)) return setTyped(before);
    if (typed !== before) store.edit((draft) => setSetting(draft, name, "retries", typed === "" ? undefined : Number(typed)));
  };
  return (
    <TextInput
      size="xs" label={text("designer.retries")} placeholder="0" inputMode="numeric" value={typed} readOnly={!mayEdit}
      onChange={(event) => setTyped(event.currentTarget.value)} onBlur={apply}
    />
  );
}
