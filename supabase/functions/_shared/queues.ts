/** Runs `items`, at most `width` of them at a time, in their order. */
export async function runAll<T>(
  items: readonly T[],
  width: number,
  run: (item: T) => Promise<void>,
): Promise<void> {
  const waiting = [...items];
  const worker = async (): Promise<void> => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await run(item);
  };
  await Promise.all(Array.from({ length: width }, worker));
}

/** Runs the items of one queue one after the other, and the queues side by side. */
export async function runInQueues<T>(
  items: readonly T[],
  queueOf: (item: T) => string,
  run: (item: T) => Promise<void>,
): Promise<void> {
  await Promise.all([...Map.groupBy(items, queueOf).values()].map((queue) => runAll(queue, 1, run)));
}
