// A problem in the server's own words, with the fields it names.
import { Alert, List, Text } from "@mantine/core";
import { problemOf } from "../api/problem.ts";

type Props = {
  error: unknown;
  /** Names of fields that show their own message. */
  shown?: readonly string[];
};

export function ProblemAlert({ error, shown = [] }: Props) {
  if (!error) return null;
  const { detail, errors, requestId, status } = problemOf(error);
  const rest = errors.filter(({ path }) => !shown.includes(path));
  return (
    <Alert role="alert" variant="outline" color="red" title={detail}>
      {rest.length > 0 && (
        <List size="sm">
          {rest.map(({ path, message }) => (
            <List.Item key={`${path} ${message}`}>{path === "" ? message : `${path}: ${message}`}</List.Item>
          ))}
        </List>
      )}
      {status >= 500 && requestId && <Text size="sm">Request {requestId}</Text>}
    </Alert>
  );
}
