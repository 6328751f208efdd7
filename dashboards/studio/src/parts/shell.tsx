// The frame around everything for people who are signed in: navigation, workspace, account.
import { AppShell, Button, Container, Group, Text } from "@mantine/core";
import { Outlet } from "@tanstack/react-router";
import { useLogout, useMe, useOpenQueues } from "../queries/use-identity.ts";
import { NavigationLink } from "./links.tsx";
import { ProblemAlert } from "./problem-alert.tsx";
import { WorkspaceSelect } from "./workspace-select.tsx";

export function Shell() {
  return (
    <AppShell header={{ height: { base: 120, xs: 104, sm: 60 } }} padding="md">
      <a className="skip" href="#content">
        Skip to the content
      </a>
      <AppShell.Header>
        <Header />
      </AppShell.Header>
      <AppShell.Main id="content" tabIndex={-1}>
        <Container size="lg">
          <Outlet />
        </Container>
      </AppShell.Main>
    </AppShell>
  );
}

function Header() {
  const me = useMe();
  const logout = useLogout();
  const queues = useOpenQueues();
  return (
    <Group h="100%" px="md" justify="space-between" gap="xs">
      <Group gap="xs" component="nav" aria-label="Main">
        <Text fw={700}>Atelier</Text>
        <NavigationLink to="/workflows">Workflows</NavigationLink>
        <NavigationLink to="/executions">Executions</NavigationLink>
        <NavigationLink to="/approvals">Approvals</NavigationLink>
        <NavigationLink to="/account">Account</NavigationLink>
        {me.data?.user.isAdmin && (
          <Button
            variant="subtle"
            size="compact-sm"
            loading={queues.isPending}
            onClick={() => queues.mutate(false)}
          >
            Queues
          </Button>
        )}
      </Group>
      <Group gap="xs">
        <WorkspaceSelect />
        <Text size="sm" c="dimmed" visibleFrom="md">
          {me.data?.user.email}
        </Text>
        <Button
          variant="default"
          size="compact-sm"
          loading={logout.isPending}
          onClick={() => logout.mutate()}
        >
          Log out
        </Button>
      </Group>
      <ProblemAlert error={queues.error ?? logout.error} />
    </Group>
  );
}
