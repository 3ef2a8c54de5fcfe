/** Runs what is in a queue, so many at a time. */
export async function drain<T>(queue: T[], width: number, run: (item: T) => Promise<void>): Promise<void> {
  const lane = async (): Promise<void> => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await run(item);
  };
  await Promise.all(Array.from({ length: width }, lane));
}

/** Runs items of one lane one after the other, and the lanes side by side. */
export async function inLanes<T>(
  items: readonly T[],
  laneOf: (item: T) => string,
  run: (item: T) => Promise<void>,
): Promise<void> {
  await Promise.all([...Map.groupBy(items, laneOf).values()].map((lane) => drain(lane, 1, run)));
}
