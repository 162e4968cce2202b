import type { Language } from "../text/text";
import type { Component } from "./types";

export type Translation = {
  categories: Record<string, string>;
  /** By name: the title, and what stands in the place of the first line of the description. */
  components: Record<string, { title: string; about: string }>;
};

/** What components are called in a language other than theirs; null where they have none. */
export async function translationOf(language: Language): Promise<Translation | null> {
  return language === "pt" ? (await import("../text/components.pt.json")).default : null;
}

/** A component as it is called in a language; it is still found by its own title. */
export function translated(component: Component, { categories, components }: Translation): Component {
  const { title, category, description, keywords } = component;
  const said = components[component.name];
  const [, ...more] = description.split("\n");
  return {
    ...component,
    category: categories[category] ?? category,
    ...(said && { title: said.title, keywords: [...keywords, title], description: [said.about, ...more].join("\n") }),
  };
}
