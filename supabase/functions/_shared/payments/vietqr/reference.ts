// Finds our reference in the words of a bank. Banks put their own text before and after it, drop spaces around
// it and change its case, and some break it in two. Nothing else identifies the money. So when a text could
// mean another reference, an admin decides.

// J and 14 digits, with a dot, dash, underscore or up to two blanks between them. A digit right after the 14th
// makes it another number.
const written = /J[\s._-]{0,2}(\d(?:[\s._-]{0,2}\d){13})(?!\d)/gi;
const gap = /[\s._-]+/;

/** Whether J and these digits can be a reference: the first six are the date on which it was made. */
function isDated(digits: string): boolean {
  const [year, month, day] = [digits.slice(0, 2), digits.slice(2, 4), digits.slice(4, 6)].map(Number);
  if (year === undefined || month === undefined || day === undefined) return false;
  const date = new Date(Date.UTC(2000 + year, month - 1, day));
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
}

/**
 * Whether these pieces are one broken reference. Without this, somebody who lost two digits and wrote "02 ngay"
 * behind would pay for a stranger. So a short last piece counts as another word, and so do many pieces.
 */
function isOnePiece(pieces: readonly string[]): boolean {
  return pieces.length === 1 || (pieces.length <= 4 && (pieces.at(-1)?.length ?? 0) >= 3);
}

/** The one reference in these texts; null when there is none, or more than one. */
export function referenceIn(...texts: readonly string[]): string | null {
  const found = new Set<string>();
  for (const text of texts) {
    for (const [, digits = ''] of text.matchAll(written)) {
      const pieces = digits.split(gap);
      const joined = pieces.join('');
      if (isOnePiece(pieces) && isDated(joined)) found.add(`J${joined}`);
    }
  }
  const [only = null] = found;
  return found.size === 1 ? only : null;
}

/** The day a reference was made: midnight in Vietnam in milliseconds, written as if it were UTC. */
export function dayOf(reference: string): number {
  const [, year, month, day] = /^J(\d\d)(\d\d)(\d\d)\d{8}$/.exec(reference) ?? [];
  if (year === undefined || !isDated(reference.slice(1))) {
    throw new Error(`${reference} is no reference that could be found in a transfer`);
  }
  return Date.UTC(2000 + Number(year), Number(month) - 1, Number(day));
}
