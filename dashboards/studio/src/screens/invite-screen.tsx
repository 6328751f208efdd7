// An invitation to a workspace: /invite#token, for who has an account and for who has none yet.
import { Alert, Button, Group, Loader, Stack, Text } from "@mantine/core";
import { useLocation, useNavigate } from "@tanstack/react-router";
import { ButtonLink } from "../parts/links.tsx";
import { Page } from "../parts/page.tsx";
import { ProblemAlert } from "../parts/problem-alert.tsx";
import { useSignedIn } from "../queries/use-identity.ts";
import { useAcceptInvitation } from "../queries/use-invitation.ts";

export function InviteScreen() {
  const token = useLocation({ select: ({ hash }) => hash });
  const signedIn = useSignedIn();
  return (
    <Page title="You are invited">
      {token === "" && (
        <Alert color="red" variant="outline" title="This link is not whole">
          Open it from the message you got, or ask for another one.
        </Alert>
      )}
      {signedIn.isPending && <Loader aria-label="Loading" role="status" />}
      {token !== "" && signedIn.data === true && <Join token={token} />}
      {token !== "" && signedIn.data === false && (
        <Stack>
          <Text>Join a workspace on Atelier with the e-mail address the invitation was sent to.</Text>
          <Group>
            <ButtonLink to="/signup" hash={token} preload="render">
              Sign up
            </ButtonLink>
            <ButtonLink to="/login" hash={token} variant="default" preload="render">
              I have an account
            </ButtonLink>
          </Group>
        </Stack>
      )}
    </Page>
  );
}

function Join({ token }: { token: string }) {
  const accept = useAcceptInvitation();
  const navigate = useNavigate();
  return (
    <Stack>
      <ProblemAlert error={accept.error} />
      <Button
        loading={accept.isPending}
        onClick={() => accept.mutate(token, { onSuccess: () => navigate({ to: "/workflows" }) })}
      >
        Join the workspace
      </Button>
    </Stack>
  );
}
