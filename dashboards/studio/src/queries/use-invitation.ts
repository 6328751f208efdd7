// An invitation to a workspace, taken up by who is signed in.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { call } from "../api/client.ts";

export function useAcceptInvitation() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (token: string) => call("POST /api/invitations/accept", { body: { token } }),
    onSuccess: () => client.invalidateQueries(),
  });
}
