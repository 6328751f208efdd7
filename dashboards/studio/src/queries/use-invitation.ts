// An invitation to a workspace, taken up by who is signed in.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { authorized } from "../api/client.ts";
import { send } from "../api/send.ts";

export function useAcceptInvitation() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (invitation: string) =>
      authorized((token) =>
        send({ method: "POST", path: "/api/invitations/accept", token, body: { token: invitation } }),
      ),
    onSuccess: () => client.invalidateQueries(),
  });
}
