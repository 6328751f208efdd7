// The state of an execution, a step or an approval, in a word and a colour.
import { Badge } from "@mantine/core";

const COLOURS: Readonly<Record<string, string>> = {
  queued: "gray",
  running: "blue",
  waiting: "grape",
  succeeded: "green",
  failed: "red",
  cancelled: "gray",
  unknown: "orange",
  pending: "grape",
  approved: "green",
  rejected: "red",
  expired: "orange",
};

export function StatusBadge({ status }: { status: string }) {
  return (
    <Badge variant="dot" color={COLOURS[status] ?? "gray"} tt="none" fw={500}>
      {status}
    </Badge>
  );
}
