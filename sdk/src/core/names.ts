type CamelName<Name> = Name extends `${infer Head}_${infer Tail}`
  ? `${Head}${Capitalize<CamelName<Tail>>}`
  : Name;
type SnakeName<Name> = Name extends `${infer Head}${infer Tail}`
  ? Head extends Lowercase<Head>
    ? `${Head}${SnakeName<Tail>}`
    : `_${Lowercase<Head>}${SnakeName<Tail>}`
  : Name;

/** Arguments as methods take them: `min_price` is `minPrice`. */
export type Camel<Args> = { [Key in keyof Args as CamelName<Key>]: Args[Key] };

/** What is given to a method, as the database takes it: `minPrice` is `min_price`. */
export type Snake<Given> = { [Key in keyof Given as SnakeName<Key>]: Given[Key] };

export function snakeKeys<Given extends object>(given: Given): Snake<Given> {
  const named = Object.entries(given).map(([key, value]) => [
    key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
    value,
  ]);
  return Object.fromEntries(named);
}
