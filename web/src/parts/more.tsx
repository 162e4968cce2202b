import type { ReactNode } from "react";
import { Stack } from "@mantine/core";
import { useText } from "../text/text";

/** What few people set, folded until they ask for it. */
export function More({ children }: { children: ReactNode }) {
  const text = useText();
  return (
    <details className="more">
      <summary>{text("more.settings")}</summary>
      <Stack gap="sm" mt="xs">{children}</Stack>
    </details>
  );
}
