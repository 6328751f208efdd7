// Which of my workspaces I am looking at; kept in the browser, as a convenience only.
import { useLocalStorage } from "@mantine/hooks";
import { useMe } from "../queries/use-identity.ts";

export function useWorkspace() {
  const me = useMe();
  const [chosen, choose] = useLocalStorage<string>({ key: "atelier.workspace", defaultValue: "" });
  const workspaces = me.data?.workspaces ?? [];
  // One that I have left, or another person's on this machine, is as good as none.
  const current = workspaces.find(({ id }) => id === chosen) ?? workspaces[0];
  return { workspaces, current, choose, known: me.data !== undefined, error: me.error };
}
