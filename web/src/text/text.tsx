import { createContext, useContext, useEffect, useMemo, useState, type ReactNode } from "react";
import { en } from "./en";

export type Key = keyof typeof en;
export type Texts = Record<Key, string>;
export const LANGUAGES = { en: "English", pt: "Português" } as const;
export type Language = keyof typeof LANGUAGES;

type Values = Record<string, string | number>;
export type Text = {
  (key: Key, values?: Values): string;
  language: Language;
  /** The user's own, where it goes with the language: en-GB has other dates than en-US. */
  region: string;
  /** A time as people there write it. */
  when: (time: string | number | Date) => string;
  number: (value: number, options?: Intl.NumberFormatOptions) => string;
  /** "3 hours ago": made once, since making one costs more than all it writes. */
  relative: Intl.RelativeTimeFormat;
};

const KEPT = "tandemlab-language";

const Context = createContext<{ text: Text; setLanguage: (language: Language) => void } | null>(null);

function preferred(): Language {
  const kept = localStorage.getItem(KEPT) ?? navigator.language;
  return kept.startsWith("pt") ? "pt" : "en";
}

/** "{n} run | {n} runs": the first form is for one. */
export function filled(template: string, values: Values): string {
  const [one = "", other] = template.split(" | ");
  const form = other !== undefined && values.n !== 1 ? other : one;
  return form.replace(/\{(\w+)\}/g, (all, name: string) => String(values[name] ?? all));
}

export function made(texts: Texts, language: Language, region: string): Text {
  const times = new Intl.DateTimeFormat(region, { dateStyle: "medium", timeStyle: "short" });
  const text = (key: Key, values: Values = {}) => filled(texts[key], values);
  return Object.assign(text, {
    language,
    region,
    relative: new Intl.RelativeTimeFormat(region, { numeric: "auto" }),
    when: (time: string | number | Date) => times.format(new Date(time)),
    number: (value: number, options?: Intl.NumberFormatOptions) =>
      new Intl.NumberFormat(region, options).format(value),
  });
}

const regionOf = (language: Language): string =>
  navigator.languages.find((each) => each.startsWith(language)) ?? language;

export function TextProvider({ children }: { children: ReactNode }) {
  const [language, setLanguage] = useState(preferred);
  const [texts, setTexts] = useState<{ texts: Texts; language: Language } | null>(
    language === "en" ? { texts: en, language } : null,
  );
  useEffect(() => {
    document.documentElement.lang = language;
    localStorage.setItem(KEPT, language);
    const loaded = language === "en" ? Promise.resolve(en) : import("./pt").then(({ pt }) => pt);
    void loaded.then((texts) => setTexts({ texts, language }));
  }, [language]);
  const value = useMemo(
    () => texts && { text: made(texts.texts, texts.language, regionOf(texts.language)), setLanguage },
    [texts],
  );
  return value && <Context value={value}>{children}</Context>;
}

function useContextOfText() {
  const found = useContext(Context);
  if (found === null) throw new Error("There are no texts.");
  return found;
}

export const useText = (): Text => useContextOfText().text;

export function useLanguage(): [Language, (language: Language) => void] {
  const { text, setLanguage } = useContextOfText();
  return [text.language, setLanguage];
}
