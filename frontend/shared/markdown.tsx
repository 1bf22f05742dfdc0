// The little of Markdown that our own texts use: headings, lists, paragraphs,
// `code` and *emphasis*. Everything else stays text; nothing becomes HTML.
import { Code, List, Text, Title, type TitleOrder } from "@mantine/core";
import { Fragment, type ReactNode } from "react";

export function Markdown({ text, from = 2 }: { text: string; from?: TitleOrder }): ReactNode {
  return text.split(/\n{2,}/).map((block, i) => <Block key={i} block={block.trim()} from={from} />);
}

function Block({ block, from }: { block: string; from: TitleOrder }): ReactNode {
  const heading = /^(#{1,4}) (.*)$/s.exec(block);
  if (heading) {
    const order = Math.min(6, from + heading[1]!.length - 1) as TitleOrder;
    return (
      <Title order={order} size={heading[1]!.length === 1 ? "h3" : "h5"} mt="md" mb={4}>
        {heading[2]}
      </Title>
    );
  }
  if (block.startsWith("- ")) {
    return (
      <List spacing={4} my="xs">
        {block.split(/\n(?=- )/).map((item, i) => (
          <List.Item key={i}>
            <Inline text={item.slice(2)} />
          </List.Item>
        ))}
      </List>
    );
  }
  return (
    <Text my="xs">
      <Inline text={block} />
    </Text>
  );
}

function Inline({ text }: { text: string }): ReactNode {
  return text
    .replace(/\s*\n\s*/g, " ")
    .split(/(`[^`]+`|\*[^*]+\*)/)
    .map((part, i) => {
      if (part.length > 2 && part.startsWith("`")) return <Code key={i}>{part.slice(1, -1)}</Code>;
      if (part.length > 2 && part.startsWith("*")) return <em key={i}>{part.slice(1, -1)}</em>;
      return <Fragment key={i}>{part}</Fragment>;
    });
}
