interface Node {
  kind: string;
}

interface RawNode extends Node {
  sqlFragments: string[];
  parameters: Node[];
}

const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && 'kind' in value;

const isRaw = (node: Node): node is RawNode => node.kind === 'RawNode';

const bareName = /^[A-Za-z_][A-Za-z0-9_]*$/;

function quoteName(node: RawNode): RawNode {
  const [name, ...rest] = node.parameters;
  if (!/ := $/.test(node.sqlFragments[1] ?? '') || !name || !isRaw(name)) return node;
  const text = name.sqlFragments[0] ?? '';
  if (name.sqlFragments.length !== 1 || !bareName.test(text)) return node;
  return { ...node, parameters: [{ ...name, sqlFragments: [`"${text}"`] } as RawNode, ...rest] };
}

/**
 * Quotes the argument names in a function call. `@supabase/lite` 0.10.0 writes `position := $1`, which is a
 * syntax error for an argument whose name is a keyword; PostgREST quotes them.
 */
export function quoteArgumentNames<T>(value: T): T {
  if (Array.isArray(value)) return value.map(quoteArgumentNames) as T;
  // What a client sent is inside value nodes, which stay unchanged.
  if (!isNode(value) || value.kind === 'ValueNode') return value;
  const copy = Object.fromEntries(
    Object.entries(value).map(([key, child]) => [key, quoteArgumentNames(child)]),
  );
  const node = copy as unknown as Node;
  return (isRaw(node) ? quoteName(node) : node) as T;
}
