import type { Language } from "../text/text";
import type { Schema } from "../parts/schema";
import type { Component, Port } from "./types";

export type Translation = {
  categories: Record<string, string>;
  /** By name: the title, and what stands in the place of the first line of the description. */
  components: Record<string, { title: string; about: string }>;
  /** Of parameters, by name. */
  labels: Record<string, string>;
  /** What is said of parameters and ports, by what it is in their language. */
  texts: Record<string, string>;
};

/** What components are called in a language other than theirs; null where they have none. */
export async function translationOf(language: Language): Promise<Translation | null> {
  return language === "pt" ? (await import("../text/components.pt.json")).default : null;
}

/** A component as it is called in a language; it is still found by its own title. */
export function translated(component: Component, translation: Translation): Component {
  const { title, category, description, keywords } = component;
  const said = translation.components[component.name];
  const [, ...more] = description.split("\n");
  return {
    ...component,
    category: translation.categories[category] ?? category,
    ...(said && { title: said.title, keywords: [...keywords, title], description: [said.about, ...more].join("\n") }),
    inputs: component.inputs.map((port) => ofPort(port, translation)),
    outputs: component.outputs.map((port) => ofPort(port, translation)),
    schema: ofSchema(component.schema, translation),
  };
}

const ofPort = (port: Port, { texts }: Translation): Port => ({
  ...port, description: texts[port.description] ?? port.description,
});

function ofSchema(schema: Schema, translation: Translation): Schema {
  const { properties, $defs } = schema;
  return {
    ...schema,
    ...(properties && { properties: mapped(properties, (name, each) => ofProperty(name, each, translation)) }),
    ...($defs && { $defs: mapped($defs, (_, each) => ofSchema(each, translation)) }),
  };
}

function ofProperty(name: string, schema: Schema, { labels, texts }: Translation): Schema {
  const { description } = schema;
  return {
    ...schema,
    ...(labels[name] && { "x-label": labels[name] }),
    ...(description && { description: texts[description] ?? description }),
  };
}

const mapped = <Value>(from: Record<string, Value>, as: (name: string, value: Value) => Value): Record<string, Value> =>
  Object.fromEntries(Object.entries(from).map(([name, value]) => [name, as(name, value)]));
