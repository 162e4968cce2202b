import { useState } from "react";
import { ScrollArea, Stack, Text, TextInput } from "@mantine/core";
import { useText } from "../text/text";
import { addStep } from "./edits";
import { addSelected } from "./canvas";
import { freePlace } from "./layout";
import { useStore } from "./store";
import type { Component } from "./types";
import { useView } from "./view";

export const COMPONENT_TYPE = "application/x-tandemlab-component";

/** What can be put on the canvas: dragged there, or added by Enter or a click. */
export function Palette() {
  const text = useText();
  const store = useStore();
  const { components } = useView();
  const [wanted, setWanted] = useState("");
  const found = [...components.values()].filter((each) => matches(each, wanted));
  const categories = [...new Set(found.map(({ category }) => category))];
  const add = (component: Component) => addSelected(store, (draft) => addStep(draft, component, freePlace(draft)));
  return (
    <Stack className="palette" gap={6} component="section" aria-label={text("designer.components")}>
      <TextInput
        size="xs" type="search" aria-label={text("designer.find")} placeholder={text("designer.find")} value={wanted}
        onChange={({ currentTarget: { value } }) => setWanted(value)}
        onKeyDown={(event) => {
          const [first] = found;
          if (event.key === "Enter" && wanted && first) add(first);
        }}
      />
      <ScrollArea style={{ flex: 1 }} type="auto" offsetScrollbars="y">
        {categories.map((category) => (
          <section key={category} aria-label={category}>
            <Text size="xs" fw={650} c="dimmed" mt={8} mb={2}>{category}</Text>
            {found.filter((each) => each.category === category).map((component) => (
              <button
                key={component.name} type="button" className="component" draggable title={firstLine(component.description)}
                onClick={() => add(component)}
                onDragStart={(event) => {
                  event.dataTransfer.setData(COMPONENT_TYPE, component.name);
                  event.dataTransfer.effectAllowed = "copy";
                }}
              >
                {component.title}
              </button>
            ))}
          </section>
        ))}
        {found.length === 0 && <Text size="sm" c="dimmed">{text("designer.noneFound")}</Text>}
      </ScrollArea>
    </Stack>
  );
}

const firstLine = (description: string): string => description.split("\n", 1)[0] ?? "";

/** Whether all words are in what is said of a component. */
export function matches({ name, title, category, keywords }: Component, wanted: string): boolean {
  const said = [name, title, category, ...keywords].join(" ").toLowerCase();
  return wanted.toLowerCase().split(/\s+/).every((word) => said.includes(word));
}
