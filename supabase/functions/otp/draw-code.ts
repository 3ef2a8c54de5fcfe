/** Six random digits as text, each of the million equally likely. */
export function drawCode(): string {
  const limit = 4_294_000_000;
  for (;;) {
    const [value = limit] = crypto.getRandomValues(new Uint32Array(1));
    // the rest of the range would make some codes likelier
    if (value < limit) return String(value % 1_000_000).padStart(6, '0');
  }
}
