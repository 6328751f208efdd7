// The next page of a list, appended to what is shown.
import { Button } from "@mantine/core";

type Paged = { hasNextPage: boolean; isFetchingNextPage: boolean; fetchNextPage: () => Promise<unknown> };

export function MoreButton({ list }: { list: Paged }) {
  if (!list.hasNextPage) return null;
  return (
    <Button variant="default" loading={list.isFetchingNextPage} onClick={() => list.fetchNextPage()}>
      Show more
    </Button>
  );
}
