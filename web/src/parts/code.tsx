import { useState } from "react";
import { ActionIcon, CopyButton, Group, SegmentedControl } from "@mantine/core";
import { useText } from "../text/text";
import { Icon } from "./icon";

const KEPT = "tandemlab-code";

/** Code to copy. */
export function Code({ code, label, maxHeight }: { code: string; label: string; maxHeight?: number }) {
  return (
    <div style={{ position: "relative", minWidth: 0 }} className="panel">
      <pre className="code" tabIndex={0} role="region" aria-label={label} style={{ maxHeight }}>{code}</pre>
      <div style={{ position: "absolute", insetBlockStart: 6, insetInlineEnd: 6 }}>
        <Copy value={code} />
      </div>
    </div>
  );
}

export function Copy({ value }: { value: string }) {
  const text = useText();
  return (
    <CopyButton value={value}>
      {({ copied, copy }) => (
        <ActionIcon variant="default" size="sm" onClick={copy} aria-label={text(copied ? "copied" : "copy")}>
          <Icon name={copied ? "check" : "copy"} size={14} />
        </ActionIcon>
      )}
    </CopyButton>
  );
}

/** The same in Python and in R; the language that was chosen last comes first. */
export function BothLanguages({ python, r, shell }: { python: string; r: string; shell?: string }) {
  const text = useText();
  const [kept, setKept] = useState(() => localStorage.getItem(KEPT) ?? "python");
  const codes: Record<string, string> = { python, r, ...(shell ? { shell } : {}) };
  const language = kept in codes ? kept : "python";
  const choose = (value: string) => {
    localStorage.setItem(KEPT, value);
    setKept(value);
  };
  const names = { python: "Python", r: "R", shell: text("code.shell") };
  return (
    <div style={{ minWidth: 0 }}>
      <Group mb={6}>
        <SegmentedControl
          size="xs"
          value={language}
          onChange={choose}
          aria-label={text("code.language")}
          data={Object.keys(codes).map((value) => ({ value, label: names[value as keyof typeof names] }))}
        />
      </Group>
      <Code code={codes[language] ?? ""} label={names[language as keyof typeof names]} />
    </div>
  );
}
