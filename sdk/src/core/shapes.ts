import type { Functions, Rows, Tables } from '../generated/database.ts';

/**
 * What the generated types cannot know of a row or an answer: the shape of its jsonb, and what may be null in the rows
 * of a function. A resource declares its own here, by the name of the table or of the function.
 */
// biome-ignore lint/suspicious/noEmptyInterface: each resource adds its own
export interface Shapes {}

/** A row of a table, or an answer of a function, by name. */
export type Shape<Name> = Name extends keyof Shapes
  ? Shapes[Name]
  : Name extends keyof Tables
    ? Tables[Name]
    : Name extends keyof Rows
      ? Rows[Name]
      : unknown;

/** What a database function answers. */
export type Answer<N extends keyof Functions> = Functions[N] extends { value: infer Value }
  ? Value
  : Functions[N] extends { row: infer Name; many: infer Many }
    ? Many extends true
      ? Shape<Name>[]
      : Shape<Name>
    : never;

/** A row with some of its columns typed anew. */
export type Refine<
  Row,
  Better extends { [Key in keyof Better]: Key extends keyof Row ? unknown : never },
> = Omit<Row, keyof Better> & Better;

/** A row whose columns have the types of those that another row has by the same name. */
export type Like<Row, Other> = {
  [Key in keyof Row]: Key extends keyof Other ? Other[Key] : Row[Key];
};

/** A row in which these columns may be null. */
export type Nullable<Row, Key extends keyof Row> = {
  [K in keyof Row]: K extends Key ? Row[K] | null : Row[K];
};
