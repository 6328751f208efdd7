// A screen's frame: its title for people, for the browser's tab and for screen readers.
import { Group, Stack, Title } from "@mantine/core";
import { type ReactNode, useEffect, useRef } from "react";
import { useLeaving } from "./use-leaving.ts";

type Props = { title: string; actions?: ReactNode; children: ReactNode };

export function Page({ title, actions, children }: Props) {
  const heading = useRef<HTMLHeadingElement>(null);
  const leaving = useLeaving();
  useEffect(() => {
    document.title = `${title} · Atelier`;
  }, [title]);
  useEffect(() => {
    // After a change of screen the keyboard goes on from its heading; a field that asked for it comes first.
    const { activeElement } = document;
    if (!activeElement || activeElement === document.body) heading.current?.focus({ preventScroll: true });
  }, []);
  return (
    // What is typed or pressed in a screen that is about to go would be lost without a word.
    <Stack gap="md" inert={leaving} aria-busy={leaving}>
      <Group justify="space-between" align="center">
        <Title order={1} size="h2" ref={heading} tabIndex={-1}>
          {title}
        </Title>
        {actions}
      </Group>
      {children}
    </Stack>
  );
}
