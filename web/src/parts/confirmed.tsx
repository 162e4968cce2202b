import { useState } from "react";
import { Button, Text } from "@mantine/core";
import { useText } from "../text/text";
import { RowAct, RowActs } from "./table";

/** A button for what cannot be undone: it asks once more, in its place. */
export function Confirmed({ said, about, act }: { said: string; about: string; act: () => void }) {
  const text = useText();
  const [state, setState] = useState<"idle" | "asking" | "left">("idle");
  const leave = () => setState("left");
  if (state !== "asking") return <RowAct said={said} about={about} isFocused={state === "left"} act={() => setState("asking")} />;
  return (
    <div onKeyDown={(event) => event.key === "Escape" && leave()}>
      <RowActs>
        <Text size="xs">{text("settings.sure")}</Text>
        <Button size="compact-xs" color="red.9" autoFocus aria-label={`${text("yes")}, ${said}: ${about}`} onClick={act}>{said}</Button>
        <Button size="compact-xs" variant="default" onClick={leave}>{text("no")}</Button>
      </RowActs>
    </div>
  );
}
