// Switches between the workspaces one belongs to.
import { NativeSelect } from "@mantine/core";
import { readable } from "./readable.ts";
import { useWorkspace } from "./use-workspace.ts";

export function WorkspaceSelect() {
  const { workspaces, current, choose } = useWorkspace();
  return (
    <NativeSelect
      aria-label="Workspace"
      size="xs"
      value={current?.id ?? ""}
      onChange={(event) => choose(event.currentTarget.value)}
      data={workspaces.map(({ id, name, role }) => ({ value: id, label: `${readable(name)} (${role})` }))}
    />
  );
}
