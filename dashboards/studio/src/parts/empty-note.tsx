// What to do next, where a list is still empty.
import { Paper, Text, Title } from "@mantine/core";
import type { ReactNode } from "react";

export function EmptyNote({ title, children }: { title: string; children: ReactNode }) {
  return (
    <Paper withBorder p="xl" ta="center">
      <Title order={2} size="h4">
        {title}
      </Title>
      <Text c="dimmed" component="div" mt="xs">
        {children}
      </Text>
    </Paper>
  );
}
