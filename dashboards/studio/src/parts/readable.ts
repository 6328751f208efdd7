// Text that others wrote, with what would steer a terminal or turn the reading direction made visible.

// C0 and C1 controls but for tab and line feed, and the marks that reorder the text around them.
const STEERING = /[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

export function readable(text: string): string {
  return text.replace(STEERING, (char) => (char === "\n" || char === "\t" ? char : "\ufffd"));
}
