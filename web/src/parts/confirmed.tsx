import { useState } from "react";
import { Button, Text } from "@mantine/core";
import { useText } from "../text/text";
import { RowAct, RowActs } from "./table";

/** A button for what cannot be undone: it asks once more, in its place. */
export function Confirmed({ said, about, act }: { said: string; about: string; act: () => void }) {
  const text = useText();
  const [asks, setAsks] = useState(false);
  if (!asks) return <RowAct said={said} about={about} act={() => setAsks(true)} />;
  return (
    <RowActs>
      <Text size="xs">{text("settings.sure")}</Text>
      <Button size="compact-xs" color="red.9" autoFocus aria-label={`${text("yes")}, ${said}: ${about}`} onClick={act}>{said}</Button>
      <Button size="compact-xs" variant="default" onClick={() => setAsks(false)}>{text("no")}</Button>
    </RowActs>
  );
}
