/** A variable that `npm test` sets; these tests make no sense without a stack. */
export function setting(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: run these tests with npm test`);
  return value;
}
