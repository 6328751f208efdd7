// One line of the old audit log: a JSON object, or "TIMESTAMP LEVEL message".
import { cleanText } from "./clean-text.ts";
import { textOf } from "./read-graph.ts";
import { readTime } from "./read-time.ts";
import { fieldsOf } from "./read-workflow.ts";
import { findJsonFault } from "./scan-json.ts";

export type OldAuditEntry = {
  at: string;
  action: string;
  targetType: string;
  targetId: string | null;
  /** Everything else the line says, under the names it had. */
  details: Record<string, unknown>;
};

const PLAIN =
  /^\[?(\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)? ?(?:Z|[+-]\d\d:?\d\d)?)\]?\s+\[?([A-Za-z]+)\]?:?\s+(\S.*)$/;

/** The reason when the line cannot be used. */
export function readAuditLine(text: string): OldAuditEntry | string {
  return text.trimStart().startsWith("{") ? readJsonLine(text) : readPlainLine(text);
}

function readJsonLine(text: string): OldAuditEntry | string {
  const fault = findJsonFault(text);
  if (fault) return fault.reason;
  const { action: oldAction, timestamp, ...rest } = fieldsOf(cleanText(JSON.parse(text)).value) ?? {};
  const at = readTime(timestamp);
  const action = textOf(oldAction);
  if (at === null) return "the timestamp is missing or no time";
  if (action === null) return "the action is missing";
  const { targetType, targetId } = readResource(rest.resource);
  return { at, action, targetType, targetId, details: { ...rest, timestamp } };
}

function readPlainLine(text: string): OldAuditEntry | string {
  const [, timestamp, level, message] = PLAIN.exec(text.trim()) ?? [];
  const at = readTime(timestamp);
  if (at === null || !level || !message) return 'neither JSON nor "TIMESTAMP LEVEL message"';
  const details = cleanText({ timestamp, level: level.toUpperCase(), message }).value as Record<
    string,
    unknown
  >;
  return { at, action: "log", targetType: "log", targetId: null, details };
}

/** `workflow:12`, `workflow/12` or `{type, id}`. */
function readResource(resource: unknown): { targetType: string; targetId: string | null } {
  const fields = fieldsOf(resource);
  if (fields) return { targetType: textOf(fields.type) ?? "resource", targetId: textOf(fields.id) };
  const text = textOf(resource);
  const [, type, id] = /^([A-Za-z_-]{1,40})[:/](.+)$/.exec(text ?? "") ?? [];
  return { targetType: type ?? "resource", targetId: id ?? text };
}
