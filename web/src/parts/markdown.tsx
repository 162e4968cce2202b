import { Fragment, type ReactNode } from "react";
import { Anchor, Text } from "@mantine/core";
import { blocksOf, inlineOf, type Block } from "./markdown-parts";
import { Code } from "./code";

/** Markdown as elements of ours: nothing in it is taken as HTML, and links lead only to the web. */
export function Markdown({ source, label }: { source: string; label: string }) {
  return blocksOf(source).map((block, index) => <Part key={index} block={block} label={label} />);
}

function Part({ block, label }: { block: Block; label: string }) {
  if (block.kind === "code") return <Code code={block.text} label={label} maxHeight={240} />;
  if (block.kind === "heading") return <Text size="sm" fw={650} component="h3" m={0}><Inline text={block.text} /></Text>;
  if (block.kind === "list") {
    return <ul className="markdown-list">{block.items.map((item, index) => <li key={index}><Inline text={item} /></li>)}</ul>;
  }
  return <Text size="sm"><Inline text={block.text} /></Text>;
}

function Inline({ text }: { text: string }): ReactNode {
  return inlineOf(text).map((part, index) => {
    if (part.kind === "code") return <code key={index} className="inline-code">{part.text}</code>;
    if (part.kind === "strong") return <strong key={index}>{part.text}</strong>;
    if (part.kind === "link") return <Anchor key={index} href={part.to} target="_blank" rel="noreferrer" inherit>{part.text}</Anchor>;
    return <Fragment key={index}>{part.text}</Fragment>;
  });
}
