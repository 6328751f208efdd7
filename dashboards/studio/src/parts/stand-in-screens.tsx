// What is shown while a screen is on its way, when it failed, and when there is none.
import { Anchor, Button, Center, Container, Loader, Stack, Text, Title } from "@mantine/core";
import { useRouter } from "@tanstack/react-router";
import { ProblemAlert } from "./problem-alert.tsx";

export function WaitingScreen() {
  return (
    <Center mih="40vh">
      <Loader aria-label="Loading" role="status" />
    </Center>
  );
}

export function FailedScreen({ error }: { error: unknown }) {
  const router = useRouter();
  return (
    <Container size="xs" py="xl">
      <Stack>
        <Title order={1}>This did not work</Title>
        <ProblemAlert error={error} />
        <Button onClick={() => router.invalidate()}>Try again</Button>
      </Stack>
    </Container>
  );
}

export function MissingScreen() {
  return (
    <Container size="xs" py="xl">
      <Title order={1}>Nothing lives at this address</Title>
      <Text mt="md">
        It may have been mistyped. <Anchor href="/workflows">Go to your workflows</Anchor>
      </Text>
    </Container>
  );
}
