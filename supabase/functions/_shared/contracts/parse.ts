import type { z } from 'zod';

/** What is wrong with an input, in the words of the error registry. */
export interface InputProblem {
  code: 'invalid_input' | 'unknown_field';
  field: string;
  problem: string;
}

/** Checks a value against its contract. Reports the first problem. */
export function parseInput<T>(
  schema: z.ZodType<T>,
  value: unknown,
): { data: T; problem: null } | { data: null; problem: InputProblem } {
  const result = schema.safeParse(value);
  if (result.success) return { data: result.data, problem: null };
  const [issue] = result.error.issues;
  const path = (issue?.path ?? []).map(String);
  if (issue?.code === 'unrecognized_keys') {
    const field = [...path, issue.keys[0] ?? ''].join('.');
    return {
      data: null,
      problem: { code: 'unknown_field', field, problem: 'is not a field of this request' },
    };
  }
  const field = path.join('.');
  return {
    data: null,
    problem: {
      code: 'invalid_input',
      field: field === '' ? 'body' : field,
      problem: issue?.message ?? 'is invalid',
    },
  };
}
