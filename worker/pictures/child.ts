// The process that reads the bytes of strangers. It has no key and no address, and ends with its parent.
import { makePictures } from './derive.ts';
import type { Order } from './order.ts';

process.on('disconnect', () => process.exit());
process.on('message', async (order: Order) => {
  process.send?.(await makePictures(order));
});
process.send?.('ready');
