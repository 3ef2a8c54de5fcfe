/** What cameras write into a film besides pictures and sound: place, device, notes. */
const notes = new Set(['udta', 'meta', 'uuid']);
const containers = new Set(['moov', 'trak', 'mdia', 'minf', 'stbl', 'moof', 'traf']);

/**
 * Takes the notes out of an MP4 or QuickTime film: each becomes free space of the same length, so that the places of the
 * frames stay what the film says they are. The film is changed in place.
 */
export function removeNotes(film: Uint8Array): number {
  const data = new DataView(film.buffer, film.byteOffset, film.byteLength);
  let removed = 0;
  const walk = (from: number, to: number): void => {
    for (let at = from; at + 8 <= to; ) {
      const type = String.fromCharCode(...film.subarray(at + 4, at + 8));
      let length = data.getUint32(at);
      let header = 8;
      if (length === 1 && at + 16 <= to) {
        length = Number(data.getBigUint64(at + 8));
        header = 16;
      } else if (length === 0) length = to - at;
      // a film of which this is not true was refused before; four zero bytes may end a udta of QuickTime
      if (length < header || at + length > to) return;
      if (notes.has(type)) {
        film.set([0x66, 0x72, 0x65, 0x65], at + 4);
        film.fill(0, at + header, at + length);
        removed += 1;
      } else if (containers.has(type)) walk(at + header, at + length);
      at += length;
    }
  };
  walk(0, film.byteLength);
  return removed;
}
