// Sends a form: what the server says about a field is shown at the field, the rest above the button.
import type { UseFormReturnType } from "@mantine/form";
import { useMutation } from "@tanstack/react-query";
import { problemOf } from "../api/problem.ts";

export function useFormAction<Values extends Record<string, unknown>>(
  form: UseFormReturnType<Values>,
  action: (values: Values) => Promise<unknown>,
) {
  const mutation = useMutation({
    mutationFn: action,
    onError(error) {
      const own = problemOf(error).errors.filter(({ path }) => path in form.getValues());
      form.setErrors(Object.fromEntries(own.map(({ path, message }) => [path, message])));
    },
  });
  return {
    submit: form.onSubmit((values) => mutation.mutate(values)),
    pending: mutation.isPending,
    error: mutation.error,
    done: mutation.isSuccess,
    fields: Object.keys(form.getValues()),
  };
}
