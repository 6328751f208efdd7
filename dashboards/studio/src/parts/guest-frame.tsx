// The frame around sign-in, sign-up and what else comes before.
import { Box, Container, Paper, Text } from "@mantine/core";
import { Outlet } from "@tanstack/react-router";

export function GuestFrame() {
  return (
    <Container size="xs" py="xl">
      <Box component="header" mb="lg">
        <Text fw={700} size="xl">
          Atelier
        </Text>
        <Text c="dimmed">Durable, audited workflows</Text>
      </Box>
      <Paper component="main" withBorder p="lg">
        <Outlet />
      </Paper>
    </Container>
  );
}
