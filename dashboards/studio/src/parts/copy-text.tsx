// Puts a text on the clipboard and says that it did.
import { Button } from "@mantine/core";
import { useClipboard } from "@mantine/hooks";
import type { ReactNode } from "react";

export function CopyText({ text, children }: { text: string; children: ReactNode }) {
  const clipboard = useClipboard();
  return (
    <Button variant="default" onClick={() => clipboard.copy(text)}>
      {clipboard.copied ? "Copied" : children}
    </Button>
  );
}
