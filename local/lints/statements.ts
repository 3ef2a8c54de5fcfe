/** One statement of an SQL file, without comments. */
export interface Statement {
  text: string;
  /** Bodies in dollar quotes, outermost only, without their quotes. */
  bodies: string[];
  line: number;
}

/** What begins here and must be taken whole: a comment, a string, a quoted name, a dollar-quoted body. */
const whole = /--[^\n]*|\/\*[\s\S]*?\*\/|'(?:[^']|'')*'|"(?:[^"]|"")*"|(\$\w*\$)([\s\S]*?)\1/y;

/** Splits a file at the semicolons that end statements. */
export function splitStatements(sql: string): Statement[] {
  const statements: Statement[] = [];
  let text = '';
  let bodies: string[] = [];
  let start = 0;
  const finish = (end: number) => {
    if (text.trim() !== '') {
      const line = sql.slice(0, start).split('\n').length;
      statements.push({ text: text.trim(), bodies, line });
    }
    text = '';
    bodies = [];
    start = end;
  };
  for (let at = 0; at < sql.length; ) {
    whole.lastIndex = at;
    const match = whole.exec(sql);
    const piece = match?.[0] ?? (sql[at] as string);
    at += piece.length;
    if (piece === ';') {
      finish(at);
      continue;
    }
    const isComment = piece.startsWith('--') || piece.startsWith('/*');
    if (text === '' && (isComment || piece.trim() === '')) start = at;
    else text += isComment ? ' ' : piece;
    if (match?.[2] !== undefined) bodies.push(match[2]);
  }
  finish(sql.length);
  return statements;
}

/** A body without its comments and string literals, so that rules see only code. */
export function codeOf(body: string): string {
  return body.replaceAll(/--[^\n]*|\/\*[\s\S]*?\*\/|'(?:[^']|'')*'/g, (found) =>
    found.startsWith("'") ? "''" : ' ',
  );
}
