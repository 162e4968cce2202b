import { useEffect, useRef, type CSSProperties } from "react";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { python } from "@codemirror/lang-python";
import { sql } from "@codemirror/lang-sql";
import { bracketMatching, HighlightStyle, indentOnInput, indentUnit, StreamLanguage, syntaxHighlighting } from "@codemirror/language";
import { r } from "@codemirror/legacy-modes/mode/r";
import { EditorState, type Extension } from "@codemirror/state";
import { drawSelection, EditorView, highlightActiveLine, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { getNonce } from "get-nonce";

const LANGUAGES: Record<string, () => Extension> = {
  python: () => [python(), indentUnit.of("    ")],
  r: () => [StreamLanguage.define(r), indentUnit.of("  ")],
  sql: () => [sql(), indentUnit.of("  ")],
};

/** The colours are variables, so that they follow the scheme. */
const HIGHLIGHT = HighlightStyle.define([
  { tag: [tags.keyword, tags.controlKeyword, tags.operatorKeyword, tags.definitionKeyword, tags.moduleKeyword], color: "var(--code-keyword)" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--code-string)" },
  { tag: [tags.number, tags.bool, tags.null, tags.atom], color: "var(--code-number)" },
  { tag: [tags.comment, tags.lineComment, tags.blockComment], color: "var(--mantine-color-dimmed)", fontStyle: "italic" },
  { tag: [tags.function(tags.variableName), tags.function(tags.definition(tags.variableName)), tags.className], color: "var(--code-function)" },
]);

const THEME = EditorView.theme({
  "&": { fontSize: "0.8125rem", backgroundColor: "var(--studio-panel)" },
  "&.cm-focused": { outline: "2px solid var(--mantine-color-anchor)" },
  ".cm-scroller": { fontFamily: "var(--mantine-font-family-monospace)", lineHeight: "1.5" },
  ".cm-gutters": { backgroundColor: "var(--studio-ground)", color: "var(--mantine-color-dimmed)", border: "none" },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "color-mix(in srgb, var(--mantine-color-anchor) 8%, transparent)" },
  ".cm-content": { caretColor: "var(--mantine-color-text)" },
  ".cm-cursor": { borderLeftColor: "var(--mantine-color-text)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": {
    background: "color-mix(in srgb, var(--mantine-color-anchor) 30%, transparent)",
  },
});

type Props = {
  label: string;
  language: string;
  value: string;
  maxHeight?: string;
  /** Without it the code is only shown. */
  onChange?: ((value: string) => void) | undefined;
};

/** Code with highlighting. Tab indents, as in other editors; Escape and then Tab leaves. */
export default function Editor({ label, language, value, maxHeight = "20rem", onChange }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(null);
  const change = useRef(onChange);
  const first = useRef(value);
  const isReadOnly = onChange === undefined;
  useEffect(() => {
    change.current = onChange;
  });
  useEffect(() => {
    if (!box.current) return;
    const extensions = [
      EditorView.cspNonce.of(getNonce() ?? ""), THEME, syntaxHighlighting(HIGHLIGHT), lineNumbers(), bracketMatching(),
      LANGUAGES[language]?.() ?? [], EditorView.contentAttributes.of({ "aria-label": label }), drawSelection(),
      ...(isReadOnly
        ? [EditorState.readOnly.of(true), EditorView.editable.of(false), EditorView.contentAttributes.of({ tabindex: "0" })]
        : [history(), indentOnInput(), highlightActiveLine(), keymap.of([...defaultKeymap, ...historyKeymap, indentWithTab])]),
      EditorView.updateListener.of((update) => {
        if (update.docChanged) change.current?.(update.state.doc.toString());
      }),
    ];
    const made = new EditorView({ parent: box.current, state: EditorState.create({ doc: first.current, extensions }) });
    view.current = made;
    return () => {
      first.current = made.state.doc.toString();
      made.destroy();
    };
  }, [label, language, isReadOnly]);
  useEffect(() => {
    const shown = view.current?.state.doc;
    if (shown && shown.toString() !== value) view.current?.dispatch({ changes: { from: 0, to: shown.length, insert: value } });
  }, [value]);
  return <div ref={box} className="editor" style={{ "--editor-most": maxHeight } as CSSProperties} />;
}
