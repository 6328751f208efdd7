// A JSON value as text: whatever is in it, it cannot become markup or a link.
import { Code } from "@mantine/core";
import { useMemo } from "react";
import { readable } from "./readable.ts";

// A megabyte of text makes browsers slow; the whole value is one call of the API away.
const MAX_CHARS = 200_000;

export function JsonBlock({ value, label }: { value: unknown; label: string }) {
  const text = useMemo(() => {
    const whole = readable(JSON.stringify(value, null, 2) ?? "nothing");
    return whole.length <= MAX_CHARS
      ? whole
      : `${whole.slice(0, MAX_CHARS)}\n… ${whole.length - MAX_CHARS} more characters`;
  }, [value]);
  return (
    // Can be scrolled, so it can be reached by keyboard.
    <Code block className="json" component="pre" role="region" aria-label={label} tabIndex={0}>
      {text}
    </Code>
  );
}
